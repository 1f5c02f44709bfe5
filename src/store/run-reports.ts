import type {RunOutcome, StreamOutcome} from '../core/outcome.ts';
import type {Scope} from '../core/scope.ts';
import type {Failure, Run, Store} from './ledger.ts';
import {RUN_COLUMNS, runOf, type RunRow} from './runs.ts';

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
  /** For slots of the budget and before calls were tried again, ms, all requests together. */
  readonly waitedMs: number;
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

export interface RunFilter {
  readonly runId?: string;
  readonly scope?: Scope;
  /** Only runs that are older than this one, by its id. */
  readonly before?: string;
  /** Only so many newest ones of each scope. */
  readonly perScope?: number;
  readonly limit: number;
}

/** What the ledger knows of runs, newest first; all scopes, or the one given; all runs, or the one given. */
export async function reportRuns(store: Pick<Store, 'database'>, filter: RunFilter): Promise<RunReport[]> {
  const rows = await store.database.query<ReportRow>(
    `select ${RUN_COLUMNS}, state, outcome, started_at, finished_at, requests::int8::text as requests, throttled::text as throttled, waited_ms::text as waited_ms,
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
       and ($5::uuid is null or (started_at, sequence) < (select b.started_at, b.sequence from clarifai_sync.runs b where b.run_id = $5))
       and ($6::bigint is null or sequence > all (select n.sequence from clarifai_sync.runs n where n.scope_id = r.scope_id
         order by n.sequence desc offset $6 limit 1))
     order by started_at desc, sequence desc limit $4`,
    [
      filter.runId ?? null,
      filter.scope?.userId ?? null,
      filter.scope?.appId ?? null,
      filter.limit,
      filter.before ?? null,
      filter.perScope ?? null,
    ],
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
  waited_ms: string;
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
    waitedMs: Number(row.waited_ms),
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
