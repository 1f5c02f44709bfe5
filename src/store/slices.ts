import {YIELDED} from '../core/outcome.ts';
import type {Run, Store} from './ledger.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** Notes that what is fresh is behind a task, and all there is comes now: from here on its run may make way. */
export async function noteSweeping(store: Store, task: HeldTask): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query('update clarifai_sync.tasks set sweeping = true where task_id = $1', [task.taskId]);
  });
}

/** SQL: is task t still to read what is fresh? One that waits for another's sweep could not, and holds nothing up. */
const IS_FRESH_OPEN = `t.run_id = r.run_id and t.kind = 'crawl' and t.state <> 'done' and not t.sweeping and not exists
  (select 1 from clarifai_sync.tasks o where o.run_id = t.run_id and o.kind = 'crawl' and o.state <> 'done' and o.stream = any (t.after))`;

/**
 * Ends a full run early where a run for what is fresh is due, once it has done its own fresh work and has been reading
 * for `sliceMs`; what is due becomes the full run that carries on what this one has begun. One statement: nobody sees one
 * without the other, so that a process which dies over it loses neither.
 * @returns the id of the run that carries on; null when there is nothing to make way for
 */
export async function makeWay({database}: Store, run: Run, sliceMs: number): Promise<string | null> {
  const [row] = await database.query<{next: string}>(
    `with way as (
       update clarifai_sync.pending_runs p
       set mode = 'full', streams = null, asked_by = r.asked_by, sweep_from = coalesce(r.sweep_from, r.sequence)
       from clarifai_sync.runs r
       where r.run_id = $1 and r.mode = 'full' and r.state = 'reading' and r.error_code is null
         and r.started_at < clock_timestamp() - $2 * interval '1 ms'
         and p.user_id = r.user_id and p.app_id = r.app_id and p.mode = 'incremental' and p.due_at <= clock_timestamp()
         and (p.streams is null or to_jsonb(p.streams) <@ (r.options -> 'streams'))
         and exists (select 1 from clarifai_sync.tasks t where t.run_id = r.run_id and t.kind = 'crawl' and t.state <> 'done' and t.sweeping)
         and not exists (select 1 from clarifai_sync.tasks t where ${IS_FRESH_OPEN})
       returning p.run_id)
     update clarifai_sync.runs r set error_code = $3, error = 'made way for what is fresh: run ' || way.run_id || ' goes on with it',
       error_cause = 'unexpected' from way where r.run_id = $1 returning way.run_id as next`,
    [run.runId, sliceMs, YIELDED],
  );
  return row?.next ?? null;
}
