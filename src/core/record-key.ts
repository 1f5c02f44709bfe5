import {isUtf8} from 'node:buffer';
import {hash} from 'node:crypto';
import {canonicalJson} from './canonical-json.ts';
import {isNumber, stringOf} from './column-text.ts';
import {slotBaseOf} from './page-scan.ts';
import type {PageScan} from './page-scan.ts';
import type {RejectReason} from './prepared.ts';
import {repairEscapes} from './repair.ts';
import type {KeyPart} from './shape.ts';

const QUOTE = 0x22;

/** A record's key as far as it could be read. */
export type RecordKey =
  /** `repair`: why parts had to be repaired, and the parts as they were; null for nearly all. */
  | {readonly kind: 'read'; readonly parts: readonly string[]; readonly repair: KeyRepair | null}
  /** Names the part. */
  | {readonly kind: 'missing'; readonly detail: string};

export interface KeyRepair {
  readonly reason: RejectReason;
  readonly before: readonly string[];
  /** Of `before`. */
  readonly digest: string;
}

/**
 * Key of the record scanned last, number n. Parts from the record are non-empty strings, or numbers as they are
 * written; `parentKey` gives the others, in their order.
 */
export function readKey(page: PageScan, n: number, parentKey: readonly string[]): RecordKey {
  const {key} = page.shape;
  const parts: string[] = [];
  let before: string[] | null = null;
  let reason: RejectReason = 'nul_or_surrogate';
  let parent = 0;
  for (let p = 0; p < key.length; p++) {
    const part = key[p]!;
    if (part.from === 'parent') {
      const text = parentKey[parent++]!;
      parts.push(text);
      before?.push(text);
      continue;
    }
    const choice = part.from === 'choice' ? chosen(page, n, p) : 0;
    const slot = part.from === 'choice' ? page.paths.choiceSlots[p]![choice]! : page.paths.keySlots[p]!;
    const at = slotBaseOf(page, n) + slot * 2;
    const start = page.slots[at]!;
    const end = page.slots[at + 1]!;
    const fixed = fixedPart(page, part, choice, start, end);
    if (fixed !== null) {
      parts.push(fixed);
      before?.push(fixed);
      continue;
    }
    const text = start === -1 ? '' : plainPart(page, start, end);
    if (text === '') {
      const found = start === -1 ? 'nothing' : kindOf(page.bytes[start]!);
      const detail = `key part ${part.name} at ${placesOf(part)}: expected a non-empty string, found ${found}`;
      return {kind: 'missing', detail};
    }
    const repair = text === null ? repairPart(page.bytes, start, end) : null;
    if (repair !== null && repair.reason !== null) {
      before ??= parts.slice();
      reason = repair.reason;
    }
    before?.push(repair === null ? text! : repair.before);
    parts.push(repair === null ? text! : repair.after);
  }
  return {kind: 'read', parts, repair: before === null ? null : {reason, before, digest: digestOf(before)}};
}

const DIGEST_HEX_DIGITS = 32;

const digestOf = (parts: readonly string[]): string =>
  hash('sha256', JSON.stringify(parts), 'hex').slice(0, DIGEST_HEX_DIGITS);

const placesOf = (part: Exclude<KeyPart, {from: 'parent'}>): string =>
  part.from === 'record' ? part.path.join('.') : part.choices.map(({path}) => path.join('.')).join(' or ');

// Number of the first place that the record has; 0 when it has none of them.
function chosen(page: PageScan, n: number, p: number): number {
  const base = slotBaseOf(page, n);
  const found = page.paths.choiceSlots[p]!.findIndex((slot) => page.slots[base + slot * 2] !== -1);
  return Math.max(found, 0);
}

// A part that is not the plain text of a value: the name of a choice, canonical JSON, what stands for nothing. null:
// none of these.
function fixedPart(
  page: PageScan,
  part: Exclude<KeyPart, {from: 'parent'}>,
  choice: number,
  start: number,
  end: number,
): string | null {
  if (part.from === 'choice') return part.give === 'which' && start !== -1 ? part.choices[choice]!.name : null;
  if (part.absent !== undefined && (start === -1 || (end - start === 2 && page.bytes[start] === QUOTE))) {
    return start === -1 || part.isJson !== true ? part.absent : '""';
  }
  return part.isJson === true && start !== -1 ? canonicalText(page.bytes.toString('utf8', start, end)) : null;
}

// The scan does not look into numbers: what it took for a value may be no JSON, and is then taken as it is written.
function canonicalText(json: string): string {
  try {
    return canonicalJson(json);
  } catch {
    return JSON.stringify(json);
  }
}

// The part's text when it needs no decoding; '' when it is of no use; null when it has to be looked at closely.
function plainPart(page: PageScan, start: number, end: number): string | null {
  if (page.bytes[start] !== QUOTE) {
    const text = page.bytes.toString('latin1', start, end);
    return isNumber(text) ? text : '';
  }
  if (end - start === 2) return '';
  if (!page.isUtf8) return null;
  const text = page.bytes.toString('utf8', start + 1, end - 1);
  return page.scanner.hasEscape && text.includes('\\') ? null : text;
}

function repairPart(
  bytes: Buffer,
  start: number,
  end: number,
): {readonly after: string; readonly before: string; readonly reason: RejectReason | null} {
  const json = bytes.toString('utf8', start, end);
  const repaired = repairEscapes(json);
  const after = stringOf(repaired.json);
  // Two keys that are not UTF-8 differ when their bytes do, although both decode to the same U+FFFD.
  if (!isUtf8(bytes.subarray(start, end))) {
    return {after, before: bytes.toString('latin1', start, end), reason: 'invalid_utf8'};
  }
  return {after, before: stringOf(json), reason: repaired.at.length > 0 ? 'nul_or_surrogate' : null};
}

function kindOf(first: number): string {
  switch (String.fromCharCode(first)) {
    case '"':
      return 'an empty string';
    case '{':
      return 'an object';
    case '[':
      return 'an array';
    case 'n':
      return 'null';
    case 't':
    case 'f':
      return 'a boolean';
    default:
      return 'no JSON value';
  }
}
