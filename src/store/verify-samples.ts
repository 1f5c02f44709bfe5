import type {Scope} from '../core/scope.ts';
import {streamNamed} from '../streams/catalogue.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';

/** Keys of some living rows, by chance; none whose key had to be repaired, which cannot be asked for. Reads all rows. */
export async function chanceKeys(store: Store, scope: Scope, stream: Stream, count: number): Promise<string[][]> {
  const key = `array[${keyNames(stream)
    .map((name) => `t.${ident(name)}`)
    .join(', ')}]::text[]`;
  const rows = await store.database.query<{key: string[]}>(
    `select ${key} as key from ${ident(store.schema, stream.name)} t where user_id = $1 and app_id = $2
       and _sync_deleted_at is null and not exists (select 1 from clarifai_sync.repaired_keys k
         join clarifai_sync.scopes c using (scope_id) where c.user_id = $1 and c.app_id = $2 and k.stream = $3 and k.key = ${key})
     order by random() limit $4`,
    [scope.userId, scope.appId, stream.name, count],
  );
  return rows.map((row) => row.key);
}

/** Living records that a stream is read under, those in a state that has children; `count` of them by chance, or all. */
export async function parentsToRead(
  store: Store,
  scope: Scope,
  stream: Stream,
  count: number | null,
): Promise<string[][]> {
  const {under} = stream;
  if (under === undefined) return [];
  const parent = streamNamed(under.stream);
  const key = `array[${keyNames(parent)
    .map((name) => ident(name))
    .join(', ')}]::text[]`;
  const ready = under.ready === undefined ? '' : `and status_code in (${under.ready.join(', ')})`;
  const rows = await store.database.query<{key: string[]}>(
    `select ${key} as key from ${ident(store.schema, parent.name)} where user_id = $1 and app_id = $2
       and _sync_deleted_at is null ${ready} ${count === null ? 'order by 1' : `order by random() limit ${count}`}`,
    [scope.userId, scope.appId],
  );
  return rows.map((row) => row.key);
}

/** Inputs that could not be stored and are listed as such: at the source there are so many more. */
export async function rejectedInputs(store: Store, scope: Scope): Promise<number> {
  const inputs = ident(store.schema, 'inputs');
  const [row] = await store.database.query<{n: number}>(
    `select count(distinct r.identity)::float8 as n from clarifai_sync.rejects r where r.user_id = $1 and r.app_id = $2
       and r.stream = 'inputs' and r.kind = 'rejected' and r.resolved_at is null and (r.reason = 'key_collision' or not exists
         (select 1 from ${inputs} t where t.user_id = $1 and t.app_id = $2 and t.id = r.key[1] and t._sync_deleted_at is null))`,
    [scope.userId, scope.appId],
  );
  return row?.n ?? 0;
}

/** The newest run of a scope that has read a stream; null when none has. */
export async function lastReader(store: Store, scope: Scope, stream: string): Promise<string | null> {
  const [row] = await store.database.query<{run_id: string}>(
    `select r.run_id from clarifai_sync.stream_runs s join clarifai_sync.runs r using (run_id)
     where r.user_id = $1 and r.app_id = $2 and s.stream = $3 and s.outcome = 'succeeded' order by r.sequence desc limit 1`,
    [scope.userId, scope.appId, stream],
  );
  return row?.run_id ?? null;
}
