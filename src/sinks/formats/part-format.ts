import type {Change, Field} from '../table-shape.ts';

/** A format of part files. */
export interface PartFormat {
  readonly extension: 'parquet' | 'jsonl.gz';
  /** Names and types of the columns as the manifest tells them, `_sync_op` last. */
  schema(fields: readonly Field[]): readonly {readonly name: string; readonly type: string}[];
  /** Begins a part file. */
  open(fields: readonly Field[], emit: (bytes: Buffer) => Promise<void>): PartWriter;
}

export interface PartWriter {
  /** Uncompressed bytes so far, to decide when a part is full. */
  readonly uncompressedBytes: number;
  readonly rows: number;
  write(changes: readonly Change[]): Promise<void>;
  /** Writes what is left and the footer. */
  finish(): Promise<void>;
}
