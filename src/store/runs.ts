import {randomUUID} from 'node:crypto';
import type pg from 'pg';
import type {RunOutcome} from '../core/outcome.ts';
import {scopeName, type Scope} from '../core/scope.ts';
import type {Stream} from '../streams/stream.ts';
import {RunActiveError, sqlState} from './errors.ts';
import type {Failure, Run, RunMode, RunOptions, Store} from './ledger.ts';
import {sightMarker} from './markers.ts';
import {noteRunEnd, type Notifying} from './notifications.ts';
import {DROP_PENDING, dropValues, type PendingRun} from './pending-runs.ts';

export interface RunRow {
  run_id: string;
  scope_id: number;
  user_id: string;
  app_id: string;
  sequence: string;
  mode: RunMode;
  options: RunOptions;
  sweep_from: string | null;
}

export const RUN_COLUMNS =
  'run_id, scope_id, user_id, app_id, sequence::text as sequence, mode, options, sweep_from::text';

export function runOf(row: RunRow): Run {
  const {run_id: runId, scope_id: scopeId, sequence, mode, options} = row;
  return {
    runId,
    scopeId,
    scope: {userId: row.user_id, appId: row.app_id},
    sequence,
    mode,
    options,
    sweepFrom: row.sweep_from,
  };
}

/** What the source said of the scope before anything of the run was read. */
export interface Beginning {
  /** Revision marker; null where the scope has none or the API did not give it. */
  readonly marker: string | null;
  /** The source's own time, epoch ms; null when its answer had no Date. */
  readonly sourceTimeMs: number | null;
}

/**
 * Opens the next run of a scope, with one task for each of its streams and one for the seal.
 * @param pending the run that was asked for; it is pending no more
 * @throws RunActiveError when one is open already, or when what is pending has changed or been taken
 */
export async function openRun(
  store: Store,
  scope: Scope,
  mode: RunMode,
  options: RunOptions,
  streams: readonly Stream[],
  beginning: Beginning,
  settleMs: number,
  pending: PendingRun | null = null,
): Promise<Run> {
  try {
    return await store.database.transaction(async (client) => {
      if (pending !== null && (await client.query(DROP_PENDING, dropValues(pending))).rowCount !== 1) {
        throw activeError(scope);
      }
      const scopes = await client.query<{scope_id: number; sequence: string}>(
        `insert into clarifai_sync.scopes as s (user_id, app_id, last_sequence) values ($1, $2, 1)
         on conflict (user_id, app_id) do update set last_sequence = s.last_sequence + 1
         returning scope_id, last_sequence::text as sequence`,
        [scope.userId, scope.appId],
      );
      const {scope_id: scopeId, sequence} = scopes.rows[0] as {scope_id: number; sequence: string};
      const runs = await client.query<RunRow>(
        `insert into clarifai_sync.runs (run_id, scope_id, user_id, app_id, sequence, mode, state, options, driver, driver_until, asked_by, sweep_from)
         values ($1, $2, $3, $4, $5, $6, 'reading', $7, $8, clock_timestamp() + $9 * interval '1 ms', $10, $11) returning ${RUN_COLUMNS}`,
        [
          pending?.runId ?? randomUUID(),
          scopeId,
          scope.userId,
          scope.appId,
          sequence,
          mode,
          JSON.stringify(options),
          store.presence.holder,
          store.leaseMs,
          pending?.askedBy ?? 'sync',
          pending?.sweepFrom ?? null,
        ],
      );
      const run = runOf(runs.rows[0] as RunRow);
      await noteBeginning(client, run, beginning, settleMs);
      await giveTasks(client, run, streams);
      return run;
    });
  } catch (error) {
    if (sqlState((error as {cause?: unknown}).cause) === '23505') throw activeError(scope);
    throw error;
  }
}

/** A crawl for each stream, in order, and the seal after them. */
async function giveTasks(client: pg.ClientBase, run: Run, streams: readonly Stream[]): Promise<void> {
  const told = streams.map((stream) => ({
    stream: stream.name,
    strategy: stream.strategy,
    after: afterOf(stream, run.options.streams),
  }));
  await client.query(
    `with told as materialized (select u.n, s.* from json_array_elements($2) with ordinality u(told, n),
         json_to_record(u.told) as s(stream text, strategy text, after text[])),
       noted as (insert into clarifai_sync.stream_runs (run_id, stream, strategy) select $1, stream, strategy from told)
     insert into clarifai_sync.tasks (run_id, kind, stream, after)
     select $1, kind, stream, after from (
       select n, 'crawl', stream, after from told union all select null, 'seal', '', '{}'::text[]) t(n, kind, stream, after)
     order by n nulls last`,
    [run.runId, JSON.stringify(told)],
  );
}

/** Streams whose answers decide what is read of this one. */
function afterOf(stream: Stream, names: readonly string[]): string[] {
  if (stream.under === undefined) return [];
  return [stream.under.stream, 'bulk_operations'].filter((name) => names.includes(name) && name !== stream.name);
}

export const activeError = (scope: Scope): RunActiveError =>
  new RunActiveError(`another run of ${scopeName(scope)} is active: wait for it, or see "clarifai-sync runs"`);

