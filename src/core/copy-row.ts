import {columnText} from './column-text.ts';
import type {CopyBytes} from './copy-bytes.ts';
import {slotBaseOf, type PageScan} from './page-scan.ts';
import type {PreparedReject, PreparedRow} from './prepared.ts';
import type {ColumnType} from './shape.ts';

const TAB = 0x09;
const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
const ZERO = 0x30;
const NINE = 0x39;
const POINT = 0x2e;
const DASH = 0x2d;
const COLON = 0x3a;
const LETTER_N = 0x4e;
const LETTER_T = 0x54;
const LETTER_Z = 0x5a;

/** Digits of an integer that every integer type holds. */
const SAFE_DIGITS = 9;
/** Digits that Postgres' timestamptz keeps. */
const MICRO_DIGITS = 6;

/** Writes a row's columns and its stored text as fields of a COPY line, a tab behind each; gives its repairs. */
export function copyRow({columns, raw, repairs}: PreparedRow, out: CopyBytes): readonly PreparedReject[] {
  for (const value of columns) {
    if (value === null) nullField(out);
    else field(out, value);
  }
  field(out, raw);
  return repairs;
}

/**
 * The same for record n of a page, from the page's bytes, without making texts of them: half of what there is to do for
 * a record that is written. Only for one whose stored text is its bytes ('plain': nothing cut, no escape) in a page of
 * UTF-8. Then COPY reads each of its bytes as itself: JSON has no control characters within strings, all space outside
 * of them would be cut, and a backslash is an escape or no JSON.
 * @returns false where a column cannot hold its value: then what was written is taken back, and the record goes the
 *   other way, which says so
 */
export function copyPlainRow(page: PageScan, n: number, out: CopyBytes): boolean {
  const {bytes, slots, paths, shape} = page;
  const before = out.size;
  const base = slotBaseOf(page, n);
  for (let c = 0; c < shape.columns.length; c++) {
    const {type, absent} = shape.columns[c]!;
    const slot = paths.columnSlots[c]!;
    const start = slot === -1 ? -1 : slots[base + slot * 2]!;
    const end = slot === -1 ? -1 : slots[base + slot * 2 + 1]!;
    if (slot === -1) nullField(out);
    else if (start === -1) absentField(out, absent);
    else if (copyValue(type, bytes, start, end, out)) out.byte(TAB);
    else {
      const value = columnText(type, bytes.toString('utf8', start, end));
      if (value === undefined) {
        out.rewind(before);
        return false;
      }
      if (value === null) absentField(out, absent);
      else field(out, value);
    }
  }
  out.copy(bytes, page.spans[2 * n]!, page.spans[2 * n + 1]!);
  out.byte(TAB);
  return true;
}

function field(out: CopyBytes, value: string): void {
  out.text(value);
  out.byte(TAB);
}

function nullField(out: CopyBytes): void {
  out.byte(BACKSLASH);
  out.byte(LETTER_N);
  out.byte(TAB);
}

function absentField(out: CopyBytes, absent: string | undefined): void {
  if (absent === undefined) nullField(out);
  else field(out, absent);
}

/** Copies a value whose text for Postgres is in its bytes; false, and nothing written, where that is not plain to see. */
function copyValue(type: ColumnType, bytes: Buffer, start: number, end: number, out: CopyBytes): boolean {
  const first = bytes[start]!;
  switch (type) {
    case 'text':
      if (first !== QUOTE) return false;
      out.copy(bytes, start + 1, end - 1);
      return true;
    case 'timestamp':
      return copyInstant(bytes, start, end, out);
    case 'integer':
    case 'bigint':
      if (end - start > SAFE_DIGITS || !isNumber(bytes, start, end - start)) return false;
      if (first === ZERO && end - start > 1) return false;
      out.copy(bytes, start, end);
      return true;
    case 'json':
      if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return false;
      out.copy(bytes, start, end);
      return true;
    default:
      return false;
  }
}

/** `"YYYY-MM-DDTHH:MM:SS.nnnZ"` with any number of digits, or none, of a day that every month has; as 6 digits. */
function copyInstant(bytes: Buffer, start: number, end: number, out: CopyBytes): boolean {
  const at = start + 1;
  const zoneAt = end - 2;
  if (zoneAt < at + 19 || bytes[start] !== QUOTE || bytes[zoneAt] !== LETTER_Z) return false;
  const isPunctuated =
    bytes[at + 4] === DASH &&
    bytes[at + 7] === DASH &&
    bytes[at + 10] === LETTER_T &&
    bytes[at + 13] === COLON &&
    bytes[at + 16] === COLON;
  if (!isPunctuated || !isNumber(bytes, at, 4) || !isPair(bytes, at + 5, 1, 12) || !isPair(bytes, at + 8, 1, 28))
    return false;
  if (!isPair(bytes, at + 11, 0, 23) || !isPair(bytes, at + 14, 0, 59) || !isPair(bytes, at + 17, 0, 59)) return false;
  if (bytes[at] === ZERO && bytes[at + 1] === ZERO && bytes[at + 2] === ZERO && bytes[at + 3] === ZERO) return false;
  const digitCount = zoneAt - (at + 20);
  const hasFraction = zoneAt > at + 19;
  if (hasFraction && (bytes[at + 19] !== POINT || digitCount < 1 || !isNumber(bytes, at + 20, digitCount)))
    return false;
  out.copy(bytes, at, at + 19);
  out.byte(POINT);
  const kept = hasFraction ? Math.min(digitCount, MICRO_DIGITS) : 0;
  out.copy(bytes, at + 20, at + 20 + kept);
  for (let k = kept; k < MICRO_DIGITS; k++) out.byte(ZERO);
  out.byte(LETTER_Z);
  return true;
}

function isNumber(bytes: Buffer, at: number, count: number): boolean {
  for (let k = at; k < at + count; k++) if (bytes[k]! < ZERO || bytes[k]! > NINE) return false;
  return count > 0;
}

function isPair(bytes: Buffer, at: number, least: number, most: number): boolean {
  if (!isNumber(bytes, at, 2)) return false;
  const value = (bytes[at]! - ZERO) * 10 + bytes[at + 1]! - ZERO;
  return value >= least && value <= most;
}
