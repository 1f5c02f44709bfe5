import {promisify} from 'node:util';
import {gzip} from 'node:zlib';
import {GZIP_LEVEL} from './gzip-level.ts';

const gzipped = promisify(gzip);

/** Pages that wait for compression hold at most this much, and one page more. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024;

/** Compresses pages on zlib's threads, so that the event loop goes on and the other core has its part. */
export class PageCompressor {
  readonly #pending = new Set<Promise<unknown>>();
  #pendingBytes = 0;

  compress(bytes: Buffer): Promise<Buffer> {
    this.#pendingBytes += bytes.length;
    const compressed = gzipped(bytes, {level: GZIP_LEVEL});
    // Errors are heard by the caller, who waits for `compressed` itself when the column chunk ends.
    const settle = (): void => {
      this.#pending.delete(settled);
      this.#pendingBytes -= bytes.length;
    };
    const settled: Promise<void> = compressed.then(settle, settle);
    this.#pending.add(settled);
    return compressed;
  }

  get isFull(): boolean {
    return this.#pendingBytes > MAX_PENDING_BYTES;
  }

  /** Resolves when there is room again. */
  async room(): Promise<void> {
    while (this.isFull) await Promise.race(this.#pending);
  }
}
