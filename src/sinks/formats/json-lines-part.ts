import type {Change, Field} from '../table-shape.ts';
import {GrowingBytes} from './growing-bytes.ts';
import {GzipStream} from './gzip-stream.ts';
import {jsonLineOf} from './json-line.ts';
import type {PartWriter} from './part-format.ts';

/** Handed to the compressor at once; counted in whole lines, so that the bytes do not depend on how rows come. */
const BLOCK_BYTES = 512 * 1024;

/** Writes one file of JSON lines in one gzip member. */
export class JsonLinesPart implements PartWriter {
  readonly #lineOf: (change: Change) => string;
  readonly #stream: GzipStream;
  readonly #block = new GrowingBytes();
  uncompressedBytes = 0;
  rows = 0;

  constructor(fields: readonly Field[], emit: (bytes: Buffer) => Promise<void>) {
    this.#lineOf = jsonLineOf(fields);
    this.#stream = new GzipStream(emit);
  }

  async write(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      this.uncompressedBytes += this.#block.text(this.#lineOf(change));
      this.rows++;
      if (this.#block.length >= BLOCK_BYTES) await this.#endBlock();
    }
  }

  async finish(): Promise<void> {
    await this.#endBlock();
    await this.#stream.end();
  }

  async #endBlock(): Promise<void> {
    const block = Buffer.from(this.#block.view());
    this.#block.clear();
    if (block.length > 0) await this.#stream.write(block);
  }
}
