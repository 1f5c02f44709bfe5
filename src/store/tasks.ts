import type pg from 'pg';
import type {StreamOutcome} from '../core/outcome.ts';
import {FenceLostError} from './errors.ts';
import type {Failure, RunMode, RunOptions, Store} from './ledger.ts';
import {isDeadSql} from './presence.ts';
import type {Writer} from './writer.ts';

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
  /** Attempts of this task that the store itself has failed. */
  readonly storeFailures: number;
  readonly options: RunOptions;
  /** Revision marker as read when the run began or was taken up. */
  readonly marker: string | null;
  readonly isMarkerSettled: boolean;
  readonly sourceTimeMs: number | null;
  /** Sequence of the run with which the full reading began that this one carries on, and when; null: it carries on none. */
  readonly sweepFrom: string | null;
  readonly sweepSinceMs: number | null;
}

/** A task is open to be taken when nobody works on it, or whoever did is dead or silent for too long. */
const FREE = `(t.state = 'waiting' or (t.state = 'working' and (t.lease_until < clock_timestamp() or ${isDeadSql('t.holder')})))`;

/** A run that ends early is read no further; a closed one takes no commit any more: only its sinks are left. */
const IN_STATE = `((t.kind = 'crawl' and r.state = 'reading' and r.error_code is null)
  or (t.kind = 'seal' and r.state in ('reading', 'sealing')) or (t.kind = 'apply' and r.state = 'closed'))`;

/** Everything that the task waits for is done; the seal waits for every crawl. */
const READY = `not exists (select 1 from clarifai_sync.tasks o where o.run_id = t.run_id and o.kind = 'crawl' and o.state <> 'done'
  and o.task_id <> t.task_id and (t.kind = 'seal' or o.stream = any (t.after)))`;

/** A task that can be taken now, with the fence of whoever had it last: each time that it becomes free is told apart. */
export interface ReadyTask {
  readonly taskId: string;
  readonly fence: string;
  readonly kind: TaskKind;
  readonly mode: RunMode;
}

/** A run's tasks that can be taken now, in order. */
export async function readyTasks(store: Store, runId: string): Promise<ReadyTask[]> {
  const rows = await store.database.query<{task_id: string; fence: string; kind: TaskKind; mode: RunMode}>(
    `select t.task_id::text, t.fence::text, t.kind, r.mode from clarifai_sync.tasks t join clarifai_sync.runs r using (run_id)
     where t.run_id = $1 and ${IN_STATE} and ${FREE} and ${READY} order by t.task_id`,
    [runId],
  );
  return rows.map(({task_id: taskId, fence, kind, mode}) => ({taskId, fence, kind, mode}));
}

/**
 * Takes a task under a new fence; null when it is done, held by a living process, in the middle of a commit of whoever
 * had it, or not ready. Does not wait, and is harmless to repeat.
 */
export async function takeTask(store: Store, taskId: string): Promise<HeldTask | null> {
  const rows = await store.database.query<TaskRow>(
    `update clarifai_sync.tasks t set state = 'working', attempts = attempts + 1, fence = nextval('clarifai_sync.fence'),
       holder = $2, lease_until = clock_timestamp() + $3 * interval '1 ms', signed_at = clock_timestamp(), sweeping = false
     from clarifai_sync.runs r
     where t.task_id = (select task_id from clarifai_sync.tasks where task_id = $1 for update skip locked)
       and r.run_id = t.run_id and ${IN_STATE} and ${FREE} and ${READY}
     returning t.task_id::text, t.kind, t.stream, t.fence::text, t.pass_done, t.attempts, t.store_failures, r.run_id, r.scope_id, r.user_id,
       r.app_id, r.sequence::text, r.mode, r.options, r.marker, r.marker_settled, r.source_time, r.sweep_from::text,
       (select (extract(epoch from f.started_at) * 1000)::float8 from clarifai_sync.runs f
        where f.scope_id = r.scope_id and f.sequence = r.sweep_from) as sweep_since`,
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
  store_failures: number;
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
  sweep_from: string | null;
  sweep_since: number | null;
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
    storeFailures: row.store_failures,
    options: row.options,
    marker: row.marker,
    isMarkerSettled: row.marker_settled,
    sourceTimeMs: row.source_time?.getTime() ?? null,
    sweepFrom: row.sweep_from,
    sweepSinceMs: row.sweep_since,
    runId: row.run_id,
    sequence: row.sequence,
    scopeId: row.scope_id,
    scope: {userId: row.user_id, appId: row.app_id},
  };
}

/**
 * First statement of every commit: locks the task's row, so that nobody can take it over before the commit ends, and
 * renews the lease (invariant 11).
 * @param hasMoved notes a sign of progress too
 * @throws FenceLostError when the task is somebody else's by now
 */
export async function guardFence(
  client: pg.ClientBase,
  task: HeldTask,
  leaseMs: number,
  hasMoved = false,
): Promise<void> {
  const kept = await client.query(
    `update clarifai_sync.tasks set lease_until = clock_timestamp() + $3 * interval '1 ms',
       signed_at = case when $4 then clock_timestamp() else signed_at end
     where task_id = $1 and fence = $2 and state = 'working'`,
    [task.taskId, task.fence, leaseMs, hasMoved],
  );
  if (kept.rowCount !== 1) {
    throw new FenceLostError(`task ${task.taskId} (${task.stream || task.kind}) was taken over by another process`);
  }
}

/** Renews the lease between commits. Throws FenceLostError. */
export async function renewLease(store: Store, task: HeldTask): Promise<void> {
  await store.database.transaction((client) => guardFence(client, task, store.leaseMs));
}

/**
 * Renews the lease while work goes on, and tells whether its run is to end early by now, for which reason.
 * @param hasMoved something was asked or committed since the last time
 * @throws FenceLostError
 */
export async function reportOn(store: Store, task: HeldTask, hasMoved: boolean): Promise<string | null> {
  return await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs, hasMoved);
    const runs = await client.query<{error: string | null}>(
      'select error from clarifai_sync.runs where run_id = $1 and error_code is not null',
      [task.runId],
    );
    return runs.rows[0] === undefined ? null : (runs.rows[0].error ?? '');
  });
}

/**
 * Gives a task back, for whoever takes it next. Nothing happens when it is not ours any more.
 * @param storeFailed it was the store that failed it, which counts; left out: it was not tried to its end
 */
export async function releaseTask(store: Store, task: HeldTask, storeFailed = false): Promise<void> {
  await store.database.query(
    `update clarifai_sync.tasks set state = 'waiting', holder = null, lease_until = null, store_failures = store_failures + $3
     where task_id = $1 and fence = $2 and state = 'working'`,
    [task.taskId, task.fence, storeFailed ? 1 : 0],
  );
}

/** How a stream came out of a run. */
export interface StreamEnd {
  readonly outcome: StreamOutcome;
  readonly failure: Failure | null;
  readonly sourceCount: number | null;
}

/**
 * Ends a crawl, locking the run so that of the last two tasks to end one certainly sees that all are done. Not its key:
 * a row of `tasks` that is updated twice in one transaction has its foreign key checked, and must not wait for this lock
 * while this transaction waits for that row.
 */
export async function endCrawl(store: Store, task: HeldTask, end: StreamEnd): Promise<void> {
  await store.database.transaction(async (client) => {
    await client.query('select 1 from clarifai_sync.runs where run_id = $1 for no key update', [task.runId]);
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
