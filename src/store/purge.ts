import type pg from 'pg';
import type {Scope} from '../core/scope.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import {historyTable} from './history.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {allKeys} from './tables.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** Rows that a run removed for good: those of a stream marked deleted before a moment, changed by no later run than one. */
export interface Purge {
  /** Number of that run. */
  readonly sequence: number;
  readonly stream: string;
  /** RFC 3339 text, all digits. */
  readonly deletedBefore: string;
  readonly upToSequence: number;
}

const ROWS_AT_ONCE = 5_000;

/** Rows of a stream that are marked deleted before a moment. */
export async function purgeableCount(
  {database, schema}: Pick<Store, 'database' | 'schema'>,
  scope: Scope,
  stream: Stream,
  deletedBefore: string,
): Promise<number> {
  const [row] = await database.query<{n: number}>(
    `select count(*)::float8 as n from ${ident(schema, stream.name)}
     where user_id = $1 and app_id = $2 and _sync_deleted_at < $3::timestamptz`,
    [scope.userId, scope.appId, deletedBefore],
  );
  return row?.n ?? 0;
}

/**
 * Removes rows, their versions, and what is listed of them as rejected, some at a time. Those that a sink of the run has
 * not been given yet stay: it could not remove them. May be repeated.
 * @returns rows that were removed by this run in all
 */
export async function purgeStream(
  store: Store,
  task: HeldTask,
  stream: Stream,
  deletedBefore: string,
  signal: AbortSignal,
): Promise<number> {
  const upTo = await appliedByAll(store, task);
  for (;;) {
    signal.throwIfAborted();
    const {removed, rows} = await store.database.transaction(async (client) => {
      await guardFence(client, task, store.leaseMs);
      const gone = await removeSome(client, store, task, stream, deletedBefore, upTo);
      return {removed: gone, rows: await note(client, task, stream, deletedBefore, upTo, gone)};
    });
    if (removed < ROWS_AT_ONCE) return rows;
  }
}

/** The number of the newest run that every sink of this one got to the end of. A run without sinks waits for none. */
async function appliedByAll(store: Store, task: HeldTask): Promise<string> {
  const [row] = await store.database.query<{sequence: string}>(
    `select coalesce(min(applied), $3)::text as sequence from (
       select (select coalesce(max(r.sequence), 0) from clarifai_sync.sink_runs s join clarifai_sync.runs r using (run_id)
         where r.scope_id = $1 and s.sink = w.sink and s.outcome = 'succeeded') as applied
       from unnest($2::text[]) w(sink)) a`,
    [task.scopeId, task.options.sinks, task.sequence],
  );
  return row?.sequence ?? '0';
}

async function removeSome(
  client: pg.ClientBase,
  store: Store,
  task: HeldTask,
  stream: Stream,
  deletedBefore: string,
  upTo: string,
): Promise<number> {
  const {schema} = store;
  const table = ident(schema, stream.name);
  const history = ident(schema, historyTable(stream));
  const keys = allKeys(stream).map((name) => ident(name));
  const same = (left: string, right: string): string =>
    keys.map((key) => `${left}.${key} = ${right}.${key}`).join(' and ');
  const key = `array[${keyNames(stream)
    .map((name) => `gone.${ident(name)}`)
    .join(', ')}]::text[]`;
  const kept = await client.query<{there: boolean}>('select to_regclass($1) is not null as there', [history]);
  const versions =
    kept.rows[0]?.there === true
      ? `, versions as (delete from ${history} h using gone where ${same('h', 'gone')})`
      : '';
  const {rows} = await client.query<{n: number}>(
    `with gone as (delete from ${table} t using (select ${keys.join(', ')} from ${table} where user_id = $1 and app_id = $2
         and _sync_deleted_at < $3::timestamptz and _sync_sequence <= $4 limit ${ROWS_AT_ONCE} for update) d
         where ${same('t', 'd')} returning ${keys.map((name) => `t.${name}`).join(', ')})${versions},
       rejects as (delete from clarifai_sync.rejects r using gone where r.scope_id = $5 and r.stream = $6 and r.key = ${key}),
       repaired as (delete from clarifai_sync.repaired_keys r using gone where r.scope_id = $5 and r.stream = $6 and r.key = ${key})
     select count(*)::int as n from gone`,
    [task.scope.userId, task.scope.appId, deletedBefore, upTo, task.scopeId, stream.name],
  );
  return rows[0]?.n ?? 0;
}

async function note(
  client: pg.ClientBase,
  task: HeldTask,
  stream: Stream,
  deletedBefore: string,
  upTo: string,
  removed: number,
): Promise<number> {
  if (removed > 0) {
    await client.query(
      `insert into clarifai_sync.purges as p (scope_id, sequence, stream, deleted_before, up_to_sequence, rows)
       values ($1, $2, $3, $4, $5, $6) on conflict (scope_id, sequence, stream) do update set rows = p.rows + excluded.rows`,
      [task.scopeId, task.sequence, stream.name, deletedBefore, upTo, removed],
    );
  }
  const {rows} = await client.query<{n: number}>(
    'select rows::float8 as n from clarifai_sync.purges where scope_id = $1 and sequence = $2 and stream = $3',
    [task.scopeId, task.sequence, stream.name],
  );
  return rows[0]?.n ?? 0;
}

/** Everything that was purged in a scope, in order: what sinks are yet to remove is among it. */
export async function purgesOf(client: pg.ClientBase, scopeId: number): Promise<Purge[]> {
  const {rows} = await client.query<Purge>(
    `select sequence::float8 as sequence, stream, up_to_sequence::float8 as "upToSequence",
       to_char(deleted_before at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "deletedBefore"
     from clarifai_sync.purges where scope_id = $1 order by 1, 2`,
    [scopeId],
  );
  return rows;
}
