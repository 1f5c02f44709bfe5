import type {Store} from './ledger.ts';

/** How far a sink beside the store is with one scope, as the ledger knows it; the position itself is in the sink. */
export interface SinkPosition {
  readonly sink: string;
  readonly userId: string;
  readonly appId: string;
  /** Sequence of the last run that it got to the end of; null for none. */
  readonly sequence: number | null;
  /** Finished runs since then. */
  readonly runsBehind: number;
  /** Of the last order to it; null while it is under way, or before the first. */
  readonly outcome: 'succeeded' | 'interrupted' | 'failed' | null;
  readonly rows: number;
  readonly finishedAt: Date | null;
  readonly failure: {readonly code: string; readonly message: string} | null;
}

/** Sinks that the newest run of each scope was to be given to, by name. */
export async function sinkPositions({database}: Pick<Store, 'database'>): Promise<SinkPosition[]> {
  const rows = await database.query<PositionRow>(
    `select c.user_id, c.app_id, w.sink, p.sequence::float8 as sequence, l.outcome, coalesce(l.rows, 0)::float8 as rows,
       l.finished_at, l.error_code, l.error,
       (select count(*)::int from clarifai_sync.runs x where x.scope_id = c.scope_id and x.state = 'finished'
          and x.sequence > coalesce(p.sequence, 0)) as behind
     from clarifai_sync.scopes c
     cross join lateral (select options from clarifai_sync.runs n where n.scope_id = c.scope_id order by sequence desc limit 1) n
     cross join lateral jsonb_array_elements_text(n.options -> 'sinks') w(sink)
     left join lateral (select max(r.sequence) as sequence from clarifai_sync.sink_runs s join clarifai_sync.runs r using (run_id)
       where r.scope_id = c.scope_id and s.sink = w.sink and s.outcome = 'succeeded') p on true
     left join lateral (select s.* from clarifai_sync.sink_runs s join clarifai_sync.runs r using (run_id)
       where r.scope_id = c.scope_id and s.sink = w.sink order by r.sequence desc limit 1) l on true
     order by w.sink, c.user_id, c.app_id`,
  );
  return rows.map((row) => ({
    sink: row.sink,
    userId: row.user_id,
    appId: row.app_id,
    sequence: row.sequence,
    runsBehind: row.behind,
    outcome: row.outcome,
    rows: row.rows,
    finishedAt: row.finished_at,
    failure: row.error_code === null ? null : {code: row.error_code, message: row.error},
  }));
}

interface PositionRow {
  user_id: string;
  app_id: string;
  sink: string;
  sequence: number | null;
  behind: number;
  outcome: SinkPosition['outcome'];
  rows: number;
  finished_at: Date | null;
  error_code: string | null;
  error: string;
}
