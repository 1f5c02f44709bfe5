import {CutList} from './cut-list.ts';
import type {PathNode, RecordPaths} from './record-paths.ts';

/** Records nested deeper than this are rejected; protobuf's own parsers stop at 100, Postgres at some thousands. */
export const MAX_DEPTH = 512;

/** Why a scan found no record; null when it found one. `not_json`: slots and cuts cannot be relied on. */
export type ScanFault = 'not_json' | 'not_an_object' | null;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const LETTER_U = 0x75;
const FAIL = -1;

// Classes of a byte outside of strings: part of a number or literal, quote, opening, closing, space, `,` or `:`, never.
const SCALAR = 0;
const STRING = 1;
const OPEN = 2;
const CLOSE = 3;
const SPACE = 4;
const SEPARATOR = 5;
const NEVER = 6;
const OUTSIDE = new Uint8Array(256).fill(NEVER, 0, 0x20);
for (const c of [0x09, 0x0a, 0x0d, 0x20]) OUTSIDE[c] = SPACE;
for (const c of [OPEN_OBJECT, OPEN_ARRAY]) OUTSIDE[c] = OPEN;
for (const c of [CLOSE_OBJECT, CLOSE_ARRAY]) OUTSIDE[c] = CLOSE;
for (const c of [COMMA, COLON]) OUTSIDE[c] = SEPARATOR;
OUTSIDE[QUOTE] = STRING;
// Numbers and literals are not read, but this is in none of them; and COPY would take it for an escape (copy-row.ts).
OUTSIDE[BACKSLASH] = NEVER;

// Bytes that end a stretch of plain text inside a string: quote, backslash, and controls, which JSON forbids there.
const INSIDE = new Uint8Array(256).fill(1, 0, 0x20);
INSIDE[QUOTE] = 1;
INSIDE[BACKSLASH] = 1;
const SIMPLE_ESCAPE = new Uint8Array(256);
for (const c of '"\\/bfnrt') SIMPLE_ESCAPE[c.charCodeAt(0)] = 1;
const HEX = new Uint8Array(256);
for (const c of '0123456789abcdefABCDEF') HEX[c.charCodeAt(0)] = 1;

/**
 * Finds in one pass over a record's bytes where the values are that its shape speaks of, and what is to be left out of
 * the stored text and of the hashed text (space outside of strings, redacted members, volatile members). It reads the
 * record's structure, not each number; jsonb does that for every record that is written.
 *
 * Cutting gives the very text that the minified record without those members has: a member goes together with the
 * comma before it, or, when no member before it stays, the comma after it goes. So what is cut leaves no trace, and
 * different rests stay different.
 *
 * It descends only along the shape's paths, so no record can make it recurse deeper than its longest path; all else is
 * skipped in one loop.
 */
export class RecordScanner {
  /** To leave out of what is stored: space and redacted members. */
  readonly storedCuts = new CutList();
  /** To leave out of what is hashed: the same, volatile members, and all but the id where that alone is compared. */
  readonly hashedCuts = new CutList();
  fault: ScanFault = null;
  isTooDeep = false;

  private readonly paths: RecordPaths;
  private readonly bytes: Buffer;
  private readonly slots: Int32Array;
  private end = 0;
  private slotBase = 0;
  private depth = 0;
  private lastBackslash = -1;
  private openings = new Uint8Array(64);

  /**
   * @param bytes the page
   * @param slots takes pairs of offsets (start, end) of the values found; -1 where there is none
   */
  constructor(paths: RecordPaths, bytes: Buffer, slots: Int32Array) {
    this.paths = paths;
    this.bytes = bytes;
    this.slots = slots;
  }

  /** Does the record hold an escape anywhere? */
  get hasEscape(): boolean {
    return this.lastBackslash !== -1;
  }

  /** Reads the record at `start` to `end - 1` and writes its slots from `slotBase` on. See `fault` for how it went. */
  scan(start: number, end: number, slotBase: number): void {
    this.storedCuts.clear();
    this.hashedCuts.clear();
    this.fault = null;
    this.lastBackslash = -1;
    this.isTooDeep = false;
    this.depth = 0;
    this.end = end;
    this.slotBase = slotBase;
    this.forget(this.paths.root);
    let at = this.space(start);
    if (at >= end) {
      this.fault = 'not_json';
      return;
    }
    const isObject = this.bytes[at] === OPEN_OBJECT;
    at = isObject ? this.container(this.paths.root, at) : this.skip(at);
    if (at !== FAIL) at = this.space(at);
    if (at !== end) this.fault = 'not_json';
    else if (!isObject) this.fault = 'not_an_object';
  }

  // All below take the offset of the value's first byte, and give the one after its last, or FAIL.

  private value(node: PathNode | null, at: number): number {
    if (node === null || !node.isBranch) return this.skip(at);
    const c = this.bytes[at];
    const isContainer = at < this.end && (c === OPEN_OBJECT || (c === OPEN_ARRAY && node.star !== null));
    return isContainer ? this.container(node, at) : this.skip(at);
  }

