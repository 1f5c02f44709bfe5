import type pg from 'pg';
import type {Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/**
 * Notes that a marker was seen, and tells whether it has been there for `settleMs`: deletion and indexing are
 * asynchronous at the source, so a marker that has just moved does not stand for what can be read yet.
 */
export async function sightMarker(
  client: pg.ClientBase,
  scopeId: number,
  marker: string,
  settleMs: number,
): Promise<boolean> {
  const {rows} = await client.query<{settled: boolean}>(
    `insert into clarifai_sync.marker_sightings as m (scope_id, marker, first_seen_at) values ($1, $2, clock_timestamp())
     on conflict (scope_id) do update set marker = excluded.marker,
       first_seen_at = case when m.marker = excluded.marker then least(m.first_seen_at, clock_timestamp()) else clock_timestamp() end
     returning first_seen_at <= clock_timestamp() - $3 * interval '1 ms' as settled`,
    [scopeId, marker, settleMs],
  );
  return rows[0]?.settled ?? false;
}

/** Markers are kept for each way of reading: one that spares a window never spares a pass. */
export type Reading = 'tail' | 'window' | 'pass';

/**
 * Does the marker spare this reading? Only when the last successful one began with the very same marker, and that one
 * was settled by then.
 */
export async function isSpared(store: Store, task: HeldTask, stream: Stream, reading: Reading): Promise<boolean> {
  if (!stream.marker || task.marker === null) return false;
  const rows = await store.database.query(
    `select 1 from clarifai_sync.markers where scope_id = $1 and stream = $2 and strategy = $3 and marker = $4 and settled`,
    [task.scopeId, stream.name, reading, task.marker],
  );
  return rows.length > 0;
}

/** Keeps the marker that was read before a reading that succeeded; `isSettled`: it had settled when that began. */
export async function storeMarker(
  store: Store,
  task: HeldTask,
  stream: Stream,
  reading: Reading,
  isSettled: boolean,
): Promise<void> {
  if (!stream.marker || task.marker === null) return;
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      `insert into clarifai_sync.markers (scope_id, stream, strategy, marker, settled) values ($1, $2, $3, $4, $5)
       on conflict (scope_id, stream, strategy) do update set marker = excluded.marker, settled = excluded.settled,
         stored_at = clock_timestamp()`,
      [task.scopeId, stream.name, reading, task.marker, isSettled],
    );
  });
}
