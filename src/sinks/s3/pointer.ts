import type {ObjectStore} from '../objects/object-store.ts';
import type {ScopeLayout} from './layout.ts';
import {parseLatest, toBytes, type Latest, type Manifest} from './manifest.ts';

/**
 * Moves the pointer to these, forward only: one that shows a greater sequence stays. A publisher that was overtaken can
 * move it back only where the store honours no conditions; the next order sets that right (see findPublished).
 */
export async function point(
  store: ObjectStore,
  layout: ScopeLayout,
  changes: Manifest | null,
  snapshot: Manifest | null,
): Promise<void> {
  const newest = (snapshot?.sequence ?? 0) > (changes?.sequence ?? 0) ? snapshot : changes;
  if (newest === null) return;
  const latest: Latest = {
    run_id: newest.run_id,
    sequence: newest.sequence,
    manifest: changes === null ? null : store.urlOf(layout.manifest(changes.sequence)),
    snapshot_manifest: snapshot === null ? null : store.urlOf(layout.snapshotManifest(snapshot.sequence)),
  };
  const url = store.urlOf(layout.latest());
  await store.advance(layout.latest(), toBytes(latest), (there) => {
    return there === null || parseLatest(there, url).sequence <= latest.sequence;
  });
}
