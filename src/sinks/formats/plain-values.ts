import type {ParquetType} from 'hyparquet';
import {assert} from '../../core/errors.ts';
import type {FieldType} from '../table-shape.ts';
import {NumberBounds, TextBounds, type Bounds} from './bounds.ts';
import type {GrowingBytes} from './growing-bytes.ts';
import {booleanOf, doubleOf, hexOf, timestampMicros} from './postgres-text.ts';

/** Writes Postgres' texts of one column in Parquet's PLAIN encoding, and watches their bounds. */
export interface PlainValues {
  readonly bounds: Bounds | null;
  write(into: GrowingBytes, text: string): void;
}

/** How values of a type are stored. Source: apache/parquet-format, Encodings.md and LogicalTypes.md. */
export interface Storage {
  readonly physical: ParquetType;
  /** Is it worth looking for values that come again? */
  readonly hasDictionary: boolean;
  /** For one column chunk. */
  values(): PlainValues;
}

const text: Storage = {
  physical: 'BYTE_ARRAY',
  hasDictionary: true,
  values: () => {
    const bounds = new TextBounds();
    return {bounds, write: (into, value) => bounds.see(value, into.sizedText(value) === value.length)};
  },
};

const numeric = (
  physical: ParquetType,
  hasDictionary: boolean,
  write: (into: GrowingBytes, text: string) => number | bigint | boolean,
): Storage => ({
  physical,
  hasDictionary,
  values: () => {
    const bounds = new NumberBounds();
    return {bounds, write: (into, value) => bounds.see(write(into, value))};
  },
});

const unbounded = (write: (into: GrowingBytes, text: string) => void): Storage => ({
  physical: 'BYTE_ARRAY',
  hasDictionary: false,
  values: () => ({bounds: null, write}),
});

/**
 * JSON has no bounds: nobody looks for a document by them, and cut short they would be none. Nor have hashes, nor
 * elements of lists, which no reader skips by.
 */
export const STORAGE: Readonly<Record<FieldType, Storage>> = {
  text,
  uuid: text,
  integer: numeric('INT32', true, (into, value) => {
    const number = Number(value);
    assert(Number.isInteger(number), 'an integer is no whole number');
    into.int32(number);
    return number;
  }),
  bigint: numeric('INT64', true, (into, value) => int64(into, BigInt(value))),
  timestamp: numeric('INT64', true, (into, value) => int64(into, timestampMicros(value))),
  double: numeric('DOUBLE', true, (into, value) => {
    const number = doubleOf(value);
    into.double(number);
    return number;
  }),
  // A byte each here; pages pack them.
  boolean: numeric('BOOLEAN', false, (into, value) => {
    const flag = booleanOf(value);
    into.byte(flag ? 1 : 0);
    return flag;
  }),
  json: unbounded((into, value) => into.sizedText(value)),
  bytes: unbounded((into, value) => into.sizedHex(hexOf(value))),
  'text[]': {...unbounded((into, value) => into.sizedText(value)), hasDictionary: true},
};

function int64(into: GrowingBytes, value: bigint): bigint {
  into.int64(value);
  return value;
}
