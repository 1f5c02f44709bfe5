import {assert} from '../../core/errors.ts';

const FIRST_BYTES = 1024;
/** Up to here it is cheaper to make room for the longest UTF-8 than to measure it. */
const SHORT_TEXT = 1024;

/** Bytes written one after the other, little-endian as Parquet has them. Its memory is used again after `clear`. */
export class GrowingBytes {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  length = 0;

  /** What was written, valid until the next call of any other method. */
  view(start = 0, end = this.length): Buffer {
    return this.#buffer.subarray(start, end);
  }

  clear(): void {
    this.length = 0;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.length++] = value;
  }

  int32(value: number): void {
    this.#reserve(4);
    this.length = this.#buffer.writeInt32LE(value, this.length);
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.length = this.#buffer.writeBigInt64LE(value, this.length);
  }

  double(value: number): void {
    this.#reserve(8);
    this.length = this.#buffer.writeDoubleLE(value, this.length);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.length);
    this.length += value.length;
  }

  /** The text in UTF-8. Gives the number of its bytes. */
  text(text: string): number {
    this.#reserve(text.length <= SHORT_TEXT ? text.length * 3 : Buffer.byteLength(text));
    const count = this.#buffer.write(text, this.length);
    this.length += count;
    return count;
  }

  /** The text's length in 4 bytes, and the text. Gives the number of its bytes without the length. */
  sizedText(text: string): number {
    const at = this.length;
    this.int32(0);
    const count = this.text(text);
    this.#buffer.writeInt32LE(count, at);
    return count;
  }

  /** The bytes' number in 4 bytes, and the bytes that the hex digits stand for. */
  sizedHex(hex: string): void {
    const count = hex.length >> 1;
    this.int32(count);
    this.#reserve(count);
    const written = this.#buffer.write(hex, this.length, 'hex');
    assert(written === count && hex.length % 2 === 0, 'bytes are not in hex');
    this.length += count;
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }
}
