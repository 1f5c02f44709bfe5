import type pg from 'pg';
import type {StreamOutcome} from '../core/outcome.ts';
import type {Writer} from './commit.ts';
import {FenceLostError} from './errors.ts';
import type {Failure, RunMode, RunOptions, Store} from './ledger.ts';
import {isDeadSql} from './presence.ts';

/** Reading a stream, ending the run, giving it to a sink. */
export type TaskKind = 'crawl' | 'seal' | 'apply';

/** A task that this process works on, until its lease or its fence is lost. */
export interface HeldTask extends Writer {
  readonly taskId: string;
  readonly kind: TaskKind;
  readonly stream: string;
  readonly fence: string;
  readonly mode: RunMode;
  /** What is to be read in full has been, by an earlier attempt of this run. */
  readonly passDone: boolean;
  readonly attempt: number;
  readonly options: RunOptions;
  /** Revision marker as read when the run began or was taken up. */
  readonly marker: string | null;
  readonly isMarkerSettled: boolean;
  readonly sourceTimeMs: number | null;
}

/** A task is open to be taken when nobody works on it, or whoever did is dead or silent for too long. */
const FREE = `(t.state = 'waiting' or (t.state = 'working' and (t.lease_until < clock_timestamp() or ${isDeadSql('t.holder')})))`;

/** A closed run takes no commit any more: only its sinks are left. */
const IN_STATE = `((t.kind <> 'apply' and r.state in ('reading', 'sealing')) or (t.kind = 'apply' and r.state = 'closed'))`;

/** Everything that the task waits for is done; the seal waits for every crawl. */
const READY = `not exists (select 1 from clarifai_sync.tasks o where o.run_id = t.run_id and o.kind = 'crawl' and o.state <> 'done'
  and o.task_id <> t.task_id and (t.kind = 'seal' or o.stream = any (t.after)))`;

/** A task that can be taken now, with the fence of whoever had it last: each time that it becomes free is told apart. */
export interface ReadyTask {
  readonly taskId: string;
  readonly fence: string;
}

/** A run's tasks that can be taken now, in order. */
export async function readyTasks(store: Store, runId: string): Promise<ReadyTask[]> {
  const rows = await store.database.query<{task_id: string; fence: string}>(
    `select t.task_id::text, t.fence::text from clarifai_sync.tasks t join clarifai_sync.runs r using (run_id)
     where t.run_id = $1 and ${IN_STATE} and ${FREE} and ${READY} order by t.task_id`,
    [runId],
  );
  return rows.map((row) => ({taskId: row.task_id, fence: row.fence}));
}

/** Takes a task under a new fence; null when it is done, held by a living process, or not ready. Harmless to repeat. */
export async function takeTask(store: Store, taskId: string): Promise<HeldTask | null> {
  const rows = await store.database.query<TaskRow>(
    `update clarifai_sync.tasks t set state = 'working', attempts = attempts + 1, fence = nextval('clarifai_sync.fence'),
       holder = $2, lease_until = clock_timestamp() + $3 * interval '1 ms'
     from clarifai_sync.runs r
     where t.task_id = $1 and r.run_id = t.run_id and ${IN_STATE} and ${FREE} and ${READY}
     returning t.task_id::text, t.kind, t.stream, t.fence::text, t.pass_done, t.attempts, r.run_id, r.scope_id, r.user_id,
       r.app_id, r.sequence::text, r.mode, r.options, r.marker, r.marker_settled, r.source_time`,
    [taskId, store.presence.holder, store.leaseMs],
  );
  return rows[0] === undefined ? null : heldOf(rows[0]);
}

interface TaskRow {
  task_id: string;
  kind: TaskKind;
  stream: string;
  fence: string;
  pass_done: boolean;
  attempts: number;
  run_id: string;
  scope_id: number;
  user_id: string;
  app_id: string;
  sequence: string;
  mode: RunMode;
  options: RunOptions;
  marker: string | null;
  marker_settled: boolean;
  source_time: Date | null;
}

function heldOf(row: TaskRow): HeldTask {
  return {
    taskId: row.task_id,
    kind: row.kind,
    stream: row.stream,
    fence: row.fence,
    mode: row.mode,
    passDone: row.pass_done,
    attempt: row.attempts,
    options: row.options,
    marker: row.marker,
    isMarkerSettled: row.marker_settled,
    sourceTimeMs: row.source_time?.getTime() ?? null,
    runId: row.run_id,
    sequence: row.sequence,
    scopeId: row.scope_id,
    scope: {userId: row.user_id, appId: row.app_id},
  };
}

/**
 * First statement of every commit: locks the task's row, so that nobody can take it over before the commit ends, and
 * renews the lease (invariant 11).
 * @throws FenceLostError when the task is somebody else's by now
 */
export async function guardFence(client: pg.ClientBase, task: HeldTask, leaseMs: number): Promise<void> {
  const kept = await client.query(
    `update clarifai_sync.tasks set lease_until = clock_timestamp() + $3 * interval '1 ms'
     where task_id = $1 and fence = $2 and state = 'working'`,
    [task.taskId, task.fence, leaseMs],
  );
  if (kept.rowCount !== 1) {
    throw new FenceLostError(`task ${task.taskId} (${task.stream || task.kind}) was taken over by another process`);
  }
}

/** Renews the lease between commits. Throws FenceLostError. */
export async function renewLease(store: Store, task: HeldTask): Promise<void> {
  await store.database.transaction((client) => guardFence(client, task, store.leaseMs));
}

/** Gives a task back, for whoever takes it next; used on a drain. Nothing happens when it is not ours any more. */
export async function releaseTask(store: Store, task: HeldTask): Promise<void> {
  await store.database.query(
    `update clarifai_sync.tasks set state = 'waiting', holder = null, lease_until = null
     where task_id = $1 and fence = $2 and state = 'working'`,
    [task.taskId, task.fence],
  );
}

/** How a stream came out of a run. */
export interface StreamEnd {
  readonly outcome: StreamOutcome;
  readonly failure: Failure | null;
  readonly sourceCount: number | null;
}

/** Ends a crawl, locking the run so that of the last two tasks to end one certainly sees that all are done. */
export async function endCrawl(store: Store, task: HeldTask, end: StreamEnd): Promise<void> {
  await store.database.transaction(async (client) => {
    await client.query('select 1 from clarifai_sync.runs where run_id = $1 for update', [task.runId]);
    await guardFence(client, task, store.leaseMs);
    await client.query(
      `update clarifai_sync.stream_runs set outcome = $3, error_code = $4, error = $5, error_cause = $6,
         source_count = coalesce($7, source_count), finished_at = clock_timestamp() where run_id = $1 and stream = $2`,
      [
        task.runId,
        task.stream,
        end.outcome,
        end.failure?.code ?? null,
        end.failure?.message ?? null,
        end.failure?.cause ?? null,
        end.sourceCount,
      ],
    );
    await client.query(`update clarifai_sync.tasks set state = 'done', holder = null where task_id = $1`, [
      task.taskId,
    ]);
    await client.query(
      `update clarifai_sync.runs r set state = 'sealing' where run_id = $1 and state = 'reading' and not exists
         (select 1 from clarifai_sync.tasks t where t.run_id = r.run_id and t.kind = 'crawl' and t.state <> 'done')`,
      [task.runId],
    );
  });
}
