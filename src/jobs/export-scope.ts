import {scopeName, type Scope} from '../core/scope.ts';
import {UsageError} from '../core/errors.ts';
import type {PartFormat} from '../sinks/formats/part-format.ts';
import type {ObjectStore} from '../sinks/objects/object-store.ts';
import {exportObjects} from '../sinks/s3/export-objects.ts';
import type {Manifest} from '../sinks/s3/manifest.ts';
import {ChangeFeed} from '../store/changes.ts';
import type {Store} from '../store/ledger.ts';
import type {Stream} from '../streams/stream.ts';
import {sinkTable} from './sink-tables.ts';

/**
 * Writes the living rows of a scope as files, from one snapshot of the mirror; the API is asked nothing. May be repeated.
 * @throws UsageError when the scope was never synced; what the place throws
 */
export async function exportScope(
  store: Store,
  scope: Scope,
  streams: readonly Stream[],
  place: ObjectStore,
  format: PartFormat,
  signal: AbortSignal,
): Promise<Manifest> {
  await using feed = await ChangeFeed.open(store, scope);
  const run = await feed.newestRun();
  if (run === null) throw new UsageError(`${scopeName(scope)} was never synced here: see "clarifai-sync status"`);
  const {runId, sequence, startedAt, closedAt} = run;
  const order = {
    storeId: store.storeId,
    runId,
    sequence,
    scope,
    startedAt,
    asOf: closedAt ?? startedAt,
    tables: streams.map(sinkTable),
    current: (stream: string) => feed.current(stream),
  };
  return await exportObjects(place, format, order, signal);
}
