/**
 * Reads one member of an object, given its name, decoded, and where its value begins; returns the value's end, -1 if
 * it is no whole value. Whoever does not care for it returns `skipValue(bytes, start)`.
 */
export type MemberReader = (name: string, start: number) => number;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** Position of the first byte from `at` on that is no JSON white space; the length where there is none. */
export function skipSpace(bytes: Buffer, at: number): number {
  let i = at;
  for (; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
  }
  return i;
}

/**
 * End of the JSON value that begins at `at`; -1 where the bytes end before it does. Strings and brackets are
 * followed, nothing is validated: what is inside is left to whoever parses it.
 */
export function skipValue(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return skipString(bytes, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipBrackets(bytes, at);
  return skipScalar(bytes, at);
}

/** End of the object that begins at `at`, each member read by `read` in the order of the text; -1 if it is no whole object. */
export function readObject(bytes: Buffer, at: number, read: MemberReader): number {
  let i = skipSpace(bytes, at + 1);
  if (bytes[i] === CLOSE_BRACE) return i + 1;
  for (;;) {
    if (bytes[i] !== QUOTE) return -1;
    const nameEnd = skipString(bytes, i);
    if (nameEnd < 0) return -1;
    const name = decodeName(bytes, i, nameEnd);
    if (name === null) return -1;
    i = skipSpace(bytes, nameEnd);
    if (bytes[i] !== COLON) return -1;
    const end = read(name, skipSpace(bytes, i + 1));
    if (end < 0) return -1;
    i = skipSpace(bytes, end);
    if (bytes[i] === CLOSE_BRACE) return i + 1;
    if (bytes[i] !== COMMA) return -1;
    i = skipSpace(bytes, i + 1);
  }
}

/** A growing list of [start, end) pairs. */
export class ByteSpans {
  #pairs = new Int32Array(2048);
  #length = 0;

  push(start: number, end: number): void {
    if (this.#length + 2 > this.#pairs.length) {
      const larger = new Int32Array(this.#pairs.length * 2);
      larger.set(this.#pairs);
      this.#pairs = larger;
    }
    this.#pairs[this.#length] = start;
    this.#pairs[this.#length + 1] = end;
    this.#length += 2;
  }

  toArray(): Int32Array {
    return this.#pairs.slice(0, this.#length);
  }
}

/** The hot loop: nearly all bytes of a page pass through here. */
function skipBrackets(bytes: Buffer, at: number): number {
  const length = bytes.length;
  let depth = 0;
  for (let i = at; i < length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      for (i++; i < length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return i + 1;
  }
  return -1;
}

function skipString(bytes: Buffer, at: number): number {
  const length = bytes.length;
  for (let i = at + 1; i < length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH) i++;
  }
  return -1;
}

/** A number, true, false or null: all up to what can follow a value. */
function skipScalar(bytes: Buffer, at: number): number {
  let i = at;
  for (; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= 0x20) break;
  }
  return i === at || i === bytes.length ? -1 : i;
}

/** Names are short and few; one with an escape goes through JSON.parse, so that "st\u0061tus" is seen for what it is. */
function decodeName(bytes: Buffer, start: number, end: number): string | null {
  const text = bytes.toString('utf8', start, end);
  if (!text.includes('\\')) return text.slice(1, -1);
  try {
    return JSON.parse(text) as string;
  } catch {
    return null;
  }
}
