import type {FieldType} from '../table-shape.ts';
import {ParquetPart} from './parquet-part.ts';
import {OP_COLUMN, type PartFormat} from './part-format.ts';

const TYPE_NAMES: Readonly<Record<FieldType, string>> = {
  text: 'string',
  uuid: 'string',
  integer: 'int32',
  bigint: 'int64',
  double: 'double',
  boolean: 'boolean',
  timestamp: 'timestamp',
  json: 'json',
  'text[]': 'list<string>',
  bytes: 'binary',
};

/**
 * Apache Parquet with data pages of version 1 and GZIP, which every reader knows. Timestamps are microseconds in UTC;
 * columns carry field ids, elements of lists 10000 more than their column, `_sync_op` 9999.
 */
export const parquet: PartFormat = {
  extension: 'parquet',
  schema: (fields) => [
    ...fields.map(({name, type}) => ({name, type: TYPE_NAMES[type]})),
    {name: OP_COLUMN, type: TYPE_NAMES.text},
  ],
  open: (fields, emit) => new ParquetPart(fields, emit),
};
