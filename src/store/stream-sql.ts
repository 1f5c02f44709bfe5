import {createHash} from 'node:crypto';
import type {Path, RecordShape} from '../core/shape.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import {compareSql} from './compare-sql.ts';
import {ident, literal} from './quote.ts';
import {allKeys, rowSequence, sqlType, tableColumns} from './tables.ts';

/** The statements of one stream, made once: their text depends on the catalogue alone, their values are parameters. */
export interface StreamSql {
  /** Makes the staging table of this connection, if it is not there. */
  readonly stage: string;
  readonly copy: string;
  /**
   * COPY into the table itself, for records of which none is stored; null where history has to be written along.
   * Columns: user_id, app_id, key, own columns, raw, hash, run, sequence, sequence; the table fills in the rest.
   */
  readonly straight: string | null;
  /** Tells which records differ from the rows, and notes what was seen; see compare-sql.ts. */
  readonly compare: string;
  /** Writes what is staged. $1 user_id, $2 app_id, $3 run, $4 sequence. Row: inserted, updated. */
  readonly merge: string;
  /** Marks rows deleted. $1 user_id, $2 app_id, $3 run, $4 sequence, $5… one text[] for each key part. Row: deleted. */
  readonly bury: string;
  /** For each parent of `cascade`: marks rows of buried parents. $1 … $4 as above, $5 sequence of the burial or null for any. */
  readonly cascades: readonly {readonly parent: string; readonly sql: string}[];
}

export function streamSql(stream: Stream, schema: string, history: boolean): StreamSql {
  const table = ident(schema, stream.name);
  const keys = keyNames(stream);
  const columns = stream.shape.columns;
  const staging = ident(`staging_${stream.name}_${fingerprint(stream)}`);
  const sequence = rowSequence(schema, stream);
  const keyParam = (first: number): string => keys.map((_, i) => `$${first + i}::text[]`).join(', ');
  const quotedKeys = keys.map((key) => ident(key));
  const matches = (left: string, right: string): string =>
    quotedKeys.map((key) => `${left}.${key} = ${right}.${key}`).join(' and ');
  const own = [...quotedKeys, ...columns.map((column) => ident(column.name)), 'raw'];

  const stage = `create temp table if not exists ${staging} (${[
    ...quotedKeys.map((key) => `${key} text collate "C"`),
    ...columns.map((column) => `${ident(column.name)} ${sqlType(column)}`),
    'raw jsonb',
    'hash bytea',
    '"row" bigint',
  ].join(', ')}) on commit delete rows`;

  const compare = compareSql(stream, table);
  const target = [...allKeys(stream).map((key) => ident(key)), ...columns.map((c) => ident(c.name)), 'raw'];
  const older = olderGuard(stream.shape);
  const differs = `${comparable('t.raw', stream.shape)} is distinct from ${comparable('excluded.raw', stream.shape)}`;
  const upsert =
    `insert into ${table} as t (${target.join(', ')}, _sync_run_id, _sync_sequence, _sync_first_sequence, _sync_hash, ` +
    `_sync_first_seen_at, _sync_changed_at, _sync_row) ` +
    `select $1, $2, ${own.map((c) => `s.${c}`).join(', ')}, $3::uuid, $4::bigint, $4::bigint, s.hash, ` +
    `clock_timestamp(), clock_timestamp(), coalesce(s."row", nextval(${literal(sequence)})) from ${staging} s ` +
    // Two tasks may write the same rows (inputs by their ids): in one order, so that they never wait for each other.
    `order by ${quotedKeys.map((key) => `s.${key}`).join(', ')} ` +
    `on conflict (${allKeys(stream)
      .map((key) => ident(key))
      .join(', ')}) do update set ` +
    [...columns.map((c) => ident(c.name)), 'raw', '_sync_run_id', '_sync_sequence', '_sync_hash']
      .map((c) => `${c} = excluded.${c}`)
      .join(', ') +
    `, _sync_changed_at = greatest(excluded._sync_changed_at, t._sync_changed_at), _sync_deleted_at = null ` +
    `where t._sync_deleted_at is not null or (${differs}${older === null ? '' : ` and not ${older}`}) ` +
    `returning t.*, xmax = 0 as _inserted`;
  const merge =
    `with w as (${upsert})${history ? `, ${versions(schema, stream, `case when w._inserted then 'insert' else 'update' end`)}` : ''} ` +
    `select count(*) filter (where _inserted)::int as inserted, count(*) filter (where not _inserted)::int as updated from w`;

  const burySet =
    `_sync_deleted_at = greatest(clock_timestamp(), t._sync_changed_at), ` +
    `_sync_changed_at = greatest(clock_timestamp(), t._sync_changed_at), _sync_run_id = $3::uuid, _sync_sequence = $4::bigint`;
  const buried = (from: string, where: string): string =>
    `with w as (update ${table} t set ${burySet} from ${from} where t.user_id = $1 and t.app_id = $2 and ` +
    `t._sync_deleted_at is null and ${where} returning t.*)${history ? `, ${versions(schema, stream, `'delete'`)}` : ''} ` +
    `select count(*)::int as deleted from w`;
  const bury = buried(`unnest(${keyParam(5)}) k(${quotedKeys.join(', ')})`, matches('t', 'k'));
  const parents = stream.under === undefined ? (stream.cascade ?? []) : [stream.under, ...(stream.cascade ?? [])];
  const cascades = parents.map((parent) => ({
    parent: parent.stream,
    sql: buried(
      `${ident(schema, parent.stream)} p`,
      // What the source gave after it was asked about the parent belongs to one that is back, seen or not.
      `p.user_id = t.user_id and p.app_id = t.app_id and p._sync_deleted_at >= t._sync_changed_at and ` +
        `($5::bigint is null or p._sync_sequence = $5) and ` +
        Object.entries(parent.keys)
          .map(([theirs, ours]) => `p.${ident(theirs)} = t.${ident(ours)}`)
          .join(' and '),
    ),
  }));
  return {
    stage,
    copy: `copy ${staging} (${[...own, 'hash', '"row"'].join(', ')}) from stdin`,
    straight: history
      ? null
      : `copy ${table} (${[...target, '_sync_hash', '_sync_run_id', '_sync_sequence', '_sync_first_sequence'].join(', ')}) from stdin`,
    compare,
    merge,
    bury,
    cascades,
  };
}

