import {copyEscape} from './copy-text.ts';

/** Size at which lines are worth sending. */
const CHUNK_BYTES = 64 * 1024;
/** Room for the line that goes over that size. */
const SLACK_BYTES = 8 * 1024;
/** Most commits are of a few records. */
const FIRST_BYTES = 4 * 1024;

/** Bytes of UTF-8 that one UTF-16 unit can come to. */
const MAX_BYTES_PER_UNIT = 3;
/** Shorter stretches are copied by a loop: calling into the engine costs as much as this many bytes. */
const LOOP_BYTES = 48;

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;
const FIRST_BEYOND_ASCII = 0x80;

/**
 * Lines of Postgres' COPY text, written into bytes field by field. A string of a line, or of many, would be copied once
 * more on its way to the socket, and outlive the young heap.
 */
export class CopyBytes {
  #chunk = Buffer.allocUnsafe(FIRST_BYTES);
  #size = 0;

  /** Bytes written since something was taken; a place to go back to. */
  get size(): number {
    return this.#size;
  }

  /** Takes back all that was written behind that place. */
  rewind(size: number): void {
    this.#size = size;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#chunk[this.#size++] = value;
  }

  /** A value of any text, escaped where it has to be. */
  text(value: string): void {
    this.#reserve(value.length);
    const chunk = this.#chunk;
    let at = this.#size;
    for (let i = 0; i < value.length; i++) {
      const c = value.charCodeAt(i);
      if (c >= FIRST_BEYOND_ASCII || c === BACKSLASH || c === TAB || c === NEWLINE || c === RETURN) {
        this.#escaped(value);
        return;
      }
      chunk[at++] = c;
    }
    this.#size = at;
  }

  /** Bytes as they are: the caller knows that COPY reads each as itself. */
  copy(source: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    const chunk = this.#chunk;
    if (end - start > LOOP_BYTES) chunk.set(source.subarray(start, end), this.#size);
    else for (let i = start, at = this.#size; i < end; i++) chunk[at++] = source[i]!;
    this.#size += end - start;
  }

  /** What was written, once it is enough to be sent; null before. To be asked between lines. */
  takeFull(): Buffer | null {
    return this.#size < CHUNK_BYTES ? null : this.takeAll();
  }

  /** What was written; null when that is nothing. */
  takeAll(): Buffer | null {
    if (this.#size === 0) return null;
    const taken = this.#chunk.subarray(0, this.#size);
    this.#chunk = Buffer.allocUnsafe(CHUNK_BYTES + SLACK_BYTES);
    this.#size = 0;
    return taken;
  }

  #escaped(value: string): void {
    const escaped = copyEscape(value);
    this.#reserve(escaped.length * MAX_BYTES_PER_UNIT);
    this.#size += this.#chunk.write(escaped, this.#size);
  }

  #reserve(byteCount: number): void {
    const needed = this.#size + byteCount;
    if (needed <= this.#chunk.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#chunk.length));
    this.#chunk.copy(larger, 0, 0, this.#size);
    this.#chunk = larger;
  }
}
