import type pg from 'pg';
import {copyEscape} from '../../core/copy-text.ts';
import type {SinkTable} from '../sink.ts';
import {VERSION_FIELDS, type Change, type Field, type FieldType} from '../table-shape.ts';

const SQL_TYPES: Record<FieldType, string> = {
  text: 'text',
  integer: 'integer',
  bigint: 'bigint',
  double: 'double precision',
  boolean: 'boolean',
  timestamp: 'timestamptz',
  json: 'jsonb',
  'text[]': 'text[]',
  uuid: 'uuid',
  bytes: 'bytea',
};

export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Columns of the tables and views that the replica's schema has. */
export type Present = ReadonlyMap<string, ReadonlySet<string>>;

/** The statements of one replicated table; their text depends on its fields alone. */
export interface ReplicaSql {
  /**
   * Makes table and view where they are missing; adds columns, never drops any. Nothing where nothing is missing: each
   * of these statements waits for whoever reads the table, and keeps all others waiting behind it.
   */
  readonly make: (there: Present) => readonly string[];
  readonly stage: string;
  readonly copy: string;
  /** Writes what is staged; nothing is written over by what is older (invariant 7: the store's sequence decides). */
  readonly merge: string;
  /** Removes the rows of a scope. $1 user_id, $2 app_id. */
  readonly clear: string;
}

export function replicaSql(schema: string, {stream, fields, keyCount}: SinkTable): ReplicaSql {
  const table = `${ident(schema)}.${ident(stream)}`;
  const staging = ident(`staging_${stream}`);
  const names = fields.map((field) => ident(field.name));
  const keys = names.slice(0, keyCount).join(', ');
  const definitions = definitionsOf(fields, keyCount);
  const sets = names.slice(keyCount).map((name) => `${name} = excluded.${name}`);
  return {
    make: (there) => {
      const columns = there.get(stream);
      const make = `create table if not exists ${table} (${definitions.join(', ')}, primary key (${keys}))`;
      const made = columns === undefined ? [make] : columnsAdded(table, fields, columns);
      if (made.length === 0 && there.has(`${stream}_current`)) return [];
      return [
        ...made,
        `create or replace view ${ident(schema)}.${ident(`${stream}_current`)} as select * from ${table} where _sync_deleted_at is null`,
      ];
    },
    stage: stagingOf(staging, fields),
    copy: `copy ${staging} (${names.join(', ')}) from stdin`,
    merge:
      `insert into ${table} as t (${names.join(', ')}) select ${names.join(', ')} from ${staging} ` +
      `on conflict (${keys}) do update set ${sets.join(', ')} where t._sync_sequence <= excluded._sync_sequence`,
    clear: `delete from ${table} where user_id = $1 and app_id = $2`,
  };
}

/**
 * The same for the versions of a stream. They have the numbers that the store gave them, so that they may come again; one
 * that has ended since comes with its end.
 */
export function historySql(schema: string, {stream, fields: own, keyCount}: SinkTable): ReplicaSql {
  const table = `${ident(schema)}.${ident(historyOf(stream))}`;
  const staging = ident(`staging_${historyOf(stream)}`);
  const fields = [...own, ...VERSION_FIELDS];
  const names = fields.map((field) => ident(field.name));
  const version = 'user_id, app_id, _sync_version';
  return {
    make: (there) => {
      const columns = there.get(historyOf(stream));
      if (columns !== undefined) return columnsAdded(table, own, columns);
      return [
        `create table if not exists ${table} (${definitionsOf(fields, keyCount).join(', ')}, primary key (${version}))`,
        `create index if not exists ${ident(`${historyOf(stream)}_key`)} on ${table} (${names.slice(0, keyCount).join(', ')})`,
      ];
    },
    stage: stagingOf(staging, fields),
    copy: `copy ${staging} (${names.join(', ')}) from stdin`,
    merge:
      `insert into ${table} as t (${names.join(', ')}) select ${names.join(', ')} from ${staging} ` +
      `on conflict (${version}) do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    clear: `delete from ${table} where user_id = $1 and app_id = $2`,
  };
}

/** Name of the table of a stream's versions, and of their position. */
export const historyOf = (stream: string): string => `${stream}_history`;

const definitionsOf = (fields: readonly Omit<Field, 'id'>[], keyCount: number): string[] =>
  fields.map((field, i) => {
    const type = SQL_TYPES[field.type];
    return `${ident(field.name)} ${i < keyCount ? `${type} collate "C"` : type}${field.isRequired ? ' not null' : ''}`;
  });

/** Columns that were declared since the table was made. */
const columnsAdded = (table: string, fields: readonly Omit<Field, 'id'>[], there: ReadonlySet<string>): string[] =>
  fields
    .filter((field) => !field.isRequired && !there.has(field.name))
    .map((field) => `alter table ${table} add column if not exists ${ident(field.name)} ${SQL_TYPES[field.type]}`);

const stagingOf = (staging: string, fields: readonly Omit<Field, 'id'>[]): string =>
  `create temp table ${staging} (${fields.map((field) => `${ident(field.name)} ${SQL_TYPES[field.type]}`).join(', ')}) on commit drop`;

/** How far the replica is, kept in it; the fence makes a publisher that was overtaken harmless. */
export const makePositions = (schema: string): string =>
  `create table if not exists ${ident(schema)}._sync_positions (user_id text collate "C", app_id text collate "C", stream text,
     store_id uuid not null, run_id uuid, sequence bigint not null default 0, fence bigint not null default 0,
     applied_at timestamptz, primary key (user_id, app_id, stream))`;

export async function presentIn(client: pg.ClientBase, schema: string): Promise<Present> {
  const {rows} = await client.query<{name: string; columns: string[]}>(
    `select c.relname::text as name, array_agg(a.attname::text) as columns from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p', 'v') group by c.oid`,
    [ident(schema)],
  );
  return new Map(rows.map(({name, columns}) => [name, new Set(columns)]));
}

/** A row as a line of COPY text. */
export function lineOf({values}: Change): string {
  let line = '';
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? null;
    line += (i === 0 ? '' : '\t') + (value === null ? '\\N' : copyEscape(value));
  }
  return `${line}\n`;
}

/** `create schema if not exists` asks for the right to make one even where it is there. */
export async function makeSchema(client: pg.ClientBase, name: string): Promise<void> {
  const there = await client.query('select 1 from pg_namespace where nspname = $1', [name]);
  if (there.rows.length === 0) await client.query(`create schema if not exists ${ident(name)}`);
}
