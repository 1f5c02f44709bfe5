import type {ColumnMetaData, Encoding} from 'hyparquet';
import {BugError} from '../../core/errors.ts';
import {
  dataPageBody,
  dataPageHeader,
  dictionaryIndexes,
  dictionaryPageHeader,
  packedBits,
  type DataPage,
} from './data-page.ts';
import {Dictionary} from './dictionary.ts';
import {GrowingBytes} from './growing-bytes.ts';
import type {PageCompressor} from './page-compressor.ts';
import type {Column} from './parquet-schema.ts';
import type {PlainValues} from './plain-values.ts';
import {textArray} from './postgres-text.ts';

type PageEncodingStats = NonNullable<ColumnMetaData['encoding_stats']>[number];

const PAGE_BYTES = 1024 * 1024;

interface Page extends DataPage {
  readonly size: number;
  readonly compressed: Promise<Buffer>;
}

/** A column chunk ready to be put into the file; offsets in `meta` count from the chunk's first byte. */
export interface FinishedChunk {
  readonly bytes: Buffer;
  readonly meta: ColumnMetaData;
}

/**
 * Values of one column in one row group. Pages are compressed as they fill, so that memory holds no more of the rows
 * than what the pages come to and one open page a column.
 */
export class ColumnChunk {
  readonly #column: Column;
  readonly #compressor: PageCompressor;
  readonly #plain: PlainValues;
  readonly #values = new GrowingBytes();
  readonly #definition = new GrowingBytes();
  readonly #repetition = new GrowingBytes();
  readonly #maxDefinition: number;
  readonly #pages: Page[] = [];
  /** Set while values are written as numbers of its entries. */
  #dictionary: Dictionary | null;
  /** The one that pages refer to, if any does. */
  #usedDictionary: Dictionary | null = null;
  #pageValues = 0;
  #valueCount = 0;
  #nullCount = 0;

  constructor(column: Column, compressor: PageCompressor) {
    this.#column = column;
    this.#compressor = compressor;
    this.#plain = column.storage.values();
    this.#dictionary = column.storage.hasDictionary ? new Dictionary(this.#plain) : null;
    this.#maxDefinition = (column.isRequired ? 0 : 1) + (column.isList ? 2 : 0);
  }

  /** Takes the column's value of the next row. Gives the bytes that it comes to without compression. */
  append(text: string | null): number {
    if (text === null && this.#column.isRequired) {
      throw new BugError('a column that is never null is null', {context: {column: this.#column.name}});
    }
    const bytes = this.#column.isList ? this.#list(text) : this.#slot(text, 0, 0);
    // Here and not for each element, because no row may be cut in two.
    if (this.#dictionary?.isOverfull === true) this.#leaveDictionary();
    if (this.#values.length >= PAGE_BYTES) this.#endPage();
    return bytes;
  }

  /** Compresses what is left. */
  async finish(): Promise<FinishedChunk> {
    const {path, storage} = this.#column;
    if (this.#dictionary?.isWorthIt === false) this.#leaveDictionary();
    if (this.#pageValues > 0) this.#endPage();
    const pieces = await this.#dictionaryPage();
    const dictionaryBytes = lengthOf(pieces);
    let uncompressed = this.#usedDictionary === null ? 0 : pieces[0]!.length + this.#usedDictionary.bytes.length;
    for (const page of this.#pages) {
      const body = await page.compressed;
      const header = dataPageHeader(page, page.size, body.length);
      pieces.push(header, body);
      uncompressed += header.length + page.size;
    }
    const bytes = Buffer.concat(pieces);
    const meta: ColumnMetaData = {
      type: storage.physical,
      encodings: [...new Set<Encoding>(['RLE', 'PLAIN', ...this.#pages.map(({encoding}) => encoding)])],
      path_in_schema: [...path],
      codec: 'GZIP',
      num_values: BigInt(this.#valueCount),
      total_uncompressed_size: BigInt(uncompressed),
      total_compressed_size: BigInt(bytes.length),
      data_page_offset: BigInt(dictionaryBytes),
      statistics: this.#plain.bounds?.statistics(this.#nullCount) ?? {null_count: BigInt(this.#nullCount)},
      encoding_stats: this.#encodingStats(),
    };
    return {bytes, meta: this.#usedDictionary === null ? meta : {...meta, dictionary_page_offset: 0n}};
  }

  // Levels of an optional list: 0 null, 1 empty, 2 null element, 3 element; of a required one, one less.
  #list(text: string | null): number {
    if (text === null) return this.#slot(null, 0, 0);
    const elements = textArray(text);
    if (elements.length === 0) return this.#slot(null, this.#maxDefinition - 2, 0);
    return elements.reduce((sum, element, i) => sum + this.#slot(element, this.#maxDefinition - 1, i === 0 ? 0 : 1), 0);
  }

  #slot(text: string | null, nullLevel: number, repetition: number): number {
    if (this.#maxDefinition > 0) this.#definition.byte(text === null ? nullLevel : this.#maxDefinition);
    if (this.#column.isList) this.#repetition.byte(repetition);
    this.#pageValues++;
    if (text === null) {
      this.#nullCount++;
      return 1;
    }
    if (this.#dictionary === null) {
      const before = this.#values.length;
      this.#plain.write(this.#values, text);
      return this.#values.length - before;
    }
    return this.#dictionary.add(text);
  }

  /** What the page has so far is kept as numbers where that pays, else written out; what follows is written out. */
  #leaveDictionary(): void {
    if (this.#dictionary?.isWorthIt === true) this.#endPage();
    else this.#dictionary?.expand(this.#values);
    this.#dictionary = null;
  }

  #endPage(): void {
    const levels = {
      definition: this.#definition.view(),
      maxDefinition: this.#maxDefinition,
      repetition: this.#repetition.view(),
      maxRepetition: this.#column.isList ? 1 : 0,
    };
    const body = dataPageBody(levels, this.#pageBytes());
    const encoding = this.#dictionary === null ? 'PLAIN' : 'RLE_DICTIONARY';
    this.#usedDictionary ??= this.#dictionary;
    const compressed = this.#compressor.compress(body);
    this.#pages.push({valueCount: this.#pageValues, encoding, size: body.length, compressed});
    this.#valueCount += this.#pageValues;
    this.#pageValues = 0;
    for (const bytes of [this.#values, this.#definition, this.#repetition]) bytes.clear();
  }

  #pageBytes(): Uint8Array[] {
    if (this.#dictionary !== null) return dictionaryIndexes(this.#dictionary.indexes, this.#dictionary.entryCount);
    const values = this.#values.view();
    return [this.#column.storage.physical === 'BOOLEAN' ? packedBits(values) : values];
  }

  async #dictionaryPage(): Promise<Buffer[]> {
    if (this.#usedDictionary === null) return [];
    const {bytes, entryCount} = this.#usedDictionary;
    const compressed = await this.#compressor.compress(bytes);
    return [dictionaryPageHeader(entryCount, bytes.length, compressed.length), compressed];
  }

  #encodingStats(): PageEncodingStats[] {
    const stats = new Map<Encoding, PageEncodingStats>();
    for (const {encoding} of this.#pages) {
      stats.set(encoding, {page_type: 'DATA_PAGE', encoding, count: (stats.get(encoding)?.count ?? 0) + 1});
    }
    const dictionary: PageEncodingStats = {page_type: 'DICTIONARY_PAGE', encoding: 'PLAIN', count: 1};
    return this.#usedDictionary === null ? [...stats.values()] : [dictionary, ...stats.values()];
  }
}

function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, {length}) => sum + length, 0);
}
