import type pg from 'pg';
import type {Scope} from '../core/scope.ts';
import {noteRunEnd, type Notifying} from './notifications.ts';
import type {Failure, Run, RunOptions, Store} from './ledger.ts';
import {isDeadSql} from './presence.ts';
import {activeError, noteBeginning, RUN_COLUMNS, runOf, type Beginning, type RunRow} from './runs.ts';

/** The unfinished run of a scope. */
export interface UnfinishedRun {
  /** The process that drove it is gone, has left it, or was silent for too long. */
  readonly isLeft: boolean;
  /** For so long that what its tasks read then is no news any more. */
  readonly isStale: boolean;
}

const IS_LEFT = `(coalesce(driver_until < clock_timestamp(), true) or ${isDeadSql('driver')})`;

/** The unfinished run of a scope; null when there is none. */
export async function unfinishedRun(store: Store, scope: Scope, staleMs: number): Promise<UnfinishedRun | null> {
  const [row] = await store.database.query<{left: boolean; stale: boolean}>(
    `select ${IS_LEFT} as left, coalesce(driver_until < clock_timestamp() - $3 * interval '1 ms', true) as stale
     from clarifai_sync.runs where user_id = $1 and app_id = $2 and state <> 'finished'`,
    [scope.userId, scope.appId, staleMs],
  );
  return row === undefined ? null : {isLeft: row.left, isStale: row.stale};
}

/** A run that another process left. */
export interface TakenUp {
  readonly run: Run;
  /** It had been ended early, and its reading given up: only what it had read is still to be sealed. */
  readonly hadEnded: boolean;
}

/**
 * Takes up the run of a scope that its process left unfinished; null when there is none. What was read in full is
 * remembered by its pass.
 * @param beginning what the source says now: every task starts again then, since the source has moved on meanwhile. null:
 *   the run was left a moment ago, and goes on where it stands
 * @throws RunActiveError when its process is alive
 */
export async function takeUpRun(
  store: Store,
  scope: Scope,
  beginning: Beginning | null,
  settleMs: number,
): Promise<TakenUp | null> {
  return await store.database.transaction(async (client) => {
    const found = await client.query<RunRow & {left: boolean; state: string; ended: boolean}>(
      `select ${RUN_COLUMNS}, state, ${IS_LEFT} as left, error_code is not null as ended
       from clarifai_sync.runs where user_id = $1 and app_id = $2 and state <> 'finished' for update`,
      [scope.userId, scope.appId],
    );
    const [row] = found.rows;
    if (row === undefined) return null;
    if (!row.left) throw activeError(scope);
    await client.query(
      `update clarifai_sync.runs set driver = $2, driver_until = clock_timestamp() + $3 * interval '1 ms' where run_id = $1`,
      [row.run_id, store.presence.holder, store.leaseMs],
    );
    if (row.state === 'reading') await readOn(client, row.run_id, beginning !== null);
    if (beginning !== null) await noteBeginning(client, runOf(row), beginning, settleMs);
    return {run: runOf(row), hadEnded: row.ended && row.state !== 'reading'};
  });
}

/**
 * What ended the run early is forgotten while it can still be read: the streams that were given up for it are to be read
 * again, or nobody would say why they were not. A run that was past its reading keeps its cause.
 */
async function readOn(client: pg.ClientBase, runId: string, fromTheStart: boolean): Promise<void> {
  await client.query(
    'update clarifai_sync.runs set error_code = null, error = null, error_cause = null where run_id = $1',
    [runId],
  );
  await client.query(
    `with again as (
       update clarifai_sync.stream_runs set outcome = null, finished_at = null
       where run_id = $1 and outcome = 'interrupted' returning stream)
     update clarifai_sync.tasks t set state = 'waiting' where run_id = $1 and kind = 'crawl' and state = 'done'
       and ($2 or exists (select 1 from again where again.stream = t.stream))`,
    [runId, fromTheStart],
  );
}

