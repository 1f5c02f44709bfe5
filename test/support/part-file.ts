import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {
  DuckDBBlobValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBTimestampTZValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import {parquetReadObjects} from 'hyparquet';
import type {PartFormat} from '../../src/sinks/formats/part-format.ts';
import type {Change, Field} from '../../src/sinks/table-shape.ts';

/** The bytes of one part file of these changes, written in portions of `portion`. */
export async function partOf(
  format: PartFormat,
  fields: readonly Field[],
  changes: readonly Change[],
  portion = 1_000,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const writer = format.open(fields, async (bytes) => void pieces.push(bytes));
  for (let at = 0; at < changes.length; at += portion) await writer.write(changes.slice(at, at + portion));
  await writer.finish();
  return Buffer.concat(pieces);
}

/**
 * What a reader finds, as plain values: timestamps as microseconds, bytes as hex digits, JSON as its text, the rest as
 * it is.
 */
export type Row = Record<string, unknown>;

/** One for all, since opening it takes longer than most questions do; it ends with the process. */
const duckDb = DuckDBInstance.create(':memory:', {threads: '1'});

/** Rows that DuckDB gets by a query over the file, which it calls `part`. */
export async function askDuckDb(bytes: Buffer, name: string, sql: string): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-part-'));
  const connection = await (await duckDb).connect();
  try {
    const file = join(folder, name);
    await writeFile(file, bytes);
    const reader = await connection.runAndReadAll(sql.replaceAll('part', `'${file}'`));
    return reader.getRowObjects().map((row) => mapped(row, plainOfDuckDb));
  } finally {
    connection.closeSync();
    await rm(folder, {recursive: true});
  }
}

export const duckDbRows = (parquet: Buffer): Promise<Row[]> => askDuckDb(parquet, 'x.parquet', 'from part');

/** Rows as hyparquet, the second reader, gets them. */
export async function hyparquetRows(parquet: Buffer): Promise<Row[]> {
  const rows = await parquetReadObjects({
    file: arrayBufferOf(parquet),
    compressors: {GZIP: (bytes) => gunzipSync(bytes)},
    utf8: false, // of bytes without a logical type alone
    parsers: {
      timestampFromMicroseconds: (micros) => micros,
      jsonFromBytes: (bytes) => Buffer.from(bytes).toString(),
    },
  });
  return rows.map((row) => mapped(row, plainOfHyparquet));
}

export function arrayBufferOf(bytes: Buffer): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
}

function mapped<T>(row: Record<string, T>, plain: (value: T) => unknown): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));
}

function plainOfDuckDb(value: DuckDBValue): unknown {
  if (value instanceof DuckDBTimestampTZValue) return value.micros;
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('hex');
  if (value instanceof DuckDBListValue) return value.items.map(plainOfDuckDb);
  return value;
}

function plainOfHyparquet(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map((element: unknown) => element ?? null);
  return value ?? null;
}
