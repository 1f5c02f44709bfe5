import type {ObjectStore} from '../objects/object-store.ts';
import {parseManifestKey, type ScopeLayout} from './layout.ts';
import {parseManifest, type Manifest} from './manifest.ts';

/**
 * Removes what the newest snapshot makes superfluous and what is older than `before`: changes up to the snapshot, and
 * earlier snapshots. Parts go before their manifest, which is how a later call finds what this one did not get to.
 */
export async function retire(
  store: ObjectStore,
  layout: ScopeLayout,
  snapshot: Manifest,
  beforeMs: number,
  guard: () => Promise<void>,
): Promise<void> {
  const root = store.urlOf('');
  for await (const {key} of store.list(layout.manifests())) {
    const name = parseManifestKey(key);
    if (name === null || name.kind === 'stream') continue;
    if (name.sequence > snapshot.sequence || (name.kind === 'snapshot' && name.sequence === snapshot.sequence))
      continue;
    const bytes = await store.get(key);
    if (bytes === null) continue;
    const manifest = parseManifest(bytes, store.urlOf(key));
    if (Date.parse(manifest.published_at) >= beforeMs) continue;
    await guard();
    await store.delete(manifest.entries.map(({url}) => url.slice(root.length)));
    const streams = Object.keys(manifest.streams).map((stream) => layout.streamManifest(name.sequence, stream));
    await store.delete(name.kind === 'changes' ? [...streams, key] : [key]);
  }
}