/**
 * The record as it is compared: exact, and blind to key order and number spelling, which the hash of the text is not.
 * Only asked for rows whose hash differs.
 */
export function comparable(raw: string, shape: RecordShape): string {
  const stripped = shape.volatile.reduce((value, path) => without(value, path), raw);
  return shape.byIdOnly.reduce(
    (value, path) =>
      `jsonb_set(${value}, ${pathLiteral(path)}, coalesce(${raw} #> ${pathLiteral([...path, 'id'])}, 'null'), false)`,
    stripped,
  );
}

function without(value: string, path: Path): string {
  return path.includes('*')
    ? `clarifai_sync.without(${value}, ${pathLiteral(path)}, ${literal(placeOf(path))})`
    : `(${value} #- ${pathLiteral(path)})`;
}

/** The path in the language of JSON paths, where `*` is any member of an object or element of an array. */
export const placeOf = (path: Path): string =>
  ['$', ...path.map((step) => (step === '*' ? '.**{1}' : `.${JSON.stringify(step)}`))].join('');

/** Invariant 7: is the given record older than the row? Null where records of the stream do not tell. */
export function olderGuard(shape: RecordShape, given = 'excluded.raw'): string | null {
  if (shape.modifiedAt === null) return null;
  const at = (raw: string): string => `clarifai_sync.instant(${raw} #>> ${pathLiteral(shape.modifiedAt as Path)})`;
  // Null on either side: nothing is known, so the later answer counts.
  return `coalesce(${at(given)} < ${at('t.raw')} collate "C", false)`;
}

/** Closes the open version of each written row and adds the new one; the intervals meet without gap or overlap. */
function versions(schema: string, stream: Stream, op: string): string {
  const table = ident(schema, `${stream.name}_history`);
  const columns = tableColumns(stream).map((column) => ident(column));
  const same = allKeys(stream)
    .map((key) => `h.${ident(key)} = w.${ident(key)}`)
    .join(' and ');
  return (
    `closed as (update ${table} h set _sync_valid_to = w._sync_changed_at from w where ${same} and h._sync_valid_to is null returning h._sync_version), ` +
    `versions as (insert into ${table} (${columns.join(', ')}, _sync_valid_from, _sync_op) ` +
    `select ${columns.map((column) => `w.${column}`).join(', ')}, w._sync_changed_at, ${op} from w ` +
    // Reading what was closed makes the order certain: first closed, then opened, or the unique index would object.
    `where (select count(*) from closed) >= 0)`
  );
}

const pathLiteral = (path: Path): string => `array[${path.map(literal).join(', ')}]::text[]`;

/** Staging tables live as long as their connection: another catalogue must not meet a table of this one. */
function fingerprint(stream: Stream): string {
  return createHash('sha256').update(JSON.stringify(stream.shape)).digest('hex').slice(0, 8);
}
