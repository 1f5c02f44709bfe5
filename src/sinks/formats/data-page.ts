import {ByteWriter} from 'hyparquet-writer/src/bytewriter.js';
import {writePageHeader} from 'hyparquet-writer/src/datapage.js';
import {writeRleBitPackedHybrid} from 'hyparquet-writer/src/encoding.js';
import type {Encoding, PageHeader} from 'hyparquet';

// hyparquet-writer itself writes data pages of version 2 alone, which Snowflake is said not to read
// (apache/iceberg-go#812); those of version 1 are read by all. Source: apache/parquet-format, README and Encodings.md.

/** Levels of the values of a page: how deep each is defined, and at which depth it repeats; empty where always 0. */
export interface Levels {
  readonly definition: Uint8Array;
  readonly maxDefinition: number;
  readonly repetition: Uint8Array;
  readonly maxRepetition: number;
}

export type DataPage = {readonly valueCount: number; readonly encoding: Encoding};

/** Body of a data page, not compressed: levels, then values. */
export function dataPageBody(levels: Levels, values: readonly Uint8Array[]): Buffer {
  const {definition, maxDefinition, repetition, maxRepetition} = levels;
  return Buffer.concat([...levelBytes(repetition, maxRepetition), ...levelBytes(definition, maxDefinition), ...values]);
}

function levelBytes(levels: Uint8Array, max: number): Uint8Array[] {
  if (max === 0) return [];
  const hybrid = rleHybrid(levels, bitWidth(max));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(hybrid.length);
  return [length, hybrid];
}

/** Values of a page that are numbers of dictionary entries, of which there are `entryCount` at most. */
export function dictionaryIndexes(indexes: readonly number[], entryCount: number): Uint8Array[] {
  const width = bitWidth(entryCount - 1);
  return [Uint8Array.of(width), rleHybrid(indexes, width)];
}

/** Bits of flags that hold a byte each, the first in the lowest bit. */
export function packedBits(flags: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(flags.length / 8));
  flags.forEach((flag, i) => {
    packed[i >> 3]! |= flag << (i & 7);
  });
  return packed;
}

export function dataPageHeader({valueCount, encoding}: DataPage, size: number, compressedSize: number): Buffer {
  return pageHeader({
    type: 'DATA_PAGE',
    uncompressed_page_size: size,
    compressed_page_size: compressedSize,
    data_page_header: {
      num_values: valueCount,
      encoding,
      definition_level_encoding: 'RLE',
      repetition_level_encoding: 'RLE',
    },
  });
}

export function dictionaryPageHeader(entryCount: number, size: number, compressedSize: number): Buffer {
  return pageHeader({
    type: 'DICTIONARY_PAGE',
    uncompressed_page_size: size,
    compressed_page_size: compressedSize,
    dictionary_page_header: {num_values: entryCount, encoding: 'PLAIN', is_sorted: false},
  });
}

function pageHeader(header: PageHeader): Buffer {
  const writer = new ByteWriter();
  writePageHeader(writer, header);
  return Buffer.from(writer.getBytes());
}

function rleHybrid(values: Uint8Array | readonly number[], width: number): Uint8Array {
  const writer = new ByteWriter();
  writeRleBitPackedHybrid(writer, values as number[] | Uint8Array, width);
  return writer.getBytes();
}

function bitWidth(max: number): number {
  return max <= 0 ? 0 : 32 - Math.clz32(max);
}
