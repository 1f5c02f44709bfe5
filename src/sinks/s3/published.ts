import type {ObjectStore} from '../objects/object-store.ts';
import {parseManifestKey, type ScopeLayout} from './layout.ts';
import {parseLatest, parseManifest, type Latest, type Manifest} from './manifest.ts';

/** What is published of a scope by now. */
export interface Published {
  readonly latest: Latest | null;
  /** The newest manifests of each kind. */
  readonly changes: Manifest | null;
  readonly snapshot: Manifest | null;
  /** Greatest sequence of any manifest; 0 for none. */
  readonly newest: number;
  /** Up to which run each stream has been applied. */
  readonly positions: Readonly<Record<string, number>>;
}

/**
 * Finds the newest manifests of a scope. The pointer says from where to look: it may lag behind (a publisher died before
 * moving it, or a late one moved it back), never ahead, so what the list shows behind it decides.
 */
export async function findPublished(store: ObjectStore, layout: ScopeLayout): Promise<Published> {
  const pointer = await store.get(layout.latest());
  const latest = pointer === null ? null : parseLatest(pointer, store.urlOf(layout.latest()));
  const newest = {changes: 0, snapshot: 0};
  // Less than the key of any manifest of that sequence, more than those before.
  const after = latest === null ? undefined : layout.manifest(latest.sequence).replace(/\.json$/, '');
  for await (const {key} of store.list(layout.manifests(), after)) {
    const name = parseManifestKey(key);
    if (name === null || name.kind === 'stream') continue;
    newest[name.kind] = Math.max(newest[name.kind], name.sequence);
  }
  const read = async (url: string | null, key: string | null): Promise<Manifest | null> => {
    const at = key ?? (url === null ? null : keyOf(store, layout, url));
    const bytes = at === null ? null : await store.get(at);
    return bytes === null || at === null ? null : parseManifest(bytes, store.urlOf(at));
  };
  const changes = await read(latest?.manifest ?? null, newest.changes === 0 ? null : layout.manifest(newest.changes));
  const snapshotKey = newest.snapshot === 0 ? null : layout.snapshotManifest(newest.snapshot);
  const snapshot = await read(latest?.snapshot_manifest ?? null, snapshotKey);
  const byAge = [changes, snapshot].filter((each) => each !== null).sort((a, b) => a.sequence - b.sequence);
  return {
    latest,
    changes,
    snapshot,
    newest: byAge.at(-1)?.sequence ?? 0,
    positions: Object.assign({}, ...byAge.map((each) => each.positions)) as Record<string, number>,
  };
}

/** Key of a manifest by its URL in the pointer. */
function keyOf(store: ObjectStore, layout: ScopeLayout, url: string): string | null {
  const root = store.urlOf('');
  return url.startsWith(root) ? url.slice(root.length) : `${layout.manifests()}${url.split('/').at(-1) ?? ''}`;
}
