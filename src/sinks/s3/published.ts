import type {ObjectStore} from '../objects/object-store.ts';
import {parseManifestKey, type ScopeLayout} from './layout.ts';
import {parseLatest, parseManifest, type Latest, type Manifest} from './manifest.ts';

/** What is published of a scope by now. */
export interface Published {
  readonly latest: Latest | null;
  /** The newest manifests of each kind. */
  readonly changes: Manifest | null;
  readonly snapshot: Manifest | null;
  /** The newer of the two; null when nothing is published. */
  readonly newest: Manifest | null;
  /** Up to which run each stream has been applied, by the newest. */
  readonly positions: Readonly<Record<string, number>>;
}

/**
 * Finds the newest manifests of a scope. The pointer says from where to look: it may lag behind (a publisher died before
 * moving it, or a late one moved it back), never ahead, so what the list shows behind it decides.
 */
export async function findPublished(store: ObjectStore, layout: ScopeLayout): Promise<Published> {
  const pointer = await store.get(layout.latest());
  const latest = pointer === null ? null : parseLatest(pointer, store.urlOf(layout.latest()));
  const listed = {changes: 0, snapshot: 0};
  // Less than the key of any manifest of that sequence, more than those before.
  const after = latest === null ? undefined : layout.manifest(latest.sequence).replace(/\.json$/, '');
  for await (const {key} of store.list(layout.manifests(), after)) {
    const name = parseManifestKey(key);
    if (name === null || name.kind === 'stream') continue;
    listed[name.kind] = Math.max(listed[name.kind], name.sequence);
  }
  const read = async (url: string | null, key: string | null): Promise<Manifest | null> => {
    const at = key ?? (url === null ? null : keyOf(layout, url));
    const bytes = at === null ? null : await store.get(at);
    return bytes === null || at === null ? null : parseManifest(bytes, store.urlOf(at));
  };
  const changes = await read(latest?.manifest ?? null, listed.changes === 0 ? null : layout.manifest(listed.changes));
  const snapshotKey = listed.snapshot === 0 ? null : layout.snapshotManifest(listed.snapshot);
  const snapshot = await read(latest?.snapshot_manifest ?? null, snapshotKey);
  const newest = (snapshot?.sequence ?? 0) >= (changes?.sequence ?? 0) ? snapshot : changes;
  return {latest, changes, snapshot, newest, positions: newest?.positions ?? {}};
}

/**
 * The sequence behind which the next changes go on: that of the last ones, unless a snapshot has made the sink anew since
 * (`previous_sequence` of it says so), or they were retired.
 */
export function predecessor({changes, snapshot}: Pick<Published, 'changes' | 'snapshot'>): number {
  if (changes === null || snapshot === null) return changes?.sequence ?? snapshot?.sequence ?? 0;
  const isAnew = snapshot.sequence > changes.sequence && snapshot.previous_sequence < changes.sequence;
  return isAnew ? snapshot.sequence : changes.sequence;
}

/** Key of a manifest by its name in the pointer, not by its URL: the prefix may have been moved since. */
const keyOf = (layout: ScopeLayout, url: string): string => layout.manifests() + url.slice(url.lastIndexOf('/') + 1);
