import type pg from 'pg';
import type {Column} from '../core/shape.ts';
import type {Stream} from '../streams/stream.ts';
import {ident, literal} from './quote.ts';
import {allKeys, columnDefinitions, columnNames, keyList, sqlType, tableColumns} from './tables.ts';

/**
 * Makes the table of a stream's versions as the catalogue has it now, and begins it with what is stored. May be
 * repeated.
 * @returns columns that were added to a table that was there already
 */
export async function ensureHistory(
  client: pg.ClientBase,
  schema: string,
  stream: Stream,
): Promise<{made: boolean; added: readonly Column[]}> {
  const name = historyTable(stream);
  const table = ident(schema, name);
  const before = await columnNames(client, schema, name);
  const made = before.size === 0;
  const added = made ? [] : stream.shape.columns.filter((column) => !before.has(column.name));
  if (made) {
    await client.query(
      `create table ${table} (_sync_version bigint generated always as identity primary key, ` +
        `${columnDefinitions(stream).join(', ')}, _sync_valid_from timestamptz not null, _sync_valid_to timestamptz, ` +
        `_sync_op text not null check (_sync_op in ('insert', 'update', 'delete')))`,
    );
    // At most one open version of a record, and the way to it.
    await client.query(`create unique index on ${table} (${keyList(stream)}) where _sync_valid_to is null`);
    await client.query(`comment on table ${table} is ${literal(`Every version of the records of ${stream.name}.`)}`);
  }
  for (const column of added) {
    await client.query(`alter table ${table} add column if not exists ${ident(column.name)} ${sqlType(column)}`);
  }
  return {made, added};
}

/** Name of the table of a stream's versions. */
export function historyTable(stream: Stream): string {
  return `${stream.name}_history`;
}

/**
 * Brings the versions up to the rows: after a time in which none were kept, or before the first. A row that has changed
 * since its open version gets a new one from the moment of its last change; what came between is not known.
 */
export async function catchUpHistory(client: pg.ClientBase, schema: string, stream: Stream): Promise<void> {
  const table = ident(schema, historyTable(stream));
  const columns = tableColumns(stream).map((column) => ident(column));
  const same = allKeys(stream)
    .map((key) => `h.${ident(key)} = t.${ident(key)}`)
    .join(' and ');
  const state = (row: string): string =>
    ['_sync_run_id', '_sync_changed_at', '_sync_deleted_at', '_sync_hash']
      .map((column) => `${row}.${column}`)
      .join(', ');
  await client.query(
    `with stale as (select t.*, h._sync_version as _open from ${ident(schema, stream.name)} t
         left join ${table} h on ${same} and h._sync_valid_to is null
         where h._sync_version is null or (${state('h')}) is distinct from (${state('t')})),
       closed as (update ${table} h set _sync_valid_to = s._sync_changed_at from stale s
         where h._sync_version = s._open returning h._sync_version)
     insert into ${table} (${columns.join(', ')}, _sync_valid_from, _sync_op)
     select ${columns.map((column) => `s.${column}`).join(', ')}, s._sync_changed_at,
       case when s._sync_deleted_at is not null then 'delete' when s._open is null then 'insert' else 'update' end
     from stale s where (select count(*) from closed) >= 0`,
  );
}
