import type {SinkTable} from '../sink.ts';
import type {FieldType} from '../table-shape.ts';

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

/** The statements of one replicated table; their text depends on its fields alone. */
export interface ReplicaSql {
  /** Makes table and view where they are missing; adds columns, never drops any. May be repeated. */
  readonly make: readonly string[];
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
  const definitions = fields.map((field, i) => {
    const type = SQL_TYPES[field.type];
    return `${ident(field.name)} ${i < keyCount ? `${type} collate "C"` : type}${field.isRequired ? ' not null' : ''}`;
  });
  const optional = fields.filter((field) => !field.isRequired);
  const sets = names.slice(keyCount).map((name) => `${name} = excluded.${name}`);
  return {
    make: [
      `create table if not exists ${table} (${definitions.join(', ')}, primary key (${keys}))`,
      ...optional.map(
        (field) => `alter table ${table} add column if not exists ${ident(field.name)} ${SQL_TYPES[field.type]}`,
      ),
      `create or replace view ${ident(schema)}.${ident(`${stream}_current`)} as select * from ${table} where _sync_deleted_at is null`,
    ],
    stage: `create temp table ${staging} (${fields.map((field) => `${ident(field.name)} ${SQL_TYPES[field.type]}`).join(', ')}) on commit drop`,
    copy: `copy ${staging} (${names.join(', ')}) from stdin`,
    merge:
      `insert into ${table} as t (${names.join(', ')}) select ${names.join(', ')} from ${staging} ` +
      `on conflict (${keys}) do update set ${sets.join(', ')} where t._sync_sequence <= excluded._sync_sequence`,
    clear: `delete from ${table} where user_id = $1 and app_id = $2`,
  };
}

/** How far the replica is, kept in it; the fence makes a publisher that was overtaken harmless. */
export const makePositions = (schema: string): string =>
  `create table if not exists ${ident(schema)}._sync_positions (user_id text collate "C", app_id text collate "C", stream text,
     store_id uuid not null, run_id uuid, sequence bigint not null default 0, fence bigint not null default 0,
     applied_at timestamptz, primary key (user_id, app_id, stream))`;
