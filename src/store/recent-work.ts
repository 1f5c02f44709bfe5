import type {Store} from './ledger.ts';

/** What a run that is active, or was until a moment ago, has done so far. */
export interface RecentWork {
  readonly runId: string;
  readonly startedAt: Date;
  readonly requests: number;
  readonly throttled: number;
}

/** Runs that are active or ended within the last `sinceSeconds`. */
export async function recentWork({database}: Pick<Store, 'database'>, sinceSeconds: number): Promise<RecentWork[]> {
  const rows = await database.query<{run_id: string; started_at: Date; requests: number; throttled: number}>(
    `select run_id, started_at, requests::float8 as requests, throttled::float8 as throttled from clarifai_sync.runs
     where state <> 'finished' or finished_at > clock_timestamp() - $1 * interval '1 second'`,
    [sinceSeconds],
  );
  return rows.map((row) => ({
    runId: row.run_id,
    startedAt: row.started_at,
    requests: row.requests,
    throttled: row.throttled,
  }));
}
