import type {Store} from './ledger.ts';
import {IS_CURRENT, READS_SOURCE} from './status.ts';

/** What metrics show of one scope. Times are epoch seconds by the store's clock; null: never. */
export interface ScopeFacts {
  readonly userId: string;
  readonly appId: string;
  readonly isActive: boolean;
  readonly hasSucceeded: boolean | null;
  readonly lastSuccess: number | null;
  readonly lastFull: number | null;
  readonly lastProgress: number | null;
}

export interface StreamFacts {
  readonly userId: string;
  readonly appId: string;
  readonly stream: string;
  readonly sourceCount: number | null;
  readonly mirrorCount: number | null;
  readonly drift: number | null;
  readonly openRejects: number;
}

/** What a run that is active or has just ended has done so far, in one stream; null: in none yet. */
export interface WorkFacts {
  readonly runId: string;
  readonly mode: string;
  readonly outcome: string | null;
  readonly seconds: number | null;
  readonly requests: number;
  readonly throttled: number;
  readonly stream: string | null;
  readonly counts: Readonly<Record<string, number>>;
}

export interface MetricFacts {
  readonly scopes: readonly ScopeFacts[];
  readonly streams: readonly StreamFacts[];
  readonly work: readonly WorkFacts[];
  readonly tasks: readonly {readonly kind: string; readonly state: string; readonly count: number}[];
  readonly notifications: number;
}

/** @param sinceSeconds runs that ended within this time are told too */
export async function metricFacts({database}: Pick<Store, 'database'>, sinceSeconds: number): Promise<MetricFacts> {
  const [scopes, streams, work, tasks, waiting] = await Promise.all([
    database.query<ScopeFacts>(
      `select s.user_id as "userId", s.app_id as "appId", coalesce(l.state <> 'finished', false) as "isActive",
         ${IS_CURRENT('d')} as "hasSucceeded", extract(epoch from g.ok)::float8 as "lastSuccess",
         extract(epoch from g.whole)::float8 as "lastFull",
         extract(epoch from greatest(l.started_at, l.finished_at, p.signed_at))::float8 as "lastProgress"
       from clarifai_sync.scopes s
       left join lateral (select * from clarifai_sync.runs r where r.scope_id = s.scope_id order by sequence desc limit 1) l on true
       left join lateral (select outcome, error_code, options from clarifai_sync.runs r where r.scope_id = s.scope_id and state = 'finished'
         and ${READS_SOURCE('r')} order by sequence desc limit 1) d on true
       left join lateral (select max(started_at) as ok, max(started_at) filter (where mode = 'full' and outcome = 'succeeded') as whole
         from clarifai_sync.runs r where r.scope_id = s.scope_id and ${IS_CURRENT('r')}) g on true
       left join lateral (select max(signed_at) as signed_at from clarifai_sync.tasks t where t.run_id = l.run_id) p on true`,
    ),
    database.query<StreamFacts>(
      `select s.user_id as "userId", s.app_id as "appId", x.stream, c.source_count::float8 as "sourceCount",
         c.mirror_count::float8 as "mirrorCount", x.count_gap::float8 as drift,
         (select count(*)::float8 from clarifai_sync.rejects j where j.scope_id = s.scope_id and j.stream = x.stream
            and j.kind = 'rejected' and j.resolved_at is null) as "openRejects"
       from clarifai_sync.stream_states x join clarifai_sync.scopes s using (scope_id)
       left join lateral (select source_count, mirror_count from clarifai_sync.stream_runs y join clarifai_sync.runs r using (run_id)
         where r.scope_id = x.scope_id and y.stream = x.stream and y.source_count is not null order by r.sequence desc limit 1) c on true`,
    ),
    database.query<WorkRow>(
      `select r.run_id, mode, r.outcome, extract(epoch from r.finished_at - r.started_at)::float8 as seconds,
         requests::float8 as requests, throttled::float8 as throttled, s.stream, s.read::float8 as read,
         s.inserted::float8 as inserted, s.updated::float8 as updated, s.deleted::float8 as deleted,
         s.unchanged::float8 as unchanged, s.rejected::float8 as rejected, s.repaired::float8 as repaired
       from clarifai_sync.runs r left join clarifai_sync.stream_runs s using (run_id)
       where r.state <> 'finished' or r.finished_at > clock_timestamp() - $1 * interval '1 second'`,
      [sinceSeconds],
    ),
    database.query<{kind: string; state: string; count: number}>(
      `select t.kind, t.state, count(*)::float8 as count from clarifai_sync.tasks t join clarifai_sync.runs r using (run_id)
       where r.state <> 'finished' group by 1, 2`,
    ),
    database.query<{count: number}>(
      `select count(*)::float8 as count from clarifai_sync.notifications where delivered_at is null and given_up_at is null`,
    ),
  ]);
  return {scopes, streams, work: work.map(workOf), tasks, notifications: waiting[0]?.count ?? 0};
}

const KINDS = ['read', 'inserted', 'updated', 'deleted', 'unchanged', 'rejected', 'repaired'] as const;

interface WorkRow extends Record<(typeof KINDS)[number], number | null> {
  run_id: string;
  mode: string;
  outcome: string | null;
  seconds: number | null;
  requests: number;
  throttled: number;
  stream: string | null;
}

function workOf(row: WorkRow): WorkFacts {
  return {
    runId: row.run_id,
    mode: row.mode,
    outcome: row.outcome,
    seconds: row.seconds,
    requests: row.requests,
    throttled: row.throttled,
    stream: row.stream,
    counts: Object.fromEntries(KINDS.map((kind) => [kind, row[kind] ?? 0])),
  };
}
