import type pg from 'pg';
import type {Scope} from '../../core/scope.ts';
import type {PurgeOrder, SinkTable} from '../sink.ts';
import {historyOf, ident} from './replica-sql.ts';

/** Removes some of the rows that the store has removed, and their versions. Gives whether there may be more. */
export async function purgeSome(
  client: pg.ClientBase,
  schema: string,
  table: SinkTable,
  {userId, appId}: Scope,
  {deletedBefore, upToSequence}: Pick<PurgeOrder, 'deletedBefore' | 'upToSequence'>,
): Promise<boolean> {
  const history = `${ident(schema)}.${ident(historyOf(table.stream))}`;
  const kept = await client.query<{there: boolean}>('select to_regclass($1) is not null as there', [history]);
  const sql = purgeSql(schema, table, kept.rows[0]?.there === true);
  const {rows} = await client.query<{n: number}>(sql, [userId, appId, deletedBefore, upToSequence]);
  return (rows[0]?.n ?? 0) > 0;
}

const PURGED_AT_ONCE = 5_000;

/**
 * Removes some rows of a scope, and their versions where there is a table of them. $1 user_id, $2 app_id, $3 deleted
 * before, $4 changed by no later run. Row: n.
 */
function purgeSql(schema: string, {stream, fields, keyCount}: SinkTable, hasHistory: boolean): string {
  const table = `${ident(schema)}.${ident(stream)}`;
  const keys = fields.slice(0, keyCount).map((field) => ident(field.name));
  const same = (left: string, right: string): string =>
    keys.map((key) => `${left}.${key} = ${right}.${key}`).join(' and ');
  const versions = hasHistory
    ? `, versions as (delete from ${ident(schema)}.${ident(historyOf(stream))} h using gone where ${same('h', 'gone')})`
    : '';
  return (
    `with gone as (delete from ${table} t using (select ${keys.join(', ')} from ${table} where user_id = $1 and app_id = $2 ` +
    `and _sync_deleted_at < $3::timestamptz and _sync_sequence <= $4 limit ${PURGED_AT_ONCE}) d where ${same('t', 'd')} ` +
    `returning ${keys.map((key) => `t.${key}`).join(', ')})${versions} select count(*)::int as n from gone`
  );
}
