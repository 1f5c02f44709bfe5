import {keyNames, type Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** Asked for in every run while they have been pending for less than this; see DUE. */
const OFTEN_FOR = "interval '1 hour'";

/**
 * When a pending record is asked for again: in every run of its first hour, from then on after an eighth of the time
 * that it had been pending for at the last asking. One that hangs for a week costs a question a day.
 */
const DUE = `(a.asked_at is null or
  clock_timestamp() >= a.asked_at + greatest(a.asked_at - t._sync_changed_at - ${OFTEN_FOR}, interval '0') / 8)`;

/** Keys of living rows that will still change by themselves and whose turn it is, longest not asked for first. */
export async function pendingKeys(store: Store, task: HeldTask, stream: Stream, limit: number): Promise<string[][]> {
  if (stream.pendingCodes.length === 0) return [];
  const rows = await store.database.query<{key: string[]}>(
    `select ${keyOf(stream)} as key from ${ident(store.schema, stream.name)} t
     left join lateral (select asked_at from clarifai_sync.asks a where a.scope_id = $3 and a.stream = $4
       and a.key = ${keyOf(stream)} ${LEDGER_COLLATION} limit 1) a on true
     where t.user_id = $1 and t.app_id = $2 and ${pendingSql(stream)} and ${DUE}
     order by a.asked_at nulls first, 1 limit $5`,
    [task.scope.userId, task.scope.appId, task.scopeId, stream.name, limit],
  );
  return rows.map((row) => row.key);
}

/** Notes that pending records were asked for just now, and forgets those that are pending no more. */
export async function noteAsked(
  store: Store,
  task: HeldTask,
  stream: Stream,
  keys: readonly (readonly string[])[],
): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      `insert into clarifai_sync.asks (scope_id, stream, key)
       select $1, $2, array(select jsonb_array_elements_text(key)) from jsonb_array_elements($3::jsonb) key
       on conflict (scope_id, stream, key) do update set asked_at = clock_timestamp()`,
      [task.scopeId, stream.name, JSON.stringify(keys)],
    );
    // As a set that is made once: to a planner without statistics one look at all of them for each row costs the same.
    await client.query(
      `delete from clarifai_sync.asks a where scope_id = $1 and stream = $2 and key not in
         (select ${keyOf(stream)} from ${ident(store.schema, stream.name)} t where t.user_id = $3 and t.app_id = $4
          and ${pendingSql(stream)})`,
      [task.scopeId, stream.name, task.scope.userId, task.scope.appId],
    );
  });
}

/** The streams' keys have a collation of their own, by which the index of the ledger's keys cannot be used. */
const LEDGER_COLLATION = 'collate "default"';

const keyOf = (stream: Stream): string =>
  `array[${keyNames(stream)
    .map((name) => `t.${ident(name)}`)
    .join(', ')}]`;

const pendingSql = (stream: Stream): string =>
  `t.status_code in (${stream.pendingCodes.join(', ')}) and t._sync_deleted_at is null`;
