import {GrowingBytes} from './growing-bytes.ts';
import type {PlainValues} from './plain-values.ts';

/** A dictionary is read whole before any value of its chunk: kept to the size of a page, as parquet-mr does. */
const MAX_BYTES = 1024 * 1024;
const MAX_ENTRIES = 32_768;
/** Entries after which a column must have shown that its values come again. */
const TRIAL_ENTRIES = 2_048;

/** The distinct values of a column chunk, and which of them the current page's values are. */
export class Dictionary {
  readonly #plain: PlainValues;
  readonly #entries = new Map<string, number>();
  readonly #bytes = new GrowingBytes();
  /** Where each entry begins, and where the last one ends. */
  readonly #starts = [0];
  #valueCount = 0;
  readonly indexes: number[] = [];

  constructor(plain: PlainValues) {
    this.#plain = plain;
  }

  get entryCount(): number {
    return this.#entries.size;
  }

  /** Entries in PLAIN encoding. */
  get bytes(): Buffer {
    return this.#bytes.view();
  }

  /** Gives the bytes that the value would have taken by itself. */
  add(text: string): number {
    let index = this.#entries.get(text);
    if (index === undefined) {
      index = this.#entries.size;
      this.#plain.write(this.#bytes, text);
      this.#entries.set(text, index);
      this.#starts.push(this.#bytes.length);
    }
    this.indexes.push(index);
    this.#valueCount++;
    return this.#starts[index + 1]! - this.#starts[index]!;
  }

  /** Does it cost more than it saves, or grow too large? */
  get isOverfull(): boolean {
    const {size} = this.#entries;
    return this.#bytes.length > MAX_BYTES || size >= MAX_ENTRIES || (size >= TRIAL_ENTRIES && !this.isWorthIt);
  }

  get isWorthIt(): boolean {
    return this.#valueCount > 0 && this.#entries.size * 2 <= this.#valueCount;
  }

  /** The current page's values, written out. */
  expand(into: GrowingBytes): void {
    for (const index of this.indexes) into.bytes(this.#bytes.view(this.#starts[index], this.#starts[index + 1]));
  }
}
