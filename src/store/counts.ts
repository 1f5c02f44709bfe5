import type pg from 'pg';
import type {Scope} from '../core/scope.ts';
import type {Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** How many inputs the source says there are, and how many the mirror has. */
export interface Counts {
  readonly source: number;
  readonly mirror: number;
  /** Runs in a row that found a difference while the marker stood still. */
  readonly runs: number;
}

/** From so many runs on a difference counts as lasting, and not as something that was under way. */
export const LASTING_RUNS = 2;

/** A full run that brought nothing is not repeated before this. */
const AT_MOST_EVERY = "interval '1 day'";

/** Was there a difference at the last comparison? Then counting goes on although nothing else is to be read. */
export async function hasCountGap(store: Store, task: HeldTask): Promise<boolean> {
  const rows = await store.database.query(
    `select 1 from clarifai_sync.stream_states where scope_id = $1 and stream = 'inputs' and count_gap <> 0`,
    [task.scopeId],
  );
  return rows.length > 0;
}

/**
 * Keeps the number of living inputs, within the commit that changes it. Unknown until it has been counted for the first
 * time, and counted anew in every full run: what was done to the table by hand shows there at the latest.
 */
export async function moveLiveRows(
  client: pg.ClientBase,
  scopeId: number,
  stream: Stream,
  difference: number,
): Promise<void> {
  if (stream.name !== 'inputs' || difference === 0) return;
  await client.query(
    `update clarifai_sync.stream_states set live_rows = live_rows + $2 where scope_id = $1 and stream = 'inputs'`,
    [scopeId, difference],
  );
}

/**
 * Compares what the source counted in this run with the mirror, after the run's deletions; null when it was not asked.
 * Inputs that could not be stored are counted too: they are listed as rejects and are no difference. One that collides
 * is another record than the row of its key.
 */
export async function compareCounts(store: Store, task: HeldTask): Promise<Counts | null> {
  const inputs = ident(store.schema, 'inputs');
  return await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    const asked = await client.query(
      `select 1 from clarifai_sync.stream_runs where run_id = $1 and stream = 'inputs' and source_count is not null`,
      [task.runId],
    );
    if (asked.rows.length === 0) return null;
    const live = await liveInputs(client, store, task);
    const counted = await client.query<{source: string; mirror: string}>(
      `update clarifai_sync.stream_runs s set mirror_count = $5::bigint +
         (select count(distinct r.identity) from clarifai_sync.rejects r where r.scope_id = $4 and r.stream = 'inputs'
            and r.kind = 'rejected' and r.resolved_at is null and (r.reason = 'key_collision' or not exists (select 1 from ${inputs} t
              where t.user_id = $2 and t.app_id = $3 and t.id = r.key[1] and t._sync_deleted_at is null)))
       where s.run_id = $1 and s.stream = 'inputs' returning source_count::text as source, mirror_count::text as mirror`,
      [task.runId, task.scope.userId, task.scope.appId, task.scopeId, live],
    );
    const [source, mirror] = [Number(counted.rows[0]?.source), Number(counted.rows[0]?.mirror)];
    const noted = await client.query<{runs: number}>(
      `update clarifai_sync.stream_states set count_gap = $2, count_marker = $3, count_runs = case
           when $2::bigint = 0 or $3::text is null then 0
           when count_gap <> 0 and count_marker = $3 then count_runs + 1 else 1 end
       where scope_id = $1 and stream = 'inputs' returning count_runs as runs`,
      [task.scopeId, source - mirror, task.marker],
    );
    return {source, mirror, runs: noted.rows[0]?.runs ?? 0};
  });
}

/** Living inputs: as they were kept, or counted, which reads all of them. */
async function liveInputs(client: pg.ClientBase, {schema}: Store, task: HeldTask): Promise<number> {
  if (task.mode !== 'full') {
    const kept = await client.query<{live: string | null}>(
      `select live_rows::text as live from clarifai_sync.stream_states where scope_id = $1 and stream = 'inputs'`,
      [task.scopeId],
    );
    const live = kept.rows[0]?.live ?? null;
    if (live !== null) return Number(live);
  }
  const counted = await client.query<{live: string}>(
    `with counted as (select count(*) as live from ${ident(schema, 'inputs')} t
       where t.user_id = $2 and t.app_id = $3 and t._sync_deleted_at is null),
     kept as (update clarifai_sync.stream_states s set live_rows = c.live from counted c
       where s.scope_id = $1 and s.stream = 'inputs')
     select live::text from counted`,
    [task.scopeId, task.scope.userId, task.scope.appId],
  );
  return Number(counted.rows[0]?.live ?? 0);
}

/** Has the count differed for so long, under this very marker, that only a full run can tell why? */
export async function needsFullRun(store: Store, scope: Scope, marker: string): Promise<boolean> {
  const rows = await store.database.query(
    `select 1 from clarifai_sync.stream_states s join clarifai_sync.scopes c using (scope_id)
     where c.user_id = $1 and c.app_id = $2 and s.stream = 'inputs' and s.count_runs >= ${LASTING_RUNS} and s.count_marker = $3
       and (s.full_for_count_at is null or s.full_for_count_at < clock_timestamp() - ${AT_MOST_EVERY})`,
    [scope.userId, scope.appId, marker],
  );
  return rows.length > 0;
}

/** Notes that a run was made a full one for that reason. */
export async function noteFullForCount(store: Store, scopeId: number): Promise<void> {
  await store.database.query(
    `update clarifai_sync.stream_states set full_for_count_at = clock_timestamp() where scope_id = $1 and stream = 'inputs'`,
    [scopeId],
  );
}
