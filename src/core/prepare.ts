import {isUtf8} from 'node:buffer';
import {hash} from 'node:crypto';
import {stringOf} from './column-text.ts';
import {copyPlainRow, copyRow} from './copy-row.ts';
import {assert} from './errors.ts';
import {comparableInstant} from './instant.ts';
import {collisionsOf} from './key-collision.ts';
import {rejectRaw, scanRecord, slotBaseOf} from './page-scan.ts';
import type {PageScan} from './page-scan.ts';
import {makeRow} from './prepare-row.ts';
import type {RecordForm} from './prepare-row.ts';
import {HASH_VERSION} from './prepared.ts';
import type {PreparedPage, PreparedReject, PreparedRow, RejectReason} from './prepared.ts';
import {readKey} from './record-key.ts';
import type {KeyRepair} from './record-key.ts';
import {pathsOf} from './record-paths.ts';
import {MAX_DEPTH, RecordScanner} from './record-scan.ts';
import type {RecordShape} from './shape.ts';

/** What a page's records do not say themselves. */
export interface PrepareContext {
  /** Values of the `parent` parts of the key, in their order in the shape. */
  readonly parentKey: readonly string[];
  /** Longer records are rejected, bytes. */
  readonly maxRecordBytes: number;
  /** Whose records are asked for: those of others are left out, where the shape says how to tell them. */
  readonly owner?: {readonly userId: string; readonly appId: string};
}

const NO_REPAIRS: readonly PreparedReject[] = [];
const HASH_HEX_DIGITS = 32;
const HASH_TEXT = Buffer.from(HASH_VERSION.padEnd(HASH_VERSION.length + HASH_HEX_DIGITS, '0'));
const QUOTE = 0x22;

/**
 * Makes a page's records ready for the store. What cannot be stored is repaired or rejected, and listed; no bytes make
 * it throw, only spans outside of them or a `parentKey` that does not fit the shape.
 *
 * The content hash is over the record's minified text without redacted and volatile members. It depends on the order
 * of members and on how values are written; the store compares jsonb before it believes in a change.
 * @param bytes the page; kept by the result until it is dropped
 * @param spans pairs of offsets (start, end after the last byte), one pair per record
 */
export function preparePage(
  shape: RecordShape,
  bytes: Buffer,
  spans: Int32Array,
  context: PrepareContext,
): PreparedPage {
  const preparation = new PagePreparation(shape, bytes, spans, context);
  preparation.take(spans.length / 2);
  return preparation.finish();
}

/**
 * The same in slices, giving the event loop back between them: a page prepared in one go leaves the database waiting
 * within its transaction for a seventh of the time (facts-speed.md, section 6).
 * @param yieldTurn resolves in a later turn of the event loop (`setImmediate`)
 */
export async function preparePageSliced(
  shape: RecordShape,
  bytes: Buffer,
  spans: Int32Array,
  context: PrepareContext,
  yieldTurn: () => Promise<void>,
  sliceSize = 100,
): Promise<PreparedPage> {
  const preparation = new PagePreparation(shape, bytes, spans, context);
  const recordCount = spans.length / 2;
  for (let stop = sliceSize; stop < recordCount; stop += sliceSize) {
    preparation.take(stop);
    await yieldTurn();
  }
  preparation.take(recordCount);
  return preparation.finish();
}

class PagePreparation {
  private readonly page: PageScan;
  private readonly context: PrepareContext;
  private readonly rejects: PreparedReject[] = [];
  private next = 0;
  private byteCount = 0;
  private scratch = Buffer.allocUnsafe(4096);

  // Of the records that can be stored, in their order. `numbers` leads back into the page.
  private readonly numbers: number[] = [];
  private readonly keys: string[][];
  private readonly hashes: string[] = [];
  private readonly forms: RecordForm[] = [];
  private readonly keyRepairs = new Map<number, KeyRepair>();

  constructor(shape: RecordShape, bytes: Buffer, spans: Int32Array, context: PrepareContext) {
    const parentParts = shape.key.filter((part) => part.from === 'parent').length;
    assert(context.parentKey.length === parentParts, 'parentKey has a value for each parent part', {parentParts});
    const paths = pathsOf(shape);
    const slots = new Int32Array(paths.slotCount * spans.length);
    const scanner = new RecordScanner(paths, bytes, slots);
    this.page = {shape, paths, bytes, spans, slots, scanner, isUtf8: isUtf8(bytes)};
    this.context = context;
    this.keys = shape.key.map(() => []);
  }

  /** Prepares the records up to number `stop - 1`. */
  take(stop: number): void {
    while (this.next < stop) this.takeRecord(this.next++);
  }

  finish(): PreparedPage {
    this.settleKeys();
    const {page, numbers, keys, keyRepairs, forms} = this;
    const keyOf = (i: number): string[] => keys.map((part) => part[i]!);
    const row = (i: number): PreparedRow =>
      makeRow(page, numbers[i]!, keyOf(i), forms[i]!, keyRepairs.get(numbers[i]!) ?? null);
    return {
      count: numbers.length,
      keys,
      hashes: this.hashes,
      modified: (i) => this.modifiedOf(numbers[i]!),
      originalKey: (i) => keyRepairs.get(numbers[i]!)?.digest ?? null,
      row,
      copyRow: (i, out) => {
        const isPlain = forms[i] === 'plain' && page.isUtf8;
        return isPlain && copyPlainRow(page, numbers[i]!, out) ? NO_REPAIRS : copyRow(row(i), out);
      },
      rejects: this.rejects,
      bytes: this.byteCount,
    };
  }

