import type {Scope} from '../core/scope.ts';
import type {Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';

/** Living rows of a stream of a scope. */
export async function countRows(
  {database, schema}: Pick<Store, 'database' | 'schema'>,
  scope: Scope,
  stream: Stream,
): Promise<number> {
  const [row] = await database.query<{count: string}>(
    `select count(*) from ${ident(schema, stream.name)} where user_id = $1 and app_id = $2 and _sync_deleted_at is null`,
    [scope.userId, scope.appId],
  );
  return Number(row?.count ?? 0);
}

/** Names of the streams of a scope that were read in full at least once. */
export async function streamsRead({database}: Pick<Store, 'database'>, scope: Scope): Promise<Set<string>> {
  const rows = await database.query<{stream: string}>(
    `select stream from clarifai_sync.stream_states join clarifai_sync.scopes using (scope_id)
     where user_id = $1 and app_id = $2 and first_read_at is not null`,
    [scope.userId, scope.appId],
  );
  return new Set(rows.map((row) => row.stream));
}

/** Every scope that was ever synced, by name. */
export async function syncedScopes({database}: Pick<Store, 'database'>): Promise<Scope[]> {
  const rows = await database.query<{user_id: string; app_id: string}>(
    'select user_id, app_id from clarifai_sync.scopes order by user_id, app_id',
  );
  return rows.map((row) => ({userId: row.user_id, appId: row.app_id}));
}
