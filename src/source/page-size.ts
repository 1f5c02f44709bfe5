import {assert} from '../core/errors.ts';

/** A page over this is asked for smaller: its bytes are held several times while it is read (facts-speed.md, section 7). */
export const LARGE_PAGE_BYTES = 4 * 1024 * 1024;

/** Good pages in a row before a larger size is tried again; doubled whenever a size is refused. */
const GOOD_PAGES_BEFORE_RAISE = 8;
const MAX_GOOD_PAGES_BEFORE_RAISE = 1024;

/**
 * Sizes a page can have, the wanted one first: each is the largest divisor of the one before, so that a place that
 * can be reached with one size can be reached with all smaller ones.
 * @example sizesBelow(1000) // [1000, 500, 250, 125, 25, 5, 1]
 */
export function sizesBelow(wanted: number): number[] {
  const sizes = [wanted];
  for (let size = wanted; size > 1;) {
    let divisor = 2;
    while (size % divisor !== 0) divisor += 1;
    size /= divisor;
    sizes.push(size);
  }
  return sizes;
}

/** With larger prime factors there would be no size between the wanted one and very small ones. */
const LARGEST_PRIME_FACTOR = 7;

/** The wanted size, or the next below it that can be made smaller in small steps (997 is prime: 980). */
export function divisibleSize(wanted: number): number {
  for (let size = wanted; ; size--) {
    const sizes = sizesBelow(size);
    if (sizes.every((larger, i) => larger / (sizes[i + 1] ?? larger) <= LARGEST_PRIME_FACTOR)) return size;
  }
}

/** How many records to ask for: fewer after a refusal or a page of many bytes, more again after good pages. */
export class PageSizer {
  readonly #sizes: readonly number[];
  #level: number;
  #goodPages = 0;
  #raiseAfter = GOOD_PAGES_BEFORE_RAISE;

  /** @param startAt begin with no more than this, as a reading did that is being resumed */
  constructor(wanted: number, startAt: number = wanted) {
    assert(Number.isInteger(wanted) && wanted > 0, 'a page size is a whole number over 0', {page_size: wanted});
    this.#sizes = sizesBelow(divisibleSize(wanted));
    this.#level = Math.max(
      0,
      this.#sizes.findIndex((size) => size <= startAt),
    );
  }

  /** Present size, wherever. */
  get size(): number {
    return this.#sizes[this.#level]!;
  }

  /** Size of the page that begins at `offset`: numbered pages begin at multiples of their size. */
  sizeAt(offset: number): number {
    return this.#sizes.find((size, level) => level >= this.#level && offset % size === 0) ?? 1;
  }

  /** A page of `size` was too large for the server: the next smaller size, or null when there is none. */
  refused(size: number): number | null {
    const level = this.#sizes.indexOf(size) + 1;
    const smaller = this.#sizes[level];
    if (smaller === undefined) return null;
    this.#level = Math.max(this.#level, level);
    this.#goodPages = 0;
    this.#raiseAfter = Math.min(this.#raiseAfter * 2, MAX_GOOD_PAGES_BEFORE_RAISE);
    return smaller;
  }

  /** A page of `size` came with `count` records in `bytes`. */
  accepted(size: number, count: number, bytes: number): void {
    if (count === 0 || size > this.size) return;
    const bytesPerRecord = bytes / count;
    if (bytes > LARGE_PAGE_BYTES) {
      const fits = this.#sizes.findIndex((smaller) => smaller < size && smaller * bytesPerRecord <= LARGE_PAGE_BYTES);
      this.#level = Math.max(this.#level, fits < 0 ? this.#sizes.length - 1 : fits);
      this.#goodPages = 0;
      return;
    }
    const larger = this.#sizes[this.#level - 1];
    this.#goodPages += 1;
    if (larger === undefined || this.#goodPages < this.#raiseAfter || larger * bytesPerRecord > LARGE_PAGE_BYTES)
      return;
    this.#level -= 1;
    this.#goodPages = 0;
  }
}