  private takeRecord(n: number): void {
    const {page, context} = this;
    const {scanner} = page;
    const length = page.spans[2 * n + 1]! - page.spans[2 * n]!;
    this.byteCount += length;
    scanRecord(page, n);
    if (scanner.fault === 'not_json') return this.reject(n, null, 'not_json', 'expected a JSON object, found no JSON');
    if (scanner.fault !== null)
      return this.reject(n, null, scanner.fault, 'expected a JSON object, found another value');
    if (this.isForeign(n)) return;
    const key = readKey(page, n, context.parentKey);
    if (key.kind === 'missing') return this.reject(n, null, 'key_missing', key.detail, this.hashOf(n));
    if (length > context.maxRecordBytes) {
      const detail = `expected at most ${context.maxRecordBytes} bytes, found ${length}`;
      return this.reject(n, key.parts, 'too_large', detail, key.repair?.digest);
    }
    if (scanner.isTooDeep) {
      const detail = `expected at most ${MAX_DEPTH} levels of nesting, found more`;
      return this.reject(n, key.parts, 'too_deep', detail, key.repair?.digest);
    }
    if (key.repair !== null) this.keyRepairs.set(n, key.repair);
    this.numbers.push(n);
    for (let p = 0; p < this.keys.length; p++) this.keys[p]!.push(key.parts[p]!);
    this.hashes.push(this.hashOf(n));
    this.forms.push(scanner.storedCuts.length > 0 ? 'cut' : scanner.hasEscape ? 'escaped' : 'plain');
  }

  /** Belongs to another app than is asked for. What does not say whose it is counts as ours. */
  private isForeign(n: number): boolean {
    const {paths, slots, bytes} = this.page;
    const {owner} = this.context;
    if (paths.ownerSlots === null || owner === undefined) return false;
    const base = slotBaseOf(this.page, n);
    if (slots[base + paths.ownerSlots.unless * 2] !== -1) return false;
    const differs = (slot: number, id: string): boolean => {
      const start = slots[base + slot * 2]!;
      if (start === -1 || bytes[start] !== QUOTE) return false;
      const found = stringOf(bytes.toString('utf8', start, slots[base + slot * 2 + 1]));
      return found !== '' && found !== id;
    };
    return differs(paths.ownerSlots.userId, owner.userId) || differs(paths.ownerSlots.appId, owner.appId);
  }

  private hashOf(n: number): string {
    const {bytes, spans, scanner} = this.page;
    const start = spans[2 * n]!;
    const end = spans[2 * n + 1]!;
    let rest = bytes;
    let from = start;
    let to = end;
    if (scanner.hashedCuts.length > 0) {
      if (this.scratch.length < end - start) this.scratch = Buffer.allocUnsafe(2 * (end - start));
      rest = this.scratch;
      from = 0;
      to = scanner.hashedCuts.copyRest(bytes, start, end, rest);
    }
    // Put together in bytes: a string made of parts would keep the whole digest, and three objects for each record.
    HASH_TEXT.write(hash('sha256', rest.subarray(from, to), 'hex'), HASH_VERSION.length, HASH_HEX_DIGITS, 'latin1');
    return HASH_TEXT.toString('latin1');
  }

  private modifiedOf(n: number): string | null {
    const {bytes, slots, paths} = this.page;
    if (paths.modifiedSlot === -1) return null;
    const at = slotBaseOf(this.page, n) + paths.modifiedSlot * 2;
    const start = slots[at]!;
    if (start === -1 || bytes[start] !== QUOTE) return null;
    const end = slots[at + 1]!;
    return comparableInstant(stringOf(bytes.toString('latin1', start, end)));
  }

  private settleKeys(): void {
    if (this.keyRepairs.size === 0) return;
    const collided = collisionsOf(this.keys, (i) => this.keyRepairs.get(this.numbers[i]!)?.before ?? null);
    for (const [i, n] of this.numbers.entries()) {
      const repair = this.keyRepairs.get(n);
      if (repair === undefined && !collided.has(i)) continue;
      scanRecord(this.page, n);
      const key = this.keys.map((part) => part[i]!);
      if (collided.has(i)) {
        const detail = 'by repair its key became the same as that of another record of the page';
        this.reject(n, key, 'key_collision', detail, repair?.digest);
      } else {
        const detail = 'the key held what cannot be stored, which became U+FFFD: the API does not know it by this key';
        this.list('repaired', n, key, repair!.reason, detail, repair!.digest);
      }
    }
    for (const column of [this.numbers, ...this.keys, this.hashes, this.forms]) removeAt(column, collided);
  }

  private reject(
    n: number,
    key: readonly string[] | null,
    reason: RejectReason,
    detail: string,
    digest?: string,
  ): void {
    this.list('rejected', n, key, reason, detail, digest);
  }

  /** Record n must be the one scanned last. */
  private list(
    kind: PreparedReject['kind'],
    n: number,
    key: readonly string[] | null,
    reason: RejectReason,
    detail: string,
    digest?: string,
  ): void {
    const raw = rejectRaw(this.page, this.page.spans[2 * n]!, this.page.spans[2 * n + 1]!);
    this.rejects.push({kind, key, ...(digest === undefined ? {} : {digest}), reason, detail, raw});
  }
}

function removeAt(column: unknown[], dropped: ReadonlySet<number>): void {
  let to = 0;
  for (let i = 0; i < column.length; i++) if (!dropped.has(i)) column[to++] = column[i];
  column.length = to;
}
