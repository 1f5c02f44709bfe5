import {columnText, EXPECTED} from './column-text.ts';
import {rejectRaw, scanRecord, slotBaseOf, storedBytes} from './page-scan.ts';
import type {PageScan} from './page-scan.ts';
import type {PreparedReject, PreparedRow, RejectReason} from './prepared.ts';
import type {KeyRepair} from './record-key.ts';
import {firstReplaced, placeOf, repairEscapes} from './repair.ts';

/** Characters of a value that a message shows. */
const SHOWN = 80;
/** Places that a message names. */
const NAMED = 5;

/** What a record's bytes are beside its stored text: the same, the same but for escapes to look at, or more. */
export type RecordForm = 'plain' | 'escaped' | 'cut';

/**
 * What is written for record n of a page, whose key is `key`. `keyRepair`: the key was repaired, and listed already.
 */
export function makeRow(
  page: PageScan,
  n: number,
  key: readonly string[],
  form: RecordForm,
  keyRepair: KeyRepair | null,
): PreparedRow {
  const start = page.spans[2 * n]!;
  const end = page.spans[2 * n + 1]!;
  const base = slotBaseOf(page, n);
  const notes: {reason: RejectReason; detail: string}[] = [];
  if (form === 'cut') scanRecord(page, n);
  const source = page.bytes.toString('utf8', start, end);
  const text = form === 'cut' ? storedBytes(page, start, end).toString() : source;
  const hasEscape = form === 'cut' ? page.scanner.hasEscape : form === 'escaped';
  const repaired = hasEscape ? repairEscapes(text) : {json: text, at: []};
  if (repaired.at.length > 0) notes.push({reason: 'nul_or_surrogate', detail: escapeDetail(text, repaired.at)});
  const replacedAt = page.isUtf8
    ? null
    : replacedPlace(form === 'cut' ? storedBytes(page, start, end) : page.bytes.subarray(start, end), text);
  if (replacedAt !== null) {
    notes.push({reason: 'invalid_utf8', detail: `bytes that are not UTF-8 became U+FFFD, first at ${replacedAt}`});
  }

  // As many characters as bytes: offsets count the same in both, and slicing text is cheaper than decoding once more.
  const isSliceable = source.length === end - start;
  const json = (from: number, to: number): string => {
    let value: string;
    if (form === 'cut' && isContainer(page.bytes[from]!)) value = storedBytes(page, from, to).toString();
    else value = isSliceable ? source.slice(from - start, to - start) : page.bytes.toString('utf8', from, to);
    return repaired.at.length > 0 ? repairEscapes(value).json : value;
  };

  const values = page.shape.columns.map((column, c): string | null => {
    const columnSlot = page.paths.columnSlots[c]!;
    if (columnSlot === -1) return null;
    const from = page.slots[base + columnSlot * 2]!;
    if (from === -1) return column.absent ?? null;
    const found = json(from, page.slots[base + columnSlot * 2 + 1]!);
    const value = columnText(column.type, found);
    if (value === null) return column.absent ?? null;
    if (value !== undefined) return value;
    const detail = `column ${column.name} at ${column.path.join('.')}: expected ${EXPECTED[column.type]}, found ${shorten(found)}`;
    notes.push({reason: 'column_unreadable', detail});
    return null;
  });
  return {columns: values, raw: repaired.json, repairs: listNotes(notes)};

  function listNotes(all: readonly {reason: RejectReason; detail: string}[]): PreparedReject[] {
    const fresh = all.filter((note) => note.reason !== keyRepair?.reason);
    if (fresh.length === 0) return [];
    if (form !== 'cut') scanRecord(page, n); // the cuts that the copy below leaves out
    const raw = rejectRaw(page, start, end);
    const digest = keyRepair === null ? {} : {digest: keyRepair.digest};
    return fresh.map(({reason, detail}) => ({kind: 'repaired', key, ...digest, reason, detail, raw}));
  }
}

function isContainer(first: number): boolean {
  return first === 0x7b || first === 0x5b;
}

function escapeDetail(text: string, at: readonly number[]): string {
  const places = [...new Set(at.slice(0, NAMED).map((offset) => placeOf(text, offset)))];
  const more = at.length > NAMED ? ' and elsewhere' : '';
  return `a NUL or half a surrogate pair became U+FFFD at ${places.join(', ')}${more}`;
}

function replacedPlace(bytes: Buffer, text: string): string | null {
  const at = firstReplaced(bytes, text);
  return at === -1 ? null : placeOf(text, at);
}

function shorten(text: string): string {
  if (text.length <= SHOWN) return text;
  const isPairCut = (text.charCodeAt(SHOWN - 1) & 0xfc00) === 0xd800;
  return `${text.slice(0, isPairCut ? SHOWN - 1 : SHOWN)}…`;
}
