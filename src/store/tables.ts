import type pg from 'pg';
import type {Column, ColumnType} from '../core/shape.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import {ident, literal} from './quote.ts';

const SQL_TYPES: Record<ColumnType, string> = {
  text: 'text',
  integer: 'integer',
  bigint: 'bigint',
  double: 'double precision',
  boolean: 'boolean',
  timestamp: 'timestamptz',
  json: 'jsonb',
  'text[]': 'text[]',
};

/** Columns that every stream's table has after its own (contract, section 4), in order. */
export const SYNC_COLUMNS = [
  ['_sync_run_id', 'uuid not null', 'Run that last changed the row.'],
  ['_sync_sequence', 'bigint not null', 'Number of that run among the runs of its scope.'],
  ['_sync_first_sequence', 'bigint not null', 'Number of the run that first stored the row.'],
  ['_sync_hash', 'bytea not null', 'Content hash, without what changes by itself.'],
  ['_sync_first_seen_at', 'timestamptz not null default clock_timestamp()', 'When this service first stored the row.'],
  ['_sync_changed_at', 'timestamptz not null default clock_timestamp()', 'When this service last changed the row.'],
  ['_sync_deleted_at', 'timestamptz', 'When the record was found gone at the source; null while it lives.'],
  ['_sync_row', 'bigint not null', 'Number of the row, for the marks of what a pass has seen.'],
] as const;

/** One collation for every key, here and in staging: another one would make each page read the whole table. */
const KEY = 'text collate "C" not null';

export function sqlType(column: Column): string {
  return SQL_TYPES[column.type];
}

/** Key columns of a stream's table, `user_id` and `app_id` first. */
export function allKeys(stream: Stream): readonly string[] {
  return ['user_id', 'app_id', ...keyNames(stream)];
}

/** Name of the sequence that numbers the rows of a stream's table. */
export function rowSequence(schema: string, stream: Stream): string {
  return ident(schema, `${stream.name}_row`);
}

/**
 * Makes the stream's table and view as the catalogue has them now. Columns are added, never dropped or
 * changed, so that a newer and an older version can be told apart but never lose data. May be repeated.
 * @returns columns that were added to a table that was there already
 */
export async function ensureTable(
  client: pg.ClientBase,
  schema: string,
  stream: Stream,
): Promise<{made: boolean; added: readonly Column[]}> {
  const before = await columnNames(client, schema, stream.name);
  const made = before.size === 0;
  const added = made ? [] : stream.shape.columns.filter((column) => !before.has(column.name));
  // All in one message: of some forty tables with twenty columns each, one at a time would take seconds.
  await client.query(
    [...(made ? newTable(schema, stream) : moreColumns(schema, stream, added)), view(schema, stream)].join(';\n'),
  );
  return {made, added};
}

function newTable(schema: string, stream: Stream): string[] {
  const table = ident(schema, stream.name);
  const next = `nextval(${literal(rowSequence(schema, stream))})`;
  const pending = stream.pendingCodes.join(', ');
  return [
    `create sequence if not exists ${rowSequence(schema, stream)}`,
    `create table ${table} (${columnDefinitions(stream).join(', ')}, primary key (${keyList(stream)}))`,
    `alter table ${table} alter column _sync_row set default ${next}`,
    `comment on table ${table} is ${literal(stream.doc)}`,
    ...(pending === ''
      ? []
      : [`create index on ${table} (user_id, app_id) where status_code in (${pending}) and _sync_deleted_at is null`]),
    ...stream.shape.columns.map((column) => comment(table, column.name, column.doc)),
    ...SYNC_COLUMNS.map(([name, , doc]) => comment(table, name, doc)),
  ];
}

function moreColumns(schema: string, stream: Stream, added: readonly Column[]): string[] {
  const table = ident(schema, stream.name);
  return added.flatMap((column) => [
    `alter table ${table} add column if not exists ${ident(column.name)} ${sqlType(column)}`,
    comment(table, column.name, column.doc),
  ]);
}

const view = (schema: string, {name}: Stream): string =>
  `create or replace view ${ident(schema, `${name}_current`)} as select * from ${ident(schema, name)} where _sync_deleted_at is null`;

/** Columns of a stream's table in the order in which it is made. */
export function tableColumns(stream: Stream): readonly string[] {
  return [...allKeys(stream), ...stream.shape.columns.map((c) => c.name), 'raw', ...SYNC_COLUMNS.map(([name]) => name)];
}

/** The same with their types, for `create table`. */
export function columnDefinitions(stream: Stream): string[] {
  return [
    ...allKeys(stream).map((name) => `${ident(name)} ${KEY}`),
    ...stream.shape.columns.map((column) => `${ident(column.name)} ${sqlType(column)}`),
    'raw jsonb not null',
    ...SYNC_COLUMNS.map(([name, type]) => `${name} ${type}`),
  ];
}

/** Key columns, quoted, with commas. */
export function keyList(stream: Stream): string {
  return allKeys(stream)
    .map((name) => ident(name))
    .join(', ');
}

/** Names of the columns that a table has; none when it is not there. */
export async function columnNames(client: pg.ClientBase, schema: string, table: string): Promise<Set<string>> {
  const found = await client.query<{name: string}>(
    `select a.attname as name from pg_attribute a where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped`,
    [ident(schema, table)],
  );
  return new Set(found.rows.map((row) => row.name));
}

const comment = (table: string, column: string, doc: string): string =>
  `comment on column ${table}.${ident(column)} is ${literal(doc)}`;
