import type {FieldType} from '../table-shape.ts';
import {JsonLinesPart} from './json-lines-part.ts';
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
  bytes: 'hex',
};

/**
 * One JSON object a line, gzip. 64-bit integers are bare digits, timestamps ISO 8601 in UTC with six digits, bytes
 * hex, NaN and the infinities strings; json columns are JSON itself.
 */
export const jsonLines: PartFormat = {
  extension: 'jsonl.gz',
  schema: (fields) => [
    ...fields.map(({name, type}) => ({name, type: TYPE_NAMES[type]})),
    {name: OP_COLUMN, type: TYPE_NAMES.text},
  ],
  open: (fields, emit) => new JsonLinesPart(fields, emit),
};
