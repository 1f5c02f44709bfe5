import {randomUUID} from 'node:crypto';
import type pg from 'pg';
import {eventsOf, type NotifyEvent} from '../core/notify.ts';
import type {RunOutcome} from '../core/outcome.ts';
import type {Scope} from '../core/scope.ts';
import {LASTING_RUNS} from './counts.ts';
import type {Store} from './ledger.ts';
import {READS_SOURCE} from './status.ts';

/** Makes the body of a message: `id` tells it from others, `createdAt` is ISO 8601. */
export type MessageText = (event: NotifyEvent, id: string, createdAt: string) => string;

/** Which events send a message, and what it says. */
export interface Notifying {
  readonly on: readonly NotifyEvent[];
  readonly text: MessageText;
}

/**
 * Notes what the end of a run has to tell, within the transaction that gives it its outcome: a message is neither lost
 * nor sent for an end that did not come about. Must come after the outcome is set.
 */
export async function noteRunEnd(
  client: pg.ClientBase,
  runId: string,
  outcome: RunOutcome,
  {on, text}: Notifying,
): Promise<void> {
  if (on.length === 0) return;
  const found = await client.query<{user_id: string; app_id: string; was_bad: boolean; has_drifted: boolean}>(
    `select r.user_id, r.app_id, coalesce(p.outcome in ('failed', 'partial'), false) or ${READS_SOURCE('r')} and exists (
         select 1 from clarifai_sync.notifications n where n.run_id is null and n.event = 'failed'
           and n.scope_user_id in (r.user_id, 'me') and n.scope_app_id = r.app_id and n.created_at > coalesce(p.finished_at, '-infinity')
         ) as was_bad,
       exists (select 1 from clarifai_sync.stream_runs s join clarifai_sync.stream_states t on t.scope_id = r.scope_id and t.stream = s.stream
         where s.run_id = r.run_id and s.source_count <> s.mirror_count and t.count_runs = ${LASTING_RUNS}) as has_drifted
     from clarifai_sync.runs r left join lateral (select outcome, finished_at from clarifai_sync.runs p
       -- A purge that succeeds is no recovery of a reading that failed, nor the other way round.
       where p.scope_id = r.scope_id and p.sequence < r.sequence and (${READS_SOURCE('p')}) = (${READS_SOURCE('r')}) and p.outcome in ('succeeded', 'failed', 'partial')
       order by p.sequence desc limit 1) p on true
     where r.run_id = $1`,
    [runId],
  );
  const [row] = found.rows;
  if (row === undefined) return;
  const events = eventsOf(outcome, {wasBad: row.was_bad, hasDrifted: row.has_drifted});
  for (const event of events.filter((each) => on.includes(each))) {
    await note(client, {userId: row.user_id, appId: row.app_id}, runId, event, text);
  }
}

/** Notes that a run of a scope could not begin. */
export async function noteNotBegun(store: Store, scope: Scope, text: MessageText): Promise<void> {
  await store.database.transaction((client) => note(client, scope, null, 'failed', text));
}

/** Notes that `verify` found drift that was not known, within the transaction that keeps it. */
export async function noteDriftFound(client: pg.ClientBase, scope: Scope, text: MessageText): Promise<void> {
  await note(client, scope, null, 'drift', text);
}

async function note(
  client: pg.ClientBase,
  scope: Scope,
  runId: string | null,
  event: NotifyEvent,
  text: MessageText,
): Promise<void> {
  const id = randomUUID();
  const clock = await client.query<{now: Date}>('select clock_timestamp() as now');
  const now = clock.rows[0]?.now ?? new Date(0);
  await client.query(
    `insert into clarifai_sync.notifications (notification_id, run_id, scope_user_id, scope_app_id, event, body, created_at)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (run_id, event) do nothing`,
    [id, runId, scope.userId, scope.appId, event, text(event, id, now.toISOString()), now],
  );
}

/** A message that this process is to send now. */
export interface DueMessage {
  readonly id: string;
  readonly event: NotifyEvent;
  readonly body: string;
  /** 1 for the first try. */
  readonly attempt: number;
}

/**
 * Takes the oldest message that is due, for one try; null when there is none. Until the pause is over nobody else takes
 * it; whoever dies over it has used up a try.
 * @param pauseMs given the number of the try, how long until the next
 */
export async function takeDue(store: Store, pauseMs: (attempt: number) => number): Promise<DueMessage | null> {
  return await store.database.transaction(async (client) => {
    const found = await client.query<{id: string; event: NotifyEvent; body: string; attempt: number}>(
      `select notification_id as id, event, body, attempts + 1 as attempt from clarifai_sync.notifications
       where delivered_at is null and given_up_at is null and due_at <= clock_timestamp()
       order by due_at limit 1 for update skip locked`,
    );
    const [row] = found.rows;
    if (row === undefined) return null;
    await client.query(
      `update clarifai_sync.notifications set attempts = $2, due_at = clock_timestamp() + $3 * interval '1 ms' where notification_id = $1`,
      [row.id, row.attempt, pauseMs(row.attempt)],
    );
    return row;
  });
}

/** Notes that a message has arrived. */
export async function noteDelivered(store: Store, id: string): Promise<void> {
  await store.database.query(
    'update clarifai_sync.notifications set delivered_at = clock_timestamp(), last_error = null where notification_id = $1',
    [id],
  );
}

/** Notes why a try failed, and whether it was the last. */
export async function noteUndelivered(store: Store, id: string, why: string, isLast: boolean): Promise<void> {
  await store.database.query(
    `update clarifai_sync.notifications set last_error = $2, given_up_at = case when $3 then clock_timestamp() end where notification_id = $1`,
    [id, why, isLast],
  );
}

/** How long until the next message is due, ms; null when none is waiting. */
export async function nextDueMs(store: Store): Promise<number | null> {
  const [row] = await store.database.query<{ms: number | null}>(
    `select extract(epoch from min(due_at) - clock_timestamp())::float8 * 1000 as ms from clarifai_sync.notifications
     where delivered_at is null and given_up_at is null`,
  );
  return row?.ms == null ? null : Math.max(0, row.ms);
}
