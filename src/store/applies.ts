import type pg from 'pg';
import type {Failure, Store} from './ledger.ts';
import {purgesOf, type Purge} from './purge.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** What an order to a sink needs to know of the run, beside the rows. */
export interface ApplyFacts {
  readonly startedAt: Date;
  readonly closedAt: Date;
  /**
   * Runs that this sink did not get to the end of: since its last success, this one among them when it is repeated; and of
   * the last day, since whoever was overtaken in one of those may have woken up after that success.
   */
  readonly unfinished: readonly {readonly runId: string; readonly sequence: number}[];
  readonly isRefill: boolean;
  readonly purges: readonly Purge[];
}

/** Notes that a sink's order begins, and tells what is left of earlier ones. */
export async function beginApply(store: Store, task: HeldTask): Promise<ApplyFacts> {
  return await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    const unfinished = await client.query<{run_id: string; sequence: string}>(
      `select s.run_id, r.sequence::text from clarifai_sync.sink_runs s join clarifai_sync.runs r using (run_id)
       where s.sink = $1 and r.scope_id = $2 and s.outcome is distinct from 'succeeded'
         and (s.started_at > clock_timestamp() - interval '1 day' or r.sequence > coalesce(
           (select max(d.sequence) from clarifai_sync.sink_runs e join clarifai_sync.runs d using (run_id)
            where e.sink = $1 and d.scope_id = $2 and e.outcome = 'succeeded'), 0)) order by r.sequence`,
      [task.stream, task.scopeId],
    );
    await client.query(
      `insert into clarifai_sync.sink_runs (run_id, sink) values ($1, $2) on conflict (run_id, sink) do update
         set outcome = null, started_at = clock_timestamp()`,
      [task.runId, task.stream],
    );
    const facts = await client.query<{started_at: Date; closed_at: Date; refill: boolean}>(
      `select started_at, closed_at, exists (select 1 from clarifai_sync.sink_refills f where f.sink = $2 and f.scope_id = r.scope_id) as refill
       from clarifai_sync.runs r where run_id = $1`,
      [task.runId, task.stream],
    );
    const [row] = facts.rows;
    return {
      startedAt: row?.started_at ?? new Date(0),
      closedAt: row?.closed_at ?? new Date(0),
      isRefill: row?.refill ?? false,
      purges: await purgesOf(client, task.scopeId),
      unfinished: unfinished.rows.map((each) => ({runId: each.run_id, sequence: Number(each.sequence)})),
    };
  });
}

/** The run that has this number in its scope; null when the ledger does not have it. */
export async function runIdOf(store: Store, scopeId: number, sequence: number): Promise<string | null> {
  const [row] = await store.database.query<{run_id: string}>(
    'select run_id from clarifai_sync.runs where scope_id = $1 and sequence = $2',
    [scopeId, sequence],
  );
  return row?.run_id ?? null;
}

export interface ApplyEnd {
  readonly rows: number;
  readonly previousSequence: number | null;
  readonly failure: Failure | null;
  /** The sink has been published up to here, further than this store has come. */
  readonly aheadAt: number | null;
}

/** Ends a sink's order. One that failed is behind: the next run's order makes up for it. */
export async function endApply(store: Store, task: HeldTask, end: ApplyEnd): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      `update clarifai_sync.sink_runs set outcome = $3, rows = $4, previous_sequence = $5, error_code = $6, error = $7,
         error_cause = $8, finished_at = clock_timestamp() where run_id = $1 and sink = $2`,
      [
        task.runId,
        task.stream,
        end.failure === null ? 'succeeded' : 'failed',
        end.rows,
        end.previousSequence,
        end.failure?.code ?? null,
        end.failure?.message ?? null,
        end.failure?.cause ?? null,
      ],
    );
    if (end.failure === null) {
      await client.query('delete from clarifai_sync.sink_refills where sink = $1 and scope_id = $2', [
        task.stream,
        task.scopeId,
      ]);
    }
    if (end.aheadAt !== null) {
      // Invariant 12: go on behind everything that was seen, and fill the sink anew.
      await client.query(
        'update clarifai_sync.scopes set last_sequence = greatest(last_sequence, $2) where scope_id = $1',
        [task.scopeId, end.aheadAt],
      );
      await client.query(
        'insert into clarifai_sync.sink_refills (sink, scope_id) values ($1, $2) on conflict do nothing',
        [task.stream, task.scopeId],
      );
    }
    await client.query(`update clarifai_sync.tasks set state = 'done', holder = null where task_id = $1`, [
      task.taskId,
    ]);
  });
}

/**
 * Has every sink filled anew with the next run that it gets: rows have changed without a run of their own. Those that
 * never got one are filled anyway.
 */
export async function refillSinks(client: pg.ClientBase): Promise<void> {
  await client.query(
    `insert into clarifai_sync.sink_refills (sink, scope_id)
     select distinct s.sink, r.scope_id from clarifai_sync.sink_runs s join clarifai_sync.runs r using (run_id)
     on conflict do nothing`,
  );
}

/** How many sinks have not got a closed run yet. */
export async function openApplies(store: Store, runId: string): Promise<number> {
  const [row] = await store.database.query<{n: number}>(
    `select count(*)::int as n from clarifai_sync.tasks where run_id = $1 and kind = 'apply' and state <> 'done'`,
    [runId],
  );
  return row?.n ?? 0;
}

/** Ends the orders of a run that nobody works on; their sinks are behind. */
export async function abandonApplies(store: Store, runId: string): Promise<void> {
  await store.database.query(
    `with ended as (update clarifai_sync.tasks set state = 'done', fence = nextval('clarifai_sync.fence'), holder = null
       where run_id = $1 and kind = 'apply' and (state = 'waiting' or lease_until < clock_timestamp()) and state <> 'done' returning stream)
     insert into clarifai_sync.sink_runs as s (run_id, sink, outcome, finished_at)
     select $1, stream, 'interrupted', clock_timestamp() from ended
     on conflict (run_id, sink) do update set outcome = excluded.outcome, finished_at = excluded.finished_at`,
    [runId],
  );
}
