import type {Change, Field} from '../table-shape.ts';

/** Name of the column that part files have after those of the table: what happened to the row. */
export const OP_COLUMN = '_sync_op';

/** One line of a manifest's schema list. */
export interface SchemaEntry {
  readonly name: string;
  readonly type: string;
}

/**
 * A format of part files. The bytes are a pure function of fields and changes and of the versions of what writes them
 * (ours, hyparquet-writer's, zlib's), however the changes are portioned, so that two publishers of one run write the
 * same objects.
 */
export interface PartFormat {
  readonly extension: 'parquet' | 'jsonl.gz';
  /** Names and types of the columns as the manifest tells them, `_sync_op` last. */
  schema(fields: readonly Field[]): readonly SchemaEntry[];
  /**
   * Begins a part file. `emit` gets its bytes in order and one call at a time, may keep each buffer, and slows the
   * writer down by its promise.
   */
  open(fields: readonly Field[], emit: (bytes: Buffer) => Promise<void>): PartWriter;
}

/** A part file being written. Calls must not overlap, and after one that threw there is no use for it any more. */
export interface PartWriter {
  /** Uncompressed bytes so far, to decide when a part is full. */
  readonly uncompressedBytes: number;
  readonly rows: number;
  write(changes: readonly Change[]): Promise<void>;
  /** Writes what is left and the footer; the file is whole when it has resolved. */
  finish(): Promise<void>;
}
