import type pg from 'pg';
import type {Cursor} from '../core/cursor.ts';
import type {Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import type {HeldTask} from './tasks.ts';

/** The last committed cursor of a stream by one strategy; null when there is none. */
export async function checkpoint(
  store: Store,
  task: HeldTask,
  stream: Stream,
  strategy: string,
): Promise<Cursor | null> {
  const [row] = await store.database.query<{cursor: Cursor}>(
    'select cursor from clarifai_sync.checkpoints where scope_id = $1 and stream = $2 and strategy = $3',
    [task.scopeId, stream.name, strategy],
  );
  return row?.cursor ?? null;
}

/** Keeps a cursor, within the transaction that commits what was read up to it. */
export async function saveCheckpoint(
  client: pg.ClientBase,
  task: HeldTask,
  stream: Stream,
  strategy: string,
  cursor: Cursor,
): Promise<void> {
  await client.query(
    `insert into clarifai_sync.checkpoints (scope_id, stream, strategy, cursor, run_id) values ($1, $2, $3, $4, $5)
     on conflict (scope_id, stream, strategy, parent) do update set cursor = excluded.cursor, run_id = excluded.run_id,
       committed_at = clock_timestamp()`,
    [task.scopeId, stream.name, strategy, cursor, task.runId],
  );
}
