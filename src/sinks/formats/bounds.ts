import type {Statistics} from 'hyparquet';

/** Smallest and largest of a column chunk's values, by which readers skip it. */
export type Bounds = NumberBounds | TextBounds;

type NumberValue = number | bigint | boolean;

/** Of numbers, all of one type; NaN does not count (parquet.thrift, Statistics). */
export class NumberBounds {
  #min: NumberValue | undefined;
  #max: NumberValue | undefined;

  see(value: NumberValue): void {
    if (Number.isNaN(value)) return;
    if (this.#min === undefined || value < this.#min) this.#min = value;
    if (this.#max === undefined || value > this.#max) this.#max = value;
  }

  statistics(nullCount: number): Statistics {
    return statisticsOf(nullCount, zero(this.#min, -0), zero(this.#max, 0));
  }
}

/**
 * Of texts, in the order of their UTF-8, which that of UTF-16 is not beyond U+FFFF. `isAscii` spares most columns the
 * slow comparison.
 */
export class TextBounds {
  #min: string | undefined;
  #max: string | undefined;
  #isAscii = true;

  see(value: string, isAscii: boolean): void {
    if (!isAscii) this.#isAscii = false;
    if (this.#min === undefined || this.#isBefore(value, this.#min)) this.#min = value;
    if (this.#max === undefined || this.#isBefore(this.#max, value)) this.#max = value;
  }

  statistics(nullCount: number): Statistics {
    return statisticsOf(nullCount, this.#min, this.#max);
  }

  #isBefore(a: string, b: string): boolean {
    return this.#isAscii ? a < b : Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  }
}

function statisticsOf(nullCount: number, min: Statistics['min_value'], max: Statistics['max_value']): Statistics {
  const nulls: Statistics = {null_count: BigInt(nullCount)};
  return min === undefined || max === undefined ? nulls : {...nulls, min_value: min, max_value: max};
}

// parquet.thrift: a bound that is zero is written as -0.0 for the least and +0.0 for the largest.
function zero<T>(value: T, signed: number): T | number {
  return value === 0 ? signed : value;
}
