import type pg from 'pg';
import {copyEscape} from '../core/copy-text.ts';
import {messageOf} from '../core/errors.ts';
import type {PreparedReject, RejectReason} from '../core/prepared.ts';
import type {Scope} from '../core/scope.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import {copyIn} from './copy-in.ts';
import {isDataError, sqlState} from './errors.ts';
import {flatten, keyText, type Entry, type Flat, type Group} from './group.ts';
import {settleKeyOwners} from './key-owners.ts';
import {arrayText} from './quote.ts';
import {recordIdentity} from './reject-identity.ts';
import type {StreamSql} from './stream-sql.ts';

/** Who writes: the run and scope of a task that is held. */
export interface Writer {
  readonly runId: string;
  readonly sequence: string;
  readonly scopeId: number;
  readonly scope: Scope;
}

/** Marks of what a pass sees are made along with the compare; null outside of a pass. */
export interface MarkFor {
  readonly passId: string;
  /** Rows numbered higher came after the pass had begun and cannot be found missing. */
  readonly lastRow: string;
}

export interface WriteCounts {
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly repaired: number;
  /** Readings of rows that the pass can find missing. */
  readonly knownRead: number;
  /** Rejected records whose key cannot be read. */
  readonly keylessRejects: number;
  readonly rejects: readonly PreparedReject[];
  /** Keys of rows that were marked deleted and live again. */
  readonly returned: readonly (readonly string[])[];
  /** Identities (reject-identity.ts) of the records that are stored, whether they had to be written or not. */
  readonly storedIdentities: () => string[];
  /** The same of those that were written. */
  readonly writtenIdentities: () => string[];
}

/** A key longer than this does not fit an index entry of Postgres (2,704 bytes), some room for the rest left. */
const MAX_KEY_BYTES = 2_500;

/**
 * Writes the records of a group that differ from the rows, within the caller's transaction: compare, COPY into staging,
 * one guarded statement. Where nothing was stored before, COPY goes straight into the table, which is a third cheaper
 * (facts-speed.md, section 5). A record that Postgres refuses is found and left out, the others are written.
 * @param isEmpty nothing of this scope is in the table yet, so that there is nothing to compare with
 */
export async function writeGroup(
  client: pg.ClientBase,
  stream: Stream,
  schema: string,
  sql: StreamSql,
  writer: Writer,
  group: Group,
  marks: MarkFor | null,
  isEmpty: boolean,
): Promise<WriteCounts> {
  const flat = flatten(group.pages, keyNames(stream).length);
  // Records of the group that cannot be stored, by number, and why.
  const refused = new Map<number, PreparedReject>();
  for (const n of keysTooLong(flat, writer.scope)) {
    refused.set(n, rejectOf(flat, n, 'store_refused', 'its key is too long for an index'));
  }
  const collided = await settleKeyOwners(client, schema, stream, writer, flat, new Set(refused.keys()));
  for (const n of collided) refused.set(n, rejectOf(flat, n, 'key_collision', COLLIDED));

  const compared = isEmpty ? allFresh(flat) : await compare(client, sql, writer, flat, collided, marks);
  const differing = compared.differing.filter((d) => !flat.superseded.has(d.n) && !refused.has(d.n));
  const rows = new RowTexts(flat, writer);
  let inserted = 0;
  let updated = 0;
  if (isEmpty && sql.straight !== null && (await writeStraight(client, sql.straight, rows, differing))) {
    inserted = differing.length;
  } else if (differing.length > 0) {
    await client.query(sql.stage);
    for await (const written of writeIsolated(client, sql, writer, rows, differing)) {
      if (written.kind === 'refused')
        refused.set(written.n, rejectOf(flat, written.n, 'store_refused', written.detail));
      else {
        inserted += written.inserted;
        updated += written.updated;
      }
    }
  }
  const identity = (n: number): string => recordIdentity(keyOf(flat, n), flat.originals.get(n));
  const known = flat.rejects.filter((reject) => reject.kind === 'rejected');
  const repairs = [...repairedKeys(flat, collided), ...rows.repairs(refused)];
  const rejected = [...known, ...refused.values()];
  const read = flat.entries.length + known.length;
  return {
    read,
    inserted,
    updated,
    unchanged: read - rejected.length - inserted - updated,
    rejected: rejected.length,
    repaired: new Set(repairs.map(({key, digest}) => JSON.stringify([key, digest]))).size,
    knownRead: compared.knownRead,
    keylessRejects: rejected.filter((reject) => reject.key === null).length,
    rejects: [...rejected, ...repairs],
    returned: differing.filter((d) => d.isGone).map(({n}) => keyOf(flat, n)),
    storedIdentities: () => flat.entries.flatMap((_, n) => (refused.has(n) ? [] : [identity(n)])),
    writtenIdentities: () => differing.flatMap(({n}) => (refused.has(n) ? [] : [identity(n)])),
  };
}

const COLLIDED =
  'by repair its key became the same as that of another record: of one that is stored, or that came along';

/** Repaired keys, which are listed as such at each reading; those of records that collide are listed as that. */
function repairedKeys(flat: Flat, collided: ReadonlySet<number>): PreparedReject[] {
  const lost = new Set([...collided].map((n) => flat.originals.get(n)));
  return flat.rejects.filter(({kind, digest}) => kind === 'repaired' && !lost.has(digest ?? ''));
}

const keyOf = (flat: Flat, n: number): string[] => flat.keys.map((part) => part[n] as string);

/** A record that differs from its row, and the number of that row; null when there is none. */
interface Differing {
  readonly n: number;
  readonly row: string | null;
  /** The row is marked deleted: the record is back. */
  readonly isGone: boolean;
}

