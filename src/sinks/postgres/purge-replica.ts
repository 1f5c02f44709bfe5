import type pg from 'pg';
import type {Scope} from '../../core/scope.ts';
import type {PurgeOrder, SinkTable} from '../sink.ts';
import {historyOf, ident} from './replica-sql.ts';

/**
 * Removes some of the rows that the store has removed, and their versions. Gives whether there may be more. Of a record
 * that is back since, the row has been written over, but the versions of its former life are still there.
 * @param keepsHistory the versions are as far as the rows; without it some of a time in which history was on may be there
 */
export async function purgeSome(
  client: pg.ClientBase,
  {schema, keepsHistory}: {readonly schema: string; readonly keepsHistory: boolean},
  table: SinkTable,
  {userId, appId}: Scope,
  {deletedBefore, upToSequence}: Pick<PurgeOrder, 'deletedBefore' | 'upToSequence'>,
): Promise<boolean> {
  const history = `${ident(schema)}.${ident(historyOf(table.stream))}`;
  const kept = await client.query<{there: boolean}>('select to_regclass($1) is not null as there', [history]);
  const which = [userId, appId, deletedBefore, upToSequence];
  const {rows} = await client.query<{n: number}>(purgeSql(schema, table, kept.rows[0]?.there === true), which);
  if ((rows[0]?.n ?? 0) > 0) return true;
  if (!keepsHistory) return false;
  const former = await client.query<{n: number}>(purgeFormerSql(history, table), which);
  return (former.rows[0]?.n ?? 0) > 0;
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

/**
 * Removes versions of records that were deleted, purged, and are back. The store ends the deletion's version when a record
 * comes back before a purge; one that is still open, though the record lives, was purged. Parameters and row as above.
 */
function purgeFormerSql(history: string, {fields, keyCount}: SinkTable): string {
  const keys = fields.slice(0, keyCount).map((field) => ident(field.name));
  const same = keys.map((key) => `h.${key} = d.${key}`).join(' and ');
  return (
    `with gone as (delete from ${history} h using (select ${keys.join(', ')}, _sync_version from ${history} ` +
    `where user_id = $1 and app_id = $2 and _sync_op = 'delete' and _sync_valid_to is null ` +
    `and _sync_deleted_at < $3::timestamptz and _sync_sequence <= $4 limit ${PURGED_AT_ONCE}) d ` +
    `where ${same} and h._sync_version <= d._sync_version returning 1) select count(*)::int as n from gone`
  );
}
