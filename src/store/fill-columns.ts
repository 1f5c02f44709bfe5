import type pg from 'pg';
import {preparePage} from '../core/prepare.ts';
import type {Column} from '../core/shape.ts';
import type {Stream} from '../streams/stream.ts';
import {ident} from './quote.ts';
import {sqlType} from './tables.ts';

const ROWS_AT_ONCE = 1_000;

/**
 * Fills columns that a new catalogue has added, from the stored `raw`, in place: what is stored is no newer than before,
 * so neither sequence nor time of change move, and the source is asked for nothing.
 * @param name the stream's table, or that of its versions, to which the columns were added in this transaction: its lock
 *   keeps the rows where they are
 * @returns whether any row has something there
 */
export async function fillColumns(
  client: pg.ClientBase,
  schema: string,
  name: string,
  stream: Stream,
  added: readonly Column[],
): Promise<boolean> {
  const table = ident(schema, name);
  const indexes = added.map((column) => stream.shape.columns.indexOf(column));
  const values = added.map((_, i) => `$${i + 2}::text[]`).join(', ');
  const sets = added.map((column, i) => `${ident(column.name)} = v.c${i}::${sqlType(column)}`).join(', ');
  const names = added.map((_, i) => `c${i}`).join(', ');
  await client.query(`declare filling no scroll cursor for select ctid::text as row, raw::text as raw from ${table}`);
  let isAnyFilled = false;
  for (;;) {
    const {rows} = await client.query<{row: string; raw: string}>(`fetch ${ROWS_AT_ONCE} from filling`);
    if (rows.length === 0) break;
    const filled = rows.map(({raw}) => columnsOf(stream, raw));
    isAnyFilled ||= filled.some((columns) => indexes.some((index) => (columns[index] ?? null) !== null));
    await client.query(
      `update ${table} t set ${sets} from unnest($1::tid[], ${values}) v(row, ${names}) where t.ctid = v.row`,
      [rows.map(({row}) => row), ...indexes.map((index) => filled.map((columns) => columns[index] ?? null))],
    );
  }
  await client.query('close filling');
  return isAnyFilled;
}

function columnsOf(stream: Stream, raw: string): readonly (string | null)[] {
  const bytes = Buffer.from(raw);
  const parents = stream.shape.key.filter((part) => part.from === 'parent').map(() => '-');
  const context = {parentKey: parents, maxRecordBytes: bytes.length};
  const page = preparePage(stream.shape, bytes, Int32Array.of(0, bytes.length), context);
  return page.count === 1 ? page.row(0).columns : [];
}
