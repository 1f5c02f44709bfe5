import type {ObjectStore} from '../objects/object-store.ts';
import {parseManifestKey, type ScopeLayout} from './layout.ts';
import {parseManifest, type Manifest, type ManifestEntry} from './manifest.ts';

/** From when on something that a snapshot makes superfluous goes. */
export interface RetireRule {
  /** What was published before this moment, epoch ms. */
  readonly beforeMs: number;
  /** What was published before this run: it holds what has been removed for good since. 0: nothing has. */
  readonly purgedAt: number;
}

/** Does the snapshot make it superfluous, and is it to go? */
export function isRetired(manifest: Manifest, snapshot: Manifest, {beforeMs, purgedAt}: RetireRule): boolean {
  const isCovered =
    manifest.kind === 'changes' ? manifest.sequence <= snapshot.sequence : manifest.sequence < snapshot.sequence;
  return isCovered && (Date.parse(manifest.published_at) < beforeMs || manifest.sequence < purgedAt);
}

/**
 * Removes what the newest snapshot makes superfluous and what the rule lets go: changes up to the snapshot, and
 * earlier snapshots. Parts go before their manifest, which is how a later call finds what this one did not get to.
 */
export async function retire(
  store: ObjectStore,
  layout: ScopeLayout,
  snapshot: Manifest,
  rule: RetireRule,
  guard: () => Promise<void>,
): Promise<void> {
  for await (const {key} of store.list(layout.manifests())) {
    const name = parseManifestKey(key);
    if (name === null || name.kind === 'stream') continue;
    if (name.sequence > snapshot.sequence) return;
    const bytes = await store.get(key);
    if (bytes === null) continue;
    const manifest = parseManifest(bytes, store.urlOf(key));
    if (!isRetired(manifest, snapshot, rule)) continue;
    await guard();
    await store.delete(manifest.entries.map((entry) => partKey(layout, manifest, entry)));
    const streams = Object.keys(manifest.streams).map((stream) => layout.streamManifest(name.sequence, stream));
    await store.delete(name.kind === 'changes' ? [...streams, key] : [key]);
  }
}

/** Key of a part by its place, not by its URL: the prefix may have been moved since. */
export function partKey(layout: ScopeLayout, {kind, run_id}: Manifest, {url, stream}: ManifestEntry): string {
  const folder = kind === 'changes' ? layout.changes(stream, run_id) : layout.snapshot(stream, run_id);
  return folder + url.slice(url.lastIndexOf('/') + 1);
}