/** Keeps what the source said at the beginning, and sees the marker. */
export async function noteBeginning(
  client: pg.ClientBase,
  run: Run,
  beginning: Beginning,
  settleMs: number,
): Promise<void> {
  const {marker, sourceTimeMs} = beginning;
  const isSettled = marker !== null && (await sightMarker(client, run.scopeId, marker, settleMs));
  await client.query(
    'update clarifai_sync.runs set marker = $2, marker_settled = $3, source_time = $4 where run_id = $1',
    [run.runId, marker, isSettled, sourceTimeMs === null ? null : new Date(sourceTimeMs)],
  );
}

/**
 * Notes why a run ends early; the first cause counts.
 * @param by the task that met it: it counts only while that is still the caller's (invariant 11). Left out: the caller
 *   drives the run
 */
export async function endEarly(store: Store, runId: string, failure: Failure, by?: TaskHold): Promise<void> {
  await store.database.query(
    `update clarifai_sync.runs set error_code = $2, error = $3, error_cause = $4 where run_id = $1 and error_code is null
       and ($5::bigint is null or exists
         (select 1 from clarifai_sync.tasks where task_id = $5 and fence = $6 and state = 'working'))`,
    [runId, failure.code, failure.message, failure.cause, by?.taskId ?? null, by?.fence ?? null],
  );
}

/** A task and the fence under which somebody holds it. */
export interface TaskHold {
  readonly taskId: string;
  readonly fence: string;
}

/** The cause that ends a run early, if there is one by now. */
export async function earlyEnd(store: Store, runId: string): Promise<Failure | null> {
  const [row] = await store.database.query<{error_code: string | null; error: string; error_cause: Failure['cause']}>(
    'select error_code, error, error_cause from clarifai_sync.runs where run_id = $1',
    [runId],
  );
  if (row === undefined || row.error_code === null) return null;
  return {code: row.error_code, message: row.error, cause: row.error_cause};
}

/** What was asked of the API. */
export interface RequestCounts {
  readonly requests: number;
  /** Those of them that were throttled. */
  readonly throttled: number;
  /** For slots of the budget and before calls were tried again, whole ms, all requests together. */
  readonly waitedMs: number;
}

/** Adds what was asked of the API for a run to its counts. */
export async function countRequests(
  store: Store,
  runId: string,
  {requests, throttled, waitedMs}: RequestCounts,
): Promise<void> {
  await store.database.query(
    `update clarifai_sync.runs set requests = requests + $2, throttled = throttled + $3, waited_ms = waited_ms + $4
     where run_id = $1`,
    [runId, requests, throttled, waitedMs],
  );
}

/**
 * Gives a closed run its outcome, and notes the messages that its end sends; from here on another run of the scope may
 * open. May be repeated.
 */
export async function finishRun(
  store: Store,
  runId: string,
  outcome: RunOutcome,
  notifying: Notifying = SILENT,
): Promise<void> {
  await store.database.transaction(async (client) => {
    const finished = await client.query(
      `update clarifai_sync.runs set state = 'finished', outcome = $2, finished_at = clock_timestamp()
       where run_id = $1 and state = 'closed'`,
      [runId, outcome],
    );
    if (finished.rowCount === 1) await noteRunEnd(client, runId, outcome, notifying);
  });
}

const SILENT: Notifying = {on: [], text: () => ''};

/** State of a run by now; undefined when the ledger does not have it. */
export async function runState(store: Store, runId: string): Promise<string | undefined> {
  const [row] = await store.database.query<{state: string}>('select state from clarifai_sync.runs where run_id = $1', [
    runId,
  ]);
  return row?.state;
}

/**
 * Ends what a run has not read: crawls that nobody works on any more are done, their streams interrupted, and the seal
 * may begin. What they committed stays, and their passes wait for the next full run.
 * @param byForce also those that somebody works on: whoever does not stop when told can commit nothing any more
 * @returns false while somebody still works on one of them
 */
export async function abandonCrawls(store: Store, runId: string, byForce = false): Promise<boolean> {
  return await store.database.transaction(async (client) => {
    await client.query('select 1 from clarifai_sync.runs where run_id = $1 for no key update', [runId]);
    await client.query(
      `with ended as (update clarifai_sync.tasks t set state = 'done', fence = nextval('clarifai_sync.fence'), holder = null
         where run_id = $1 and kind = 'crawl' and ($2 or state = 'waiting' or lease_until < clock_timestamp()) and state <> 'done' returning stream)
       update clarifai_sync.stream_runs s set outcome = 'interrupted', finished_at = clock_timestamp()
       from ended where s.run_id = $1 and s.stream = ended.stream and s.outcome is null`,
      [runId, byForce],
    );
    const moved = await client.query(
      `update clarifai_sync.runs r set state = 'sealing' where run_id = $1 and state = 'reading' and not exists
         (select 1 from clarifai_sync.tasks t where t.run_id = r.run_id and t.kind = 'crawl' and t.state <> 'done')`,
      [runId],
    );
    return moved.rowCount === 1;
  });
}

/** Removes finished runs that ended before `retainMs` ago, with all that hangs on them; the newest of a scope stays. Messages about runs that never began go by the same age. */
export async function pruneRuns(store: Store, retainMs: number): Promise<void> {
  await store.database.query(
    `delete from clarifai_sync.runs r where state = 'finished' and finished_at < clock_timestamp() - $1 * interval '1 ms'
       and sequence < (select last_sequence from clarifai_sync.scopes s where s.scope_id = r.scope_id)`,
    [retainMs],
  );
  await store.database.query(
    `delete from clarifai_sync.notifications where run_id is null and created_at < clock_timestamp() - $1 * interval '1 ms'`,
    [retainMs],
  );
}
