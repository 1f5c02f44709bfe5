import type {ObjectStore} from '../objects/object-store.ts';
import type {ApplyOrder} from '../sink.ts';
import {OWNER, parseManifestKey, type ScopeLayout} from './layout.ts';
import {parseManifest} from './manifest.ts';
import {partKey} from './retire.ts';

/**
 * Removes what orders that did not get to their end have left: uploads that nobody will complete, parts that no manifest
 * lists, manifests of single streams without the run's own, and manifests that came too late. May be repeated.
 * @param order names those runs; its guard is asked before anything is removed
 */
export async function clearUp(store: ObjectStore, layout: ScopeLayout, order: ApplyOrder): Promise<void> {
  if (order.unfinished.length === 0) return;
  for (const {stream} of order.tables) await store.sweep(layout.stream(stream));
  for (const prefix of [layout.manifests(), layout.latest(), OWNER]) await store.sweep(prefix);
  for (const left of order.unfinished) await removeUnlisted(store, layout, order, left);
}

async function removeUnlisted(
  store: ObjectStore,
  layout: ScopeLayout,
  order: ApplyOrder,
  {runId, sequence}: ApplyOrder['unfinished'][number],
): Promise<void> {
  const manifests = await keysOf(store, layout.manifestsOf(sequence));
  const kinds = new Set(manifests.map((key) => parseManifestKey(key)?.kind));
  if (await isLate(store, layout, layout.manifest(sequence))) kinds.delete('changes');
  if (await isLate(store, layout, layout.snapshotManifest(sequence))) kinds.delete('snapshot');
  const unlisted = manifests.filter((key) => {
    const kind = parseManifestKey(key)?.kind;
    return kind === 'snapshot' ? !kinds.has('snapshot') : !kinds.has('changes');
  });
  for (const {stream} of order.tables) {
    if (!kinds.has('changes')) unlisted.push(...(await keysOf(store, layout.changes(stream, runId))));
    if (!kinds.has('snapshot')) unlisted.push(...(await keysOf(store, layout.snapshot(stream, runId))));
  }
  if (unlisted.length === 0) return;
  await order.guard();
  await store.delete(unlisted);
}

/**
 * Removes manifests of a run that their publisher wrote after it was overtaken, if they list what is not there. Nobody
 * is asked: they count for nobody, and whoever wrote them is the first to know.
 */
export async function removeLate(store: ObjectStore, layout: ScopeLayout, sequence: number): Promise<void> {
  for (const key of await keysOf(store, layout.manifestsOf(sequence))) {
    if (await isLate(store, layout, key)) await store.delete([key]);
  }
}

/**
 * Was the manifest written by one who stood still before this step and was overtaken by the order of a later run? That
 * one had found no manifest and has removed the parts.
 */
async function isLate(store: ObjectStore, layout: ScopeLayout, key: string): Promise<boolean> {
  const bytes = await store.get(key);
  if (bytes === null) return false;
  for (const part of partsOf(store, layout, key, bytes)) if ((await store.head(part)) === null) return true;
  return false;
}

function partsOf(store: ObjectStore, layout: ScopeLayout, key: string, bytes: Buffer): string[] {
  const name = parseManifestKey(key);
  if (name?.kind === 'stream') {
    const {entries} = JSON.parse(bytes.toString('utf8')) as {entries: {url: string}[]};
    // By folder and name, as partKey does: it has no run id to ask for.
    return entries.map(({url}) => layout.stream(name.stream) + url.split('/').slice(-2).join('/'));
  }
  const manifest = parseManifest(bytes, store.urlOf(key));
  return manifest.entries.map((entry) => partKey(layout, manifest, entry));
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const {key} of store.list(prefix)) keys.push(key);
  return keys;
}
