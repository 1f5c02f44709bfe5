import type {RunOutcome} from '../core/outcome.ts';
import type {RunMode, Store} from './ledger.ts';

/** A finished run, as far as a chart shows it. */
export interface PastRun {
  readonly runId: string;
  readonly userId: string;
  readonly appId: string;
  readonly mode: RunMode;
  readonly outcome: RunOutcome;
  readonly startedAt: Date;
  readonly durationSeconds: number;
  readonly requests: number;
  /** Records inserted, updated and deleted. */
  readonly changed: number;
}

/** The last finished runs of each scope, oldest first. */
export async function runHistory({database}: Pick<Store, 'database'>, perScope: number): Promise<PastRun[]> {
  const rows = await database.query<PastRow>(
    `select r.run_id, r.user_id, r.app_id, r.mode, r.outcome, r.started_at, r.requests::float8 as requests,
       extract(epoch from r.finished_at - r.started_at)::float8 as seconds,
       (select coalesce(sum(inserted + updated + deleted), 0)::float8 from clarifai_sync.stream_runs s where s.run_id = r.run_id) as changed
     from clarifai_sync.scopes c
     cross join lateral (select * from clarifai_sync.runs f where f.scope_id = c.scope_id and f.state = 'finished'
       order by sequence desc limit $1) r
     order by r.scope_id, r.sequence`,
    [perScope],
  );
  return rows.map((row) => ({
    runId: row.run_id,
    userId: row.user_id,
    appId: row.app_id,
    mode: row.mode,
    outcome: row.outcome,
    startedAt: row.started_at,
    durationSeconds: row.seconds,
    requests: row.requests,
    changed: row.changed,
  }));
}

interface PastRow {
  run_id: string;
  user_id: string;
  app_id: string;
  mode: RunMode;
  outcome: RunOutcome;
  started_at: Date;
  requests: number;
  seconds: number;
  changed: number;
}
