import type pg from 'pg';
import {CopyBytes} from '../core/copy-bytes.ts';
import {copyEscape} from '../core/copy-text.ts';
import {messageOf} from '../core/errors.ts';
import type {PreparedReject, RejectReason} from '../core/prepared.ts';
import {copyIn} from './copy-in.ts';
import {isDataError, sqlState} from './errors.ts';
import {keyOf, type Entry, type Flat} from './group.ts';
import type {StreamSql} from './stream-sql.ts';
import type {Writer} from './writer.ts';

/** A record that differs from its row, and the number of that row; null when there is none. */
export interface Differing {
  readonly n: number;
  readonly row: string | null;
  /** The row is marked deleted: the record is back. */
  readonly isGone: boolean;
}

/**
 * Writes the records of a group that differ from their rows, within its transaction.
 * @param isEmpty the table has no row of the scope: they may go straight into it
 * @param refused takes in, by number, the records that Postgres refuses
 */
export async function writeRows(
  client: pg.ClientBase,
  sql: StreamSql,
  writer: Writer,
  rows: RowLines,
  differing: readonly Differing[],
  isEmpty: boolean,
  refused: Map<number, PreparedReject>,
): Promise<{inserted: number; updated: number}> {
  const written = {inserted: 0, updated: 0};
  if (differing.length === 0) return written;
  if (isEmpty && sql.straight !== null && (await writeStraight(client, sql.straight, rows, differing))) {
    return {inserted: differing.length, updated: 0};
  }
  await client.query(sql.stage);
  for await (const part of writeIsolated(client, sql, writer, rows, differing)) {
    if (part.kind === 'refused') refused.set(part.n, rejectOf(rows.flat, part.n, 'store_refused', part.detail));
    else {
      written.inserted += part.inserted;
      written.updated += part.updated;
    }
  }
  return written;
}

type Written =
  | {readonly kind: 'written'; readonly inserted: number; readonly updated: number}
  | {readonly kind: 'refused'; readonly n: number; readonly detail: string};

/**
 * COPY into the table itself. False, and nothing done, when Postgres refuses a value, or a record is there already
 * because the source gave it twice: then the way by staging, which can tell, has to be gone.
 */
async function writeStraight(
  client: pg.ClientBase,
  statement: string,
  rows: RowLines,
  differing: readonly Differing[],
): Promise<boolean> {
  await client.query('savepoint rows');
  try {
    await copyIn(client, statement, rows.straight(differing));
    await client.query('release savepoint rows');
    return true;
  } catch (error) {
    if (!isDataError(error) && sqlState(error) !== UNIQUE_VIOLATION) throw error;
    await undoRows(client);
    return false;
  }
}

const UNIQUE_VIOLATION = '23505';

/** The savepoint goes too: of thousands of bad records each would leave one behind. */
async function undoRows(client: pg.ClientBase): Promise<void> {
  await client.query('rollback to savepoint rows');
  await client.query('release savepoint rows');
}

/** Writes records; when Postgres refuses the values, halves them until the bad ones stand alone (invariant 8). */
async function* writeIsolated(
  client: pg.ClientBase,
  sql: StreamSql,
  writer: Writer,
  rows: RowLines,
  differing: readonly Differing[],
): AsyncGenerator<Written> {
  await client.query('savepoint rows');
  try {
    await copyIn(client, sql.copy, rows.staged(differing));
    const {userId, appId} = writer.scope;
    const merged = await client.query<{inserted: number; updated: number}>(sql.merge, [
      userId,
      appId,
      writer.runId,
      writer.sequence,
    ]);
    await client.query('release savepoint rows');
    yield {kind: 'written', inserted: merged.rows[0]?.inserted ?? 0, updated: merged.rows[0]?.updated ?? 0};
    return;
  } catch (error) {
    if (!isDataError(error)) throw error;
    await undoRows(client);
    const [only] = differing;
    if (differing.length === 1 && only !== undefined) {
      yield {kind: 'refused', n: only.n, detail: messageOf(error)};
      return;
    }
  }
  const half = differing.length >> 1;
  yield* writeIsolated(client, sql, writer, rows, differing.slice(0, half));
  yield* writeIsolated(client, sql, writer, rows, differing.slice(half));
}

const TAB = 0x09;
const NEWLINE = 0x0a;

/**
 * Records as lines of COPY text. Each is made at the moment it is sent: made beforehand, those of a whole group would
 * keep Postgres waiting within the transaction, and fill the memory.
 */
export class RowLines {
  readonly flat: Flat;
  readonly #scope: Buffer;
  readonly #run: Buffer;
  readonly #repairs = new Map<number, readonly PreparedReject[]>();

  constructor(flat: Flat, {scope, runId, sequence}: Writer) {
    this.flat = flat;
    this.#scope = Buffer.from(`${copyEscape(scope.userId)}\t${copyEscape(scope.appId)}\t`);
    this.#run = Buffer.from([runId, sequence, sequence].join('\t'));
  }

  /** Chunks of lines for `sql.copy`. */
  staged(differing: readonly Differing[]): Generator<Buffer> {
    return this.#lines(differing, ({n, row}, out) => {
      this.#fields(n, out);
      if (row === null) out.copy(SQL_NULL, 0, SQL_NULL.length);
      else out.text(row);
    });
  }

  /** Chunks of lines for `sql.straight`. */
  straight(differing: readonly Differing[]): Generator<Buffer> {
    return this.#lines(differing, ({n}, out) => {
      out.copy(this.#scope, 0, this.#scope.length);
      this.#fields(n, out);
      out.copy(this.#run, 0, this.#run.length);
    });
  }

  /** What had to be repaired in the lines that were made, however often each was, and were not refused. */
  repairs(refused: ReadonlyMap<number, unknown>): PreparedReject[] {
    return [...this.#repairs].flatMap(([n, repairs]) => (refused.has(n) ? [] : repairs));
  }

  *#lines(differing: readonly Differing[], write: (record: Differing, out: CopyBytes) => void): Generator<Buffer> {
    const out = new CopyBytes();
    for (const record of differing) {
      write(record, out);
      out.byte(NEWLINE);
      const full = out.takeFull();
      if (full !== null) yield full;
    }
    const rest = out.takeAll();
    if (rest !== null) yield rest;
  }

  /** Key, columns, raw and hash. */
  #fields(n: number, out: CopyBytes): void {
    const {keys, entries, hashes} = this.flat;
    for (const part of keys) {
      out.text(part[n] as string);
      out.byte(TAB);
    }
    const {page, index} = entries[n] as Entry;
    const repairs = page.copyRow(index, out);
    if (repairs.length > 0) this.#repairs.set(n, repairs);
    out.copy(HEX, 0, HEX.length);
    out.text(hashes[n] as string);
    out.byte(TAB);
  }
}

const SQL_NULL = Buffer.from('\\N');
/** Begins a bytea; the backslash is escaped. */
const HEX = Buffer.from('\\\\x');

/** Length to which a refused record is kept. */
const REJECT_RAW_BYTES = 64 * 1024;

/** The record as what was rejected of the group. */
export function rejectOf(flat: Flat, n: number, reason: RejectReason, detail: string): PreparedReject {
  const {page, index} = flat.entries[n] as Entry;
  const digest = flat.originals.get(n);
  const raw = Buffer.from(page.row(index).raw.slice(0, REJECT_RAW_BYTES)).subarray(0, REJECT_RAW_BYTES);
  return {kind: 'rejected', key: keyOf(flat, n), ...(digest === undefined ? {} : {digest}), reason, detail, raw};
}