  private container(node: PathNode, at: number): number {
    const {bytes, end, storedCuts, hashedCuts} = this;
    const isObject = bytes[at] === OPEN_OBJECT;
    const close = isObject ? CLOSE_OBJECT : CLOSE_ARRAY;
    this.depth++;
    let stays = false;
    let staysHashed = false;
    for (let isFirst = true; ; isFirst = false) {
      const before = at; // the bracket or comma before the member
      if (!isFirst && !stays) storedCuts.push(at, at + 1);
      if (!isFirst && !staysHashed) hashedCuts.push(at, at + 1);
      const storedMark = storedCuts.length;
      const hashedMark = hashedCuts.length;
      at = this.space(at + 1);
      if (at >= end) return FAIL;
      if (isFirst && bytes[at] === close) break;
      let child = node.star;
      if (isObject) {
        if (bytes[at] !== QUOTE) return FAIL;
        const nameAt = at;
        at = this.string(at);
        if (at === FAIL) return FAIL;
        child = this.member(node, nameAt + 1, at - 1);
        at = this.space(at);
        if (at >= end || bytes[at] !== COLON) return FAIL;
        at = this.space(at + 1);
      }
      const valueAt = at;
      // The last of duplicate members counts, as in JSON.parse and jsonb: forget what is inside an earlier one.
      if (child !== null && child.isBranch) this.forget(child);
      at = this.value(child, at);
      if (at === FAIL) return FAIL;
      if (child !== null && child.slot !== -1) {
        this.slots[this.slotBase + child.slot * 2] = valueAt;
        this.slots[this.slotBase + child.slot * 2 + 1] = at;
      }
      const isRedacted = child !== null && child.redact;
      if (isRedacted) {
        this.forget(child!);
        storedCuts.pushAround(storedMark, stays ? before : before + 1, at);
      } else stays = true;
      if (
        isRedacted ||
        (child !== null && child.volatile) ||
        (node.idOnly !== null && child !== node.idOnly && isObject)
      ) {
        hashedCuts.pushAround(hashedMark, staysHashed ? before : before + 1, at);
      } else staysHashed = true;
      at = this.space(at);
      if (at >= end) return FAIL;
      if (bytes[at] === close) break;
      if (bytes[at] !== COMMA) return FAIL;
    }
    this.depth--;
    return at + 1;
  }

  private skip(at: number): number {
    const {bytes, end} = this;
    if (at >= end) return FAIL;
    const kind = OUTSIDE[bytes[at]!];
    if (kind === STRING) return this.string(at);
    if (kind === OPEN) return this.skipNested(at);
    const start = at;
    while (at < end && OUTSIDE[bytes[at]!] === SCALAR) at++;
    return at === start ? FAIL : at;
  }

  private skipNested(at: number): number {
    const {bytes, end} = this;
    let depth = 0;
    while (at < end) {
      const c = bytes[at]!;
      switch (OUTSIDE[c]!) {
        case STRING:
          at = this.string(at);
          if (at === FAIL) return FAIL;
          continue;
        case OPEN:
          if (depth === this.openings.length) this.growOpenings();
          this.openings[depth++] = c;
          if (depth + this.depth > MAX_DEPTH) this.isTooDeep = true;
          break;
        case CLOSE:
          // `]` and `}` are each two more than their opening in ASCII.
          if (this.openings[--depth] !== c - 2) return FAIL;
          if (depth === 0) return at + 1;
          break;
        case SPACE: {
          const start = at;
          at = this.space(at);
          // `1 2` is no JSON and must not become `12` by leaving out the space.
          if (at >= end || (isScalar(bytes[start - 1]!) && isScalar(bytes[at]!))) return FAIL;
          continue;
        }
        case NEVER:
          return FAIL;
      }
      at++;
    }
    return FAIL;
  }

  private string(at: number): number {
    const {bytes, end} = this;
    for (at++; at < end;) {
      const c = bytes[at]!;
      if (INSIDE[c] === 0) at++;
      else if (c === QUOTE) return at + 1;
      else if (c !== BACKSLASH || at + 1 >= end) return FAIL;
      else {
        this.lastBackslash = at;
        const escape = bytes[at + 1]!;
        if (SIMPLE_ESCAPE[escape] === 1) at += 2;
        else if (escape !== LETTER_U || at + 6 > end) return FAIL;
        else {
          for (let k = 2; k < 6; k++) if (HEX[bytes[at + k]!] === 0) return FAIL;
          at += 6;
        }
      }
    }
    return FAIL;
  }

  private space(at: number): number {
    const {bytes, end} = this;
    const start = at;
    while (at < end && OUTSIDE[bytes[at]!] === SPACE) at++;
    if (at > start) {
      this.storedCuts.push(start, at);
      this.hashedCuts.push(start, at);
    }
    return at;
  }

  private member(node: PathNode, start: number, end: number): PathNode | null {
    if (this.lastBackslash >= start) {
      const name = Buffer.from(JSON.parse(`"${this.bytes.toString('utf8', start, end)}"`) as string);
      return node.find(name, 0, name.length);
    }
    return node.find(this.bytes, start, end);
  }

  private forget(node: PathNode): void {
    const stop = this.slotBase + node.endSlot * 2;
    for (let k = this.slotBase + node.firstSlot * 2; k < stop; k++) this.slots[k] = -1;
  }

  private growOpenings(): void {
    const larger = new Uint8Array(this.openings.length * 2);
    larger.set(this.openings);
    this.openings = larger;
  }
}

function isScalar(c: number): boolean {
  return OUTSIDE[c] === SCALAR;
}
