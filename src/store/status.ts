import {YIELDED, type RunOutcome, type StreamOutcome} from '../core/outcome.ts';
import type {Scope} from '../core/scope.ts';
import type {RunMode, Store} from './ledger.ts';

/** Where one scope stands: its last run that read the source, and how old what it holds is. */
export interface ScopeStatus {
  readonly scope: Scope;
  readonly runId: string;
  readonly mode: RunMode;
  /** null while the run goes on. */
  readonly outcome: RunOutcome | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly failure: {readonly code: string; readonly message: string} | null;
  /** Starts of the last run that succeeded and of the last full one that did; null for never. */
  readonly succeededAt: Date | null;
  readonly fullAt: Date | null;
  /** Now, by the store's clock, minus `succeededAt`, seconds; null for never. */
  readonly lagSeconds: number | null;
  readonly streams: readonly StreamStatus[];
}

/** Where one stream of a scope stands; counts are those of the last run that had it. */
export interface StreamStatus {
  readonly stream: string;
  readonly runId: string;
  readonly mode: RunMode;
  readonly outcome: StreamOutcome | null;
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly sourceCount: number | null;
  /** Records at the source less those here, by the last comparison, and in how many runs it has stood; null: never compared. */
  readonly countGap: number | null;
  readonly countRuns: number;
  readonly failure: {readonly code: string; readonly message: string} | null;
  /** Now minus the start of the last run in which it succeeded or had nothing to do, seconds; null for never. */
  readonly lagSeconds: number | null;
  /** When all of it was last read; null for never. */
  readonly lastReadAt: Date | null;
  /** Kinds of records that the source's search does not show; null while nobody has looked. */
  readonly searchGaps: readonly string[] | null;
  /** Records that could not be stored and are not by now. */
  readonly openRejects: number;
}

/** SQL: was the run asked to read the source? A purge, or a replay of rejects, says nothing of how fresh what is stored is. */
export const READS_SOURCE = (run: string): string => `not ${run}.options ?| array['purgesBefore', 'replays']`;

/** SQL: has the run brought all that is fresh? One that made way for the next has, before it went on to the rest. */
export const IS_CURRENT = (run: string): string =>
  `(${READS_SOURCE(run)} and (${run}.outcome = 'succeeded' or ${run}.outcome = 'interrupted' and ${run}.error_code = '${YIELDED}'))`;

/** Every scope that was ever synced, by name, with its streams. */
export async function reportStatus({database}: Pick<Store, 'database'>): Promise<ScopeStatus[]> {
  const rows = await database.query<ScopeRow>(
    `select s.user_id, s.app_id, r.run_id, r.mode, r.outcome, r.started_at, r.finished_at, r.error_code, r.error,
       good.succeeded_at, good.full_at, extract(epoch from clock_timestamp() - good.succeeded_at)::float8 as lag,
       (${STREAMS}) as streams
     from clarifai_sync.scopes s
     join lateral (select * from clarifai_sync.runs r where r.scope_id = s.scope_id
       order by ${READS_SOURCE('r')} desc, sequence desc limit 1) r on true
     cross join lateral (select max(started_at) as succeeded_at, max(started_at) filter (where mode = 'full' and outcome = 'succeeded') as full_at
       from clarifai_sync.runs g where g.scope_id = s.scope_id and ${IS_CURRENT('g')}) good
     order by s.user_id, s.app_id = '', s.app_id`,
  );
  return rows.map((row) => ({
    scope: {userId: row.user_id, appId: row.app_id},
    runId: row.run_id,
    mode: row.mode,
    outcome: row.outcome,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    failure: row.error_code === null ? null : {code: row.error_code, message: row.error},
    succeededAt: row.succeeded_at,
    fullAt: row.full_at,
    lagSeconds: row.lag,
    streams: row.streams.map(({code, message, lastReadAt, ...stream}) => ({
      ...stream,
      failure: code === null ? null : {code, message},
      lastReadAt: lastReadAt === null ? null : new Date(lastReadAt),
    })),
  }));
}

/** Of scope `s`: the last run of each stream as a JSON array, with what is known of the stream across runs. */
const STREAMS = `select coalesce(json_agg(json_build_object('stream', l.stream, 'runId', l.run_id, 'mode', l.mode,
    'outcome', l.outcome, 'read', l.read, 'inserted', l.inserted, 'updated', l.updated, 'deleted', l.deleted,
    'unchanged', l.unchanged, 'rejected', l.rejected, 'sourceCount', l.source_count, 'code', l.error_code,
    'message', l.error, 'lagSeconds', l.lag, 'lastReadAt', st.last_read_at, 'countGap', st.count_gap, 'countRuns', coalesce(st.count_runs, 0), 'searchGaps', st.search_gaps,
    'openRejects', (select count(*) from clarifai_sync.rejects j where j.scope_id = s.scope_id and j.stream = l.stream
      and j.kind = 'rejected' and j.resolved_at is null)) order by l.stream), '[]')
  from (select distinct on (x.stream) x.*, y.mode,
      extract(epoch from clock_timestamp() - max(y.started_at) filter (where x.outcome in ('succeeded', 'skipped') or ${IS_CURRENT('y')} and exists (select 1 from clarifai_sync.tasks t
          where t.run_id = y.run_id and t.kind = 'crawl' and t.stream = x.stream and t.sweeping))
        over (partition by x.stream))::float8 as lag
    from clarifai_sync.stream_runs x join clarifai_sync.runs y using (run_id)
    where y.scope_id = s.scope_id and ${READS_SOURCE('y')} order by x.stream, y.sequence desc) l
  left join clarifai_sync.stream_states st on st.scope_id = s.scope_id and st.stream = l.stream`;

interface ScopeRow {
  user_id: string;
  app_id: string;
  run_id: string;
  mode: RunMode;
  outcome: RunOutcome | null;
  started_at: Date;
  finished_at: Date | null;
  error_code: string | null;
  error: string;
  succeeded_at: Date | null;
  full_at: Date | null;
  lag: number | null;
  streams: (Omit<StreamStatus, 'failure' | 'lastReadAt'> & {
    code: string | null;
    message: string;
    lastReadAt: string | null;
  })[];
}
