import {ByteWriter} from 'hyparquet-writer/src/bytewriter.js';
import {writeMetadata} from 'hyparquet-writer/src/metadata.js';
import type {ColumnChunk as ChunkMeta, RowGroup, SchemaElement} from 'hyparquet';
import {assert} from '../../core/errors.ts';
import type {Change, Field} from '../table-shape.ts';
import {ColumnChunk} from './column-chunk.ts';
import {PageCompressor} from './page-compressor.ts';
import {parquetColumns, parquetSchema, type Column} from './parquet-schema.ts';
import type {PartWriter} from './part-format.ts';

/** A row group is what readers skip, or read by one thread: 20,000 annotations of the usual size come to the bytes. */
const GROUP_ROWS = 50_000;
/** With the largest row on top, `raw` and a json column of `run.max_record_bytes` each, below 32 MiB. */
const GROUP_BYTES = 16 * 1024 * 1024;

const MAGIC = Buffer.from('PAR1');
const MAGIC_NUMBER = MAGIC.readUInt32LE();
/** In the form that parquet-mr can parse. The version is raised whenever other bytes come of the same rows. */
const CREATED_BY = 'clarifai-sync version 1';

/** Writes one Parquet file, a row group as soon as there are rows enough for one. */
export class ParquetPart implements PartWriter {
  readonly #schema: SchemaElement[];
  readonly #columns: readonly Column[];
  readonly #emit: (bytes: Buffer) => Promise<void>;
  readonly #compressor = new PageCompressor();
  readonly #groups: RowGroup[] = [];
  #chunks: ColumnChunk[];
  #groupRows = 0;
  #groupBytes = 0;
  #offset = 0;
  uncompressedBytes = 0;
  rows = 0;

  constructor(fields: readonly Field[], emit: (bytes: Buffer) => Promise<void>) {
    this.#schema = parquetSchema(fields);
    this.#columns = parquetColumns(fields);
    this.#emit = emit;
    this.#chunks = this.#newChunks();
  }

  async write(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      this.#append(change);
      if (this.#groupRows >= GROUP_ROWS || this.#groupBytes >= GROUP_BYTES) await this.#endGroup();
      else if (this.#compressor.isFull) await this.#compressor.room();
    }
  }

  async finish(): Promise<void> {
    if (this.#groupRows > 0) await this.#endGroup();
    if (this.#offset === 0) await this.#put(MAGIC);
    const footer = new ByteWriter();
    const metadata = {
      version: 1,
      created_by: CREATED_BY,
      schema: this.#schema,
      num_rows: BigInt(this.rows),
      row_groups: this.#groups,
      metadata_length: 0,
    };
    writeMetadata(footer, metadata);
    footer.appendUint32(MAGIC_NUMBER);
    await this.#put(Buffer.from(footer.getBytes()));
  }

  #append({op, values}: Change): void {
    const opAt = this.#columns.length - 1;
    assert(values.length === opAt, 'a change has not the columns of its table');
    let bytes = 0;
    for (let i = 0; i < opAt; i++) bytes += this.#chunks[i]!.append(values[i]!);
    bytes += this.#chunks[opAt]!.append(op);
    this.rows++;
    this.uncompressedBytes += bytes;
    this.#groupRows++;
    this.#groupBytes += bytes;
  }

  async #endGroup(): Promise<void> {
    if (this.#offset === 0) await this.#put(MAGIC);
    const begin = this.#offset;
    const columns: ChunkMeta[] = [];
    for (const {bytes, meta} of await Promise.all(this.#chunks.map((chunk) => chunk.finish()))) {
      const at = BigInt(this.#offset);
      const dictionary = meta.dictionary_page_offset;
      columns.push({
        file_offset: at,
        meta_data: {
          ...meta,
          data_page_offset: at + meta.data_page_offset,
          ...(dictionary === undefined ? {} : {dictionary_page_offset: at + dictionary}),
        },
      });
      await this.#put(bytes);
    }
    this.#groups.push({
      columns,
      total_byte_size: columns.reduce((sum, {meta_data}) => sum + (meta_data?.total_uncompressed_size ?? 0n), 0n),
      num_rows: BigInt(this.#groupRows),
      file_offset: BigInt(begin),
      total_compressed_size: BigInt(this.#offset - begin),
    });
    this.#chunks = this.#newChunks();
    this.#groupRows = 0;
    this.#groupBytes = 0;
  }

  #newChunks(): ColumnChunk[] {
    return this.#columns.map((column) => new ColumnChunk(column, this.#compressor));
  }

  async #put(bytes: Buffer): Promise<void> {
    this.#offset += bytes.length;
    await this.#emit(bytes);
  }
}