/** Renews this process's claim to drive the run; false when another process drives it by now. */
export async function driveOn(store: Store, run: Run): Promise<boolean> {
  const rows = await store.database.query(
    `update clarifai_sync.runs set driver_until = clock_timestamp() + $3 * interval '1 ms'
     where run_id = $1 and driver = $2 returning 1`,
    [run.runId, store.presence.holder, store.leaseMs],
  );
  return rows.length === 1;
}

/** Leaves a run to whoever takes it up. Nothing happens when another process drives it. */
export async function leaveRun(store: Store, run: Run): Promise<void> {
  await store.database.query(
    `update clarifai_sync.runs set driver = null, driver_until = clock_timestamp() where run_id = $1 and driver = $2`,
    [run.runId, store.presence.holder],
  );
}

/**
 * For how long nothing has moved in a run, ms: since the last request or commit of those who work on its tasks. A run
 * that waits for workers which are busy with others is not standing still: 0.
 */
export async function silentMs(store: Store, runId: string): Promise<number> {
  const [row] = await store.database.query<{ms: number}>(
    `select (extract(epoch from clock_timestamp() - greatest(r.started_at, r.closed_at, max(t.signed_at),
         case when count(*) filter (where t.state = 'working') > 0 then null
           else (select max(o.signed_at) from clarifai_sync.tasks o where o.state = 'working') end)) * 1000)::float8 as ms
     from clarifai_sync.runs r left join clarifai_sync.tasks t on t.run_id = r.run_id
     where r.run_id = $1 group by r.run_id`,
    [runId],
  );
  return row?.ms ?? 0;
}

/** Scopes with a run that nobody drives. */
export async function leftRuns(store: Store): Promise<{scope: Scope; runId: string}[]> {
  const rows = await store.database.query<{user_id: string; app_id: string; run_id: string}>(
    `select user_id, app_id, run_id from clarifai_sync.runs where state <> 'finished' and ${IS_LEFT} order by started_at`,
  );
  return rows.map((row) => ({scope: {userId: row.user_id, appId: row.app_id}, runId: row.run_id}));
}

/** Keeps, as a run of its own, that one which was asked for could not even begin, with the messages that this sends. */
export async function noteRefusedRun(
  store: Store,
  scope: Scope,
  asked: {runId: string; mode: Run['mode']; askedBy: string; options: RunOptions},
  outcome: 'failed' | 'throttled',
  failure: Failure,
  notifying: Notifying,
): Promise<void> {
  await store.database.transaction(async (client) => {
    const noted = await client.query(
      `with scope as (
       insert into clarifai_sync.scopes as s (user_id, app_id, last_sequence) values ($2, $3, 1)
       on conflict (user_id, app_id) do update set last_sequence = s.last_sequence + 1 returning scope_id, last_sequence)
     insert into clarifai_sync.runs (run_id, scope_id, user_id, app_id, sequence, mode, state, outcome, options, asked_by,
       error_code, error, error_cause, closed_at, finished_at)
     select $1, scope_id, $2, $3, last_sequence, $4, 'finished', $5, $6, $7, $8, $9, $10, clock_timestamp(), clock_timestamp()
     from scope on conflict (run_id) do nothing`,
      [
        asked.runId,
        scope.userId,
        scope.appId,
        asked.mode,
        outcome,
        JSON.stringify(asked.options),
        asked.askedBy,
        failure.code,
        failure.message,
        failure.cause,
      ],
    );
    if (noted.rowCount === 1) await noteRunEnd(client, asked.runId, outcome, notifying);
  });
}

/** For how long there has been a run to work on and nothing has moved in any, ms; 0 when there is none. */
export async function stillWorkMs({database}: Pick<Store, 'database'>): Promise<number> {
  const [row] = await database.query<{ms: number | null}>(
    `select (extract(epoch from clock_timestamp() - max(greatest(r.started_at, r.closed_at, r.driver_until, t.signed_at))) * 1000)::float8 as ms
     from clarifai_sync.runs r left join clarifai_sync.tasks t using (run_id) where r.state <> 'finished'`,
  );
  return Math.max(0, row?.ms ?? 0);
}
