import {createHash} from 'node:crypto';
import type pg from 'pg';
import type {Cursor} from '../core/cursor.ts';
import type {PreparedReject} from '../core/prepared.ts';
import type {Stream} from '../streams/stream.ts';
import {writeGroup, type WriteCounts} from './commit.ts';
import {saveCheckpoint} from './checkpoints.ts';
import type {Group} from './group.ts';
import type {Store} from './ledger.ts';
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
    const counts = await writeGroup(client, stream, store.sqlOf(stream), task, group, pass, pass?.isEmpty ?? false);
    if (before !== null) {
      await before;
      await guardFence(client, task, store.leaseMs);
    }
    const newlyRejected = await noteRejects(client, task, stream, counts);
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

/** Lists what was rejected or repaired, once for each record and reason. Gives how many were never rejected before. */
async function noteRejects(client: pg.ClientBase, task: HeldTask, stream: Stream, counts: WriteCounts): Promise<number> {
  let newlyRejected = 0;
  for (const reject of counts.rejects) {
    const noted = await client.query<{is_new: boolean}>(
      `insert into clarifai_sync.rejects as r (scope_id, user_id, app_id, stream, kind, identity, key, reason, detail, raw, first_run_id, last_run_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
       on conflict (scope_id, stream, kind, identity, reason) do update set detail = excluded.detail, raw = excluded.raw,
         last_run_id = excluded.last_run_id, last_seen_at = clock_timestamp(), resolved_at = null
       returning xmax = 0 or first_run_id = last_run_id as is_new`,
      [
        task.scopeId,
        task.scope.userId,
        task.scope.appId,
        stream.name,
        reject.kind,
        identityOf(reject),
        reject.key,
        reject.reason,
        reject.detail.replaceAll('\u0000', '\ufffd'),
        reject.raw,
        task.runId,
      ],
    );
    if (reject.kind === 'rejected' && noted.rows[0]?.is_new === true) newlyRejected++;
  }
  const open = await client.query<{identity: string}>(
    `select identity from clarifai_sync.rejects where scope_id = $1 and stream = $2 and kind = 'rejected'
       and resolved_at is null and key is not null and last_run_id <> $3`,
    [task.scopeId, stream.name, task.runId],
  );
  if (open.rows.length > 0) {
    // A record that is stored now is no reject any more.
    const stored = new Set(counts.storedKeys().map((key) => JSON.stringify(key)));
    const resolved = open.rows.map((row) => row.identity).filter((identity) => stored.has(identity));
    await client.query(
      `update clarifai_sync.rejects set resolved_at = clock_timestamp() where scope_id = $1 and stream = $2
         and kind = 'rejected' and identity = any ($3)`,
      [task.scopeId, stream.name, resolved],
    );
  }
  return newlyRejected;
}

function identityOf(reject: PreparedReject): string {
  if (reject.key !== null) return JSON.stringify(reject.key);
  return `sha256:${createHash('sha256').update(reject.raw ?? reject.detail).digest('hex')}`;
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
