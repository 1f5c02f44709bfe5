import type {Scope} from '../../core/scope.ts';
import {SinkOwnedError, SinkRefusedError} from '../errors.ts';
import type {PartFormat} from '../formats/part-format.ts';
import type {ObjectStore} from '../objects/object-store.ts';
import type {SinkTable} from '../sink.ts';
import type {Change} from '../table-shape.ts';
import {EXPORT, OWNER, parseManifestKey, ScopeLayout} from './layout.ts';
import {MANIFEST_VERSION, parseManifest, parseOwner, toBytes, type Latest, type Manifest} from './manifest.ts';
import {partKey} from './retire.ts';
import {StagedParts} from './staged-parts.ts';

/** What to export of one scope: its living rows as of one moment. */
export interface ExportOrder {
  readonly storeId: string;
  /** The newest run that the rows know of. */
  readonly runId: string;
  readonly sequence: number;
  readonly scope: Scope;
  readonly startedAt: Date;
  /** When that run was closed, or began: the same whenever the same rows are exported. */
  readonly asOf: Date;
  readonly tables: readonly SinkTable[];
  /** All living rows in key order, in bounded portions. */
  readonly current: (stream: string) => AsyncIterable<readonly Change[]>;
}

/**
 * Makes a place one for exports of this store, before anything is written there. An export is no feed: it neither claims
 * a feed's prefix nor lets one claim its own.
 * @throws SinkOwnedError where a feed is, or exports of another store; SinkRefusedError where anything else is
 */
export async function claimForExport(store: ObjectStore, storeId: string): Promise<void> {
  const feed = await store.get(OWNER);
  if (feed !== null) {
    const {store_id: owner} = parseOwner(feed, store.urlOf(OWNER));
    throw new SinkOwnedError(
      `${store.urlOf('')}: expected an empty prefix or an earlier export, found the feed of store ${owner}: export to another prefix`,
    );
  }
  const earlier = await store.get(EXPORT);
  if (earlier === null) {
    for await (const {key} of store.list('')) {
      throw new SinkRefusedError(
        `${store.urlOf('')}: expected an empty prefix or an earlier export, found ${key}: export to another prefix`,
      );
    }
    const mine = toBytes({version: MANIFEST_VERSION, store_id: storeId});
    if (await store.putIfAbsent(EXPORT, mine)) return;
  }
  const bytes = earlier ?? (await store.get(EXPORT));
  const owner = bytes === null ? '?' : parseOwner(bytes, store.urlOf(EXPORT)).store_id;
  if (owner === storeId) return;
  throw new SinkOwnedError(
    `${store.urlOf('')}: expected an empty prefix or an earlier export of this store (${storeId}), found one of store ${owner}: export to another prefix`,
  );
}

/**
 * Exports a scope as a snapshot (contract, section 6): all parts are stored before the first is shown, and count by the
 * manifest, which comes last. The same rows make the same bytes, and exporting them again changes nothing; streams that
 * an earlier export of the same run had and this one has not stay in its manifest.
 */
export async function exportObjects(
  store: ObjectStore,
  format: PartFormat,
  order: ExportOrder,
  signal: AbortSignal,
): Promise<Manifest> {
  const layout = new ScopeLayout(order.scope);
  const key = layout.snapshotManifest(order.sequence);
  const parts = new StagedParts(store, format, `${order.storeId}/${order.runId}/export`);
  try {
    for (const table of order.tables) {
      const folder = layout.snapshot(table.stream, order.runId);
      // What an export that was killed has uploaded and not shown.
      await store.sweep(folder);
      await parts.write(layout, folder, table, order.current(table.stream), () => undefined, signal);
    }
    const bytes = await store.get(key);
    const before = bytes === null ? null : parseManifest(bytes, store.urlOf(key));
    const manifest = manifestOf(order, parts, before);
    if (bytes?.equals(toBytes(manifest)) === true) {
      const left = await parts.abandon();
      if (left !== null) throw left;
    } else {
      // Rows have changed under the same run, which is still being read: nothing counts while parts are replaced.
      if (before !== null) await store.delete([key]);
      await parts.publish(() => Promise.resolve(signal.throwIfAborted()));
      await store.put(key, toBytes(manifest));
    }
    await point(store, layout, manifest);
    await removeUnlisted(store, layout, order.tables);
    return manifest;
  } catch (error) {
    await parts.abandon();
    throw error;
  }
}

function manifestOf(order: ExportOrder, parts: StagedParts, before: Manifest | null): Manifest {
  const {entries, streams} = parts.listing();
  const {sequence, tables} = order;
  const isOurs = (stream: string): boolean => tables.some((table) => table.stream === stream);
  const kept = before?.entries.filter(({stream}) => !isOurs(stream)) ?? [];
  const keptStreams = Object.entries(before?.streams ?? {}).filter(([stream]) => !isOurs(stream));
  const positions = tables.map(({stream}) => [stream, sequence] as const);
  return {
    version: MANIFEST_VERSION,
    store_id: order.storeId,
    run_id: order.runId,
    sequence,
    user_id: order.scope.userId,
    app_id: order.scope.appId,
    kind: 'snapshot',
    previous_sequence: 0,
    started_at: order.startedAt.toISOString(),
    published_at: order.asOf.toISOString(),
    streams: inOrder([...keptStreams, ...Object.entries(streams)]),
    entries: [...kept, ...entries].sort((a, b) => (a.url < b.url ? -1 : a.url > b.url ? 1 : 0)),
    positions: inOrder([...Object.entries(before?.positions ?? {}), ...positions]),
  };
}

const inOrder = <Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

async function point(store: ObjectStore, layout: ScopeLayout, manifest: Manifest): Promise<void> {
  const latest: Latest = {
    run_id: manifest.run_id,
    sequence: manifest.sequence,
    manifest: null,
    snapshot_manifest: store.urlOf(layout.snapshotManifest(manifest.sequence)),
  };
  const bytes = toBytes(latest);
  if ((await store.get(layout.latest()))?.equals(bytes) !== true) await store.put(layout.latest(), bytes);
}

/** Removes parts that no manifest lists: those of an export that was killed, and those that the present one replaced. */
async function removeUnlisted(store: ObjectStore, layout: ScopeLayout, tables: readonly SinkTable[]): Promise<void> {
  const listed = new Set<string>();
  for await (const {key} of store.list(layout.manifests())) {
    if (parseManifestKey(key)?.kind !== 'snapshot') continue;
    const bytes = await store.get(key);
    if (bytes === null) continue;
    const manifest = parseManifest(bytes, store.urlOf(key));
    for (const entry of manifest.entries) listed.add(partKey(layout, manifest, entry));
  }
  for (const {stream} of tables) {
    const unlisted: string[] = [];
    for await (const {key} of store.list(layout.stream(stream))) {
      if (!listed.has(key)) unlisted.push(key);
    }
    if (unlisted.length > 0) await store.delete(unlisted);
  }
}
