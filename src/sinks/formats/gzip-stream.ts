import {createGzip, type Gzip} from 'node:zlib';
import {GZIP_LEVEL} from './gzip-level.ts';

const CHUNK_BYTES = 64 * 1024;

/** One gzip member, compressed on one of zlib's threads while the next block is made. */
export class GzipStream {
  readonly #gzip: Gzip = createGzip({level: GZIP_LEVEL, chunkSize: CHUNK_BYTES});
  readonly #emitted: Promise<void>;
  #written: Promise<void> = Promise.resolve();

  constructor(emit: (bytes: Buffer) => Promise<void>) {
    this.#emitted = this.#pump(emit);
    // Heard by whoever writes next, or ends the stream; not before.
    this.#emitted.catch(() => undefined);
  }

  /** Takes a block, which it keeps, once the one before is done with. */
  async write(block: Buffer): Promise<void> {
    await this.#done();
    this.#written = new Promise((resolve) => {
      // An error here is that of the stream, which `#emitted` tells.
      this.#gzip.write(block, () => resolve());
    });
  }

  async end(): Promise<void> {
    await this.#done();
    this.#gzip.end();
    await this.#emitted;
  }

  #done(): Promise<void> {
    return Promise.race([this.#emitted, this.#written]);
  }

  async #pump(emit: (bytes: Buffer) => Promise<void>): Promise<void> {
    for await (const chunk of this.#gzip) await emit(chunk as Buffer);
  }
}
