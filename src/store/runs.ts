import {randomUUID} from 'node:crypto';
import type pg from 'pg';
import type {RunOutcome, StreamOutcome} from '../core/outcome.ts';
import {scopeName, type Scope} from '../core/scope.ts';
import type {Stream} from '../streams/stream.ts';
import {RunActiveError, sqlState} from './errors.ts';
import type {Failure, Run, RunMode, RunOptions, Store} from './ledger.ts';
import {sightMarker} from './markers.ts';
import {isDeadSql} from './presence.ts';

interface RunRow {
  run_id: string;
  scope_id: number;
  user_id: string;
  app_id: string;
  sequence: string;
  mode: RunMode;
  options: RunOptions;
}

const RUN_COLUMNS = 'run_id, scope_id, user_id, app_id, sequence::text as sequence, mode, options';

function runOf(row: RunRow): Run {
  const {run_id: runId, scope_id: scopeId, sequence, mode, options} = row;
  return {runId, scopeId, scope: {userId: row.user_id, appId: row.app_id}, sequence, mode, options};
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
 * @throws RunActiveError when one is open already
 */
export async function openRun(
  store: Store,
  scope: Scope,
  mode: RunMode,
  options: RunOptions,
  streams: readonly Stream[],
  beginning: Beginning,
  settleMs: number,
): Promise<Run> {
  try {
    return await store.database.transaction(async (client) => {
      const scopes = await client.query<{scope_id: number; sequence: string}>(
        `insert into clarifai_sync.scopes as s (user_id, app_id, last_sequence) values ($1, $2, 1)
         on conflict (user_id, app_id) do update set last_sequence = s.last_sequence + 1
         returning scope_id, last_sequence::text as sequence`,
        [scope.userId, scope.appId],
      );
      const {scope_id: scopeId, sequence} = scopes.rows[0] as {scope_id: number; sequence: string};
      const runs = await client.query<RunRow>(
        `insert into clarifai_sync.runs (run_id, scope_id, user_id, app_id, sequence, mode, state, options, driver, driver_until)
         values ($1, $2, $3, $4, $5, $6, 'reading', $7, $8, clock_timestamp() + $9 * interval '1 ms') returning ${RUN_COLUMNS}`,
        [
          randomUUID(),
          scopeId,
          scope.userId,
          scope.appId,
          sequence,
          mode,
          JSON.stringify(options),
          store.presence.holder,
          store.leaseMs,
        ],
      );
      const run = runOf(runs.rows[0] as RunRow);
      await noteBeginning(client, run, beginning, settleMs);
      for (const stream of streams) {
        await client.query('insert into clarifai_sync.stream_runs (run_id, stream, strategy) values ($1, $2, $3)', [
          run.runId,
          stream.name,
          stream.strategy,
        ]);
        await client.query(
          `insert into clarifai_sync.tasks (run_id, kind, stream, after) values ($1, 'crawl', $2, $3)`,
          [run.runId, stream.name, afterOf(stream, options.streams)],
        );
      }
      await client.query(`insert into clarifai_sync.tasks (run_id, kind, stream) values ($1, 'seal', '')`, [run.runId]);
      return run;
    });
  } catch (error) {
    if (sqlState((error as {cause?: unknown}).cause) === '23505') throw active(scope);
    throw error;
  }
}

/** Streams whose answers decide what is read of this one. */
function afterOf(stream: Stream, names: readonly string[]): string[] {
  if (stream.under === undefined) return [];
  return [stream.under.stream, 'bulk_operations'].filter((name) => names.includes(name) && name !== stream.name);
}

const active = (scope: Scope): RunActiveError =>
  new RunActiveError(`another run of ${scopeName(scope)} is active: wait for it, or see "clarifai-sync runs"`);

/**
 * Takes up the run of a scope that its process left unfinished; null when there is none. Every task starts again: what
 * was read in full is remembered by its pass, and what was read of the fresh work is read again, since the source has
 * moved on.
 * @throws RunActiveError when its process is alive
 */
export async function takeUpRun(
  store: Store,
  scope: Scope,
  beginning: Beginning,
  settleMs: number,
): Promise<Run | null> {
  return await store.database.transaction(async (client) => {
    const found = await client.query<RunRow & {dead: boolean; state: string}>(
      `select ${RUN_COLUMNS}, state, coalesce(driver_until < clock_timestamp(), true) or ${isDeadSql('driver')} as dead
       from clarifai_sync.runs where user_id = $1 and app_id = $2 and state <> 'finished' for update`,
      [scope.userId, scope.appId],
    );
    const [row] = found.rows;
    if (row === undefined) return null;
    if (!row.dead) throw active(scope);
    await client.query(
      `update clarifai_sync.runs set driver = $2, driver_until = clock_timestamp() + $3 * interval '1 ms',
         error_code = null, error = null, error_cause = null where run_id = $1`,
      [row.run_id, store.presence.holder, store.leaseMs],
    );
    if (row.state === 'reading') {
      await client.query(
        `update clarifai_sync.tasks set state = 'waiting' where run_id = $1 and kind = 'crawl' and state = 'done'`,
        [row.run_id],
      );
    }
    await noteBeginning(client, runOf(row), beginning, settleMs);
    return runOf(row);
  });
}

async function noteBeginning(client: pg.ClientBase, run: Run, beginning: Beginning, settleMs: number): Promise<void> {
  const {marker, sourceTimeMs} = beginning;
  const isSettled = marker !== null && (await sightMarker(client, run.scopeId, marker, settleMs));
  await client.query(
    'update clarifai_sync.runs set marker = $2, marker_settled = $3, source_time = $4 where run_id = $1',
    [run.runId, marker, isSettled, sourceTimeMs === null ? null : new Date(sourceTimeMs)],
  );
}

/** Renews this process's claim to drive the run. */
export async function driveOn(store: Store, run: Run): Promise<void> {
  await store.database.query(
    `update clarifai_sync.runs set driver_until = clock_timestamp() + $3 * interval '1 ms' where run_id = $1 and driver = $2`,
    [run.runId, store.presence.holder, store.leaseMs],
  );
}

/** Notes why a run ends early; the first cause counts. */
export async function endEarly(store: Store, runId: string, failure: Failure): Promise<void> {
  await store.database.query(
    `update clarifai_sync.runs set error_code = $2, error = $3, error_cause = $4 where run_id = $1 and error_code is null`,
    [runId, failure.code, failure.message, failure.cause],
  );
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

export interface StreamRun {
  readonly stream: string;
  readonly strategy: string;
  readonly outcome: StreamOutcome | null;
  readonly pages: number;
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly repaired: number;
  readonly newlyRejected: number;
  readonly heldBack: number;
  readonly unproved: number;
  readonly sourceCount: number | null;
  /** What there was here to compare with `sourceCount`. */
  readonly mirrorCount: number | null;
  readonly failure: Failure | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export interface RunReport {
  readonly run: Run;
  readonly state: string;
  readonly outcome: RunOutcome | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly requests: number;
  readonly throttled: number;
  readonly failure: Failure | null;
  readonly streams: readonly StreamRun[];
  readonly sinks: readonly SinkRun[];
}

/** What came of giving a run to a sink. */
export interface SinkRun {
  readonly sink: string;
  readonly outcome: 'succeeded' | 'interrupted' | 'failed' | null;
  readonly rows: number;
  readonly failure: Failure | null;
}

/** What the ledger knows of runs, newest first; all scopes, or the one given; all runs, or the one given. */
export async function reportRuns(
  store: Pick<Store, 'database'>,
  filter: {runId?: string; scope?: Scope; limit: number},
): Promise<RunReport[]> {
  const rows = await store.database.query<ReportRow>(
    `select ${RUN_COLUMNS}, state, outcome, started_at, finished_at, requests::int8::text as requests, throttled::text as throttled,
       error_code, error, error_cause,
       (select coalesce(json_agg(json_build_object('stream', s.stream, 'strategy', s.strategy, 'outcome', s.outcome, 'pages', s.pages,
          'read', s.read, 'inserted', s.inserted, 'updated', s.updated, 'deleted', s.deleted, 'unchanged', s.unchanged,
          'rejected', s.rejected, 'repaired', s.repaired, 'newlyRejected', s.newly_rejected, 'heldBack', s.held_back,
          'unproved', s.unproved, 'sourceCount', s.source_count, 'mirrorCount', s.mirror_count, 'code', s.error_code, 'message', s.error, 'cause', s.error_cause,
          'startedAt', s.started_at, 'finishedAt', s.finished_at) order by s.stream), '[]') from clarifai_sync.stream_runs s
        where s.run_id = r.run_id) as streams,
       (select coalesce(json_agg(json_build_object('sink', s.sink, 'outcome', s.outcome, 'rows', s.rows, 'code', s.error_code,
          'message', s.error, 'cause', s.error_cause) order by s.sink), '[]') from clarifai_sync.sink_runs s
        where s.run_id = r.run_id) as sinks
     from clarifai_sync.runs r
     where ($1::uuid is null or run_id = $1) and ($2::text is null or user_id = $2) and ($3::text is null or app_id = $3)
     order by started_at desc, sequence desc limit $4`,
    [filter.runId ?? null, filter.scope?.userId ?? null, filter.scope?.appId ?? null, filter.limit],
  );
  return rows.map(reportOf);
}

type StreamJson = Omit<StreamRun, 'failure' | 'startedAt' | 'finishedAt'> & {
  code: string | null;
  message: string;
  cause: Failure['cause'];
  startedAt: string | null;
  finishedAt: string | null;
};

interface ReportRow extends RunRow {
  state: string;
  outcome: RunOutcome | null;
  started_at: Date;
  finished_at: Date | null;
  requests: string;
  throttled: string;
  error_code: string | null;
  error: string;
  error_cause: Failure['cause'];
  streams: StreamJson[];
  sinks: (Omit<SinkRun, 'failure'> & {code: string | null; message: string; cause: Failure['cause']})[];
}

function reportOf(row: ReportRow): RunReport {
  return {
    run: runOf(row),
    state: row.state,
    outcome: row.outcome,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    requests: Number(row.requests),
    throttled: Number(row.throttled),
    failure: row.error_code === null ? null : {code: row.error_code, message: row.error, cause: row.error_cause},
    streams: row.streams.map(({code, message, cause, startedAt, finishedAt, ...stream}) => ({
      ...stream,
      failure: code === null ? null : {code, message, cause},
      startedAt: startedAt === null ? null : new Date(startedAt),
      finishedAt: finishedAt === null ? null : new Date(finishedAt),
    })),
    sinks: row.sinks.map(({code, message, cause, ...sink}) => ({
      ...sink,
      failure: code === null ? null : {code, message, cause},
    })),
  };
}

/** Adds what was asked of the API for a run to its counts. */
export async function countRequests(store: Store, runId: string, requests: number, throttled: number): Promise<void> {
  await store.database.query(
    'update clarifai_sync.runs set requests = requests + $2, throttled = throttled + $3 where run_id = $1',
    [runId, requests, throttled],
  );
}

/** Gives a closed run its outcome; from here on another run of the scope may open. May be repeated. */
export async function finishRun(store: Store, runId: string, outcome: RunOutcome): Promise<void> {
  await store.database.query(
    `update clarifai_sync.runs set state = 'finished', outcome = $2, finished_at = clock_timestamp()
     where run_id = $1 and state = 'closed'`,
    [runId, outcome],
  );
}

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
 * @returns false while somebody still works on one of them
 */
export async function abandonCrawls(store: Store, runId: string): Promise<boolean> {
  return await store.database.transaction(async (client) => {
    await client.query('select 1 from clarifai_sync.runs where run_id = $1 for update', [runId]);
    await client.query(
      `with ended as (update clarifai_sync.tasks t set state = 'done', fence = nextval('clarifai_sync.fence'), holder = null
         where run_id = $1 and kind = 'crawl' and (state = 'waiting' or lease_until < clock_timestamp()) and state <> 'done' returning stream)
       update clarifai_sync.stream_runs s set outcome = 'interrupted', finished_at = clock_timestamp()
       from ended where s.run_id = $1 and s.stream = ended.stream and s.outcome is null`,
      [runId],
    );
    const moved = await client.query(
      `update clarifai_sync.runs r set state = 'sealing' where run_id = $1 and state = 'reading' and not exists
         (select 1 from clarifai_sync.tasks t where t.run_id = r.run_id and t.kind = 'crawl' and t.state <> 'done')`,
      [runId],
    );
    return moved.rowCount === 1;
  });
}

/** Removes finished runs that ended before `retainMs` ago, with all that hangs on them; the newest of a scope stays. */
export async function pruneRuns(store: Store, retainMs: number): Promise<void> {
  await store.database.query(
    `delete from clarifai_sync.runs r where state = 'finished' and finished_at < clock_timestamp() - $1 * interval '1 ms'
       and sequence < (select last_sequence from clarifai_sync.scopes s where s.scope_id = r.scope_id)`,
    [retainMs],
  );
}
