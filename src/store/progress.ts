import type pg from 'pg';
import type {Cursor} from '../core/cursor.ts';
import type {Stream} from '../streams/stream.ts';
import {writeGroup, type WriteCounts} from './commit.ts';
import {saveCheckpoint} from './checkpoints.ts';
import {moveLiveRows} from './counts.ts';
import type {Group} from './group.ts';
import type {Store} from './ledger.ts';
import {noteRejects} from './note-rejects.ts';
import type {Pass} from './passes.ts';
import {guardFence, type HeldTask} from './tasks.ts';
import {noteReturned} from './wanted.ts';

/** Where reading goes on after a commit. */
export type Position =
  | {
      readonly kind: 'pass';
      readonly pass: Pass;
      readonly listIndex: number;
      readonly cursor: Cursor | null;
      /** Where the tail will go on once this pass, the first reading of the stream, has ended. */
      readonly tail?: Cursor;
    }
  | {readonly kind: 'checkpoint'; readonly strategy: string; readonly cursor: Cursor}
  /** Read by key, or so short that it is read again from its start. */
  | {readonly kind: 'none'};

/** Two commits that wait for each other here and not in Postgres would not be found out by it; see page-groups.ts. */
const LOCK_TIMEOUT = `set local lock_timeout = '30s'`;

/**
 * The one commit (invariant 2): changed rows, seen marks, place to go on, counts, rejects and fence, in one
 * transaction. Takes no signal: what was begun is finished.
 * @param before the commit of the group before, when that is still under way: the rows are written meanwhile, by a
 *   second connection, and all else comes after it, so that no group is ever committed without those before it
 * @throws FenceLostError when the task is somebody else's by now; nothing is written then
 */
export async function commitGroup(
  store: Store,
  task: HeldTask,
  stream: Stream,
  group: Group,
  position: Position,
  before: Promise<unknown> | null = null,
): Promise<WriteCounts> {
  return await store.database.transaction(async (client) => {
    // The fence locks the task's row, which the commit before holds: it is checked behind that one's end then. What is
    // written until then is nobody's to see, and gone if the fence is lost.
    if (before === null) await guardFence(client, task, store.leaseMs);
    else await client.query(LOCK_TIMEOUT);
    const pass = position.kind === 'pass' ? position.pass : null;
    const {schema, sqlOf} = store;
    const isEmpty = pass?.isEmpty ?? false;
    const counts = await writeGroup(client, stream, schema, sqlOf(stream), task, group, pass, isEmpty);
    if (before !== null) {
      await before;
      await guardFence(client, task, store.leaseMs);
    }
    const newlyRejected = await noteRejects(client, task, stream, counts, pass?.parent ?? []);
    await moveLiveRows(client, task.scopeId, stream, counts.moreLiving);
    if (counts.returned.length > 0) await noteReturned(client, store, task, stream, counts.returned);
    if (group.signs.length > 0) await noteSigns(client, task, stream, group);
    await moveOn(client, task, stream, position, counts);
    await client.query(
      `update clarifai_sync.stream_runs set pages = pages + $3, read = read + $4, inserted = inserted + $5, updated = updated + $6,
         unchanged = unchanged + $7, rejected = rejected + $8, repaired = repaired + $9, newly_rejected = newly_rejected + $10,
         started_at = coalesce(started_at, clock_timestamp()) where run_id = $1 and stream = $2`,
      [
        task.runId,
        stream.name,
        group.pages.length,
        counts.read,
        counts.inserted,
        counts.updated,
        counts.unchanged,
        counts.rejected,
        counts.repaired,
        newlyRejected,
      ],
    );
    return counts;
  });
}

async function moveOn(
  client: pg.ClientBase,
  task: HeldTask,
  stream: Stream,
  position: Position,
  counts: WriteCounts,
): Promise<void> {
  switch (position.kind) {
    case 'pass':
      await client.query(
        `update clarifai_sync.passes set list_index = $2, cursor = $3, known_read = known_read + $4,
           keyless_rejects = keyless_rejects + $5 where pass_id = $1`,
        [position.pass.passId, position.listIndex, position.cursor, counts.knownRead, counts.keylessRejects],
      );
      if (position.tail !== undefined) await saveCheckpoint(client, task, stream, 'tail', position.tail);
      return;
    case 'checkpoint':
      await saveCheckpoint(client, task, stream, position.strategy, position.cursor);
      return;
    case 'none':
      return;
  }
}

async function noteSigns(client: pg.ClientBase, task: HeldTask, stream: Stream, group: Group): Promise<void> {
  for (const {key, value} of group.signs) {
    await client.query(
      `insert into clarifai_sync.signs as s (scope_id, stream, key, value, sequence) values ($1, $2, $3, $4, $5)
       on conflict (scope_id, stream, key) do update set value = excluded.value, sequence = excluded.sequence
         where s.value <> excluded.value`,
      [task.scopeId, stream.name, key, value, task.sequence],
    );
  }
}
