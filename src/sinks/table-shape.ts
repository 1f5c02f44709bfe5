import type {ColumnType} from '../core/shape.ts';

/** Type of a column of a replicated table: those of the catalogue, and what our own columns need. */
export type FieldType = ColumnType | 'uuid' | 'bytes';

/** One column of a stream's table as sinks get it, in the order of the table. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** Never null in any row. */
  readonly isRequired: boolean;
  /** Fixed number of the field within its stream, from 1; never given again to another. For Parquet's field_id. */
  readonly id: number;
}

export type Operation = 'insert' | 'update' | 'delete';

/**
 * A row that a sink has yet to apply. `values` are in the order of the fields, each as Postgres writes it as text with
 * TimeZone UTC, DateStyle ISO and bytea_output hex: `2024-03-01 09:15:42.123456+00`, `t`, `{a,"b c"}`, `\x01ab`; null
 * for SQL null.
 */
export interface Change {
  readonly op: Operation;
  readonly values: readonly (string | null)[];
}

/** What a version of a record has behind the fields of its table. The last one numbers the versions of a store. */
export const VERSION_FIELDS: readonly Omit<Field, 'id'>[] = [
  {name: '_sync_valid_from', type: 'timestamp', isRequired: true},
  {name: '_sync_valid_to', type: 'timestamp', isRequired: false},
  {name: '_sync_op', type: 'text', isRequired: true},
  {name: '_sync_version', type: 'bigint', isRequired: true},
];