interface Compared {
  readonly differing: readonly Differing[];
  readonly knownRead: number;
}

const allFresh = (flat: Flat): Compared => ({
  differing: flat.entries.map((_, n) => ({n, row: null, isGone: false})),
  knownRead: 0,
});

async function compare(
  client: pg.ClientBase,
  sql: StreamSql,
  writer: Writer,
  flat: Flat,
  collided: ReadonlySet<number>,
  marks: MarkFor | null,
): Promise<Compared> {
  if (flat.entries.length === 0 && flat.rejects.every((reject) => reject.key === null)) {
    return {differing: [], knownRead: 0};
  }
  // What collides with a stored row is another record: that row is neither like it nor seen by it.
  const asked = collided.size === 0 ? null : flat.entries.flatMap((_, n) => (collided.has(n) ? [] : [n]));
  const askedOf = (values: readonly string[]) => (asked === null ? values : asked.map((n) => values[n] as string));
  const seenOnly = marks === null ? [] : keysSeen(flat.rejects);
  const keys = flat.keys.map((part, p) => arrayText([...askedOf(part), ...seenOnly.map((key) => key[p] as string)]));
  const hashes = arrayText([...askedOf(flat.hashes), ...seenOnly.map(() => '')]);
  const found = await client.query<[number, string | null, boolean]>({
    text: sql.compare,
    values: [...keys, hashes, writer.scope.userId, writer.scope.appId, marks?.passId ?? null, marks?.lastRow ?? 0],
    rowMode: 'array',
  });
  const differing: Differing[] = [];
  let knownRead = 0;
  const count = asked?.length ?? flat.entries.length;
  for (const [i, row, isGone] of found.rows) {
    if (i === -1) knownRead = Number(row);
    else if (i < count) differing.push({n: asked === null ? i : (asked[i] as number), row, isGone});
  }
  return {differing, knownRead};
}

/**
 * A rejected record whose key can be read counts as seen (invariant 8): its key goes along with a hash that none has.
 * Records whose keys became the same by repair are one row at most: it is read once, whichever of them it is.
 */
function keysSeen(rejects: readonly PreparedReject[]): (readonly string[])[] {
  const keys = new Map<string, readonly string[]>();
  for (const [i, {kind, key, reason}] of rejects.entries()) {
    if (kind !== 'rejected' || key === null) continue;
    keys.set(reason === 'key_collision' ? JSON.stringify(key) : String(i), key);
  }
  return [...keys.values()];
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
  rows: RowTexts,
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
  rows: RowTexts,
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

/**
 * Records as lines of COPY text. Each is made at the moment it is sent: made beforehand, those of a whole group would
 * keep Postgres waiting within the transaction, and fill the memory.
 */
class RowTexts {
  readonly #flat: Flat;
  readonly #scopeText: string;
  readonly #runText: string;
  readonly #repairs = new Map<number, readonly PreparedReject[]>();

  constructor(flat: Flat, {scope, runId, sequence}: Writer) {
    this.#flat = flat;
    this.#scopeText = `${copyEscape(scope.userId)}\t${copyEscape(scope.appId)}\t`;
    this.#runText = `\t${runId}\t${sequence}\t${sequence}\n`;
  }

  /** Lines for `sql.copy`. */
  *staged(differing: readonly Differing[]): Generator<string> {
    for (const {n, row} of differing) yield `${this.#fields(n)}\t${row ?? '\\N'}\n`;
  }

  /** Lines for `sql.straight`. */
  *straight(differing: readonly Differing[]): Generator<string> {
    for (const {n} of differing) yield this.#scopeText + this.#fields(n) + this.#runText;
  }

  /** What had to be repaired in the lines that were made, however often each was, and were not refused. */
  repairs(refused: ReadonlyMap<number, unknown>): PreparedReject[] {
    return [...this.#repairs].flatMap(([n, repairs]) => (refused.has(n) ? [] : repairs));
  }

  #fields(n: number): string {
    const flat = this.#flat;
    const {page, index} = flat.entries[n] as Entry;
    const {columns, raw, repairs} = page.row(index);
    if (repairs.length > 0) this.#repairs.set(n, repairs);
    let text = '';
    for (const part of flat.keys) text += copyEscape(part[n] as string) + '\t';
    for (let c = 0; c < columns.length; c++) {
      const value = columns[c] ?? null;
      text += (value === null ? '\\N' : copyEscape(value)) + '\t';
    }
    return `${text}${copyEscape(raw)}\t\\\\x${flat.hashes[n] as string}`;
  }
}

/** Length to which a refused record is kept. */
const REJECT_RAW_BYTES = 64 * 1024;

function rejectOf(flat: Flat, n: number, reason: RejectReason, detail: string): PreparedReject {
  const {page, index} = flat.entries[n] as Entry;
  const digest = flat.originals.get(n);
  const raw = Buffer.from(page.row(index).raw.slice(0, REJECT_RAW_BYTES)).subarray(0, REJECT_RAW_BYTES);
  return {kind: 'rejected', key: keyOf(flat, n), ...(digest === undefined ? {} : {digest}), reason, detail, raw};
}

function keysTooLong(flat: Flat, scope: Scope): Set<number> {
  const room = MAX_KEY_BYTES - Buffer.byteLength(scope.userId) - Buffer.byteLength(scope.appId);
  const tooLong = new Set<number>();
  for (let n = 0; n < flat.entries.length; n++) {
    let units = 0;
    for (const part of flat.keys) units += (part[n] as string).length;
    // A UTF-16 unit is at most three bytes of UTF-8: only what may be too long is counted in bytes.
    if (units * 3 > room && Buffer.byteLength(keyText(flat.keys, n)) > room) tooLong.add(n);
  }
  return tooLong;
}
