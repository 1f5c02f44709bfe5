import type {SchemaElement} from 'hyparquet';
import type {Field, FieldType} from '../table-shape.ts';
import {OP_COLUMN} from './part-format.ts';
import {STORAGE, type Storage} from './plain-values.ts';

/** Ids beyond those of any field: of `_sync_op`, and of the elements of the list whose own id is added. */
const OP_FIELD_ID = 9_999;
const ELEMENT_ID = 10_000;

/** One column of a file as its pages need it. */
export interface Column {
  readonly name: string;
  /** Names from the root to the values. */
  readonly path: readonly string[];
  readonly isRequired: boolean;
  readonly isList: boolean;
  readonly storage: Storage;
}

const LOGICAL: Readonly<Record<Exclude<FieldType, 'text[]'>, Partial<SchemaElement>>> = {
  text: {converted_type: 'UTF8', logical_type: {type: 'STRING'}},
  uuid: {converted_type: 'UTF8', logical_type: {type: 'STRING'}},
  json: {converted_type: 'JSON', logical_type: {type: 'JSON'}},
  // Both: by the converted type alone DuckDB takes it for a time without zone (facts-s3.md, section 4).
  timestamp: {
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: {type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS'},
  },
  integer: {},
  bigint: {},
  double: {},
  boolean: {},
  bytes: {},
};

const OP_FIELD: Field = {name: OP_COLUMN, type: 'text', isRequired: true, id: OP_FIELD_ID};

/** The schema of a file in the flat form of its footer, the root first. */
export function parquetSchema(fields: readonly Field[]): SchemaElement[] {
  const all = [...fields, OP_FIELD];
  return [{name: 'schema', num_children: all.length}, ...all.flatMap(elements)];
}

/** The file's columns in their order, `_sync_op` last. */
export function parquetColumns(fields: readonly Field[]): Column[] {
  return [...fields, OP_FIELD].map(({name, type, isRequired}) => {
    const isList = type === 'text[]';
    return {name, path: isList ? [name, 'list', 'element'] : [name], isRequired, isList, storage: STORAGE[type]};
  });
}

function elements({name, type, isRequired, id}: Field): SchemaElement[] {
  const own: SchemaElement = {name, repetition_type: isRequired ? 'REQUIRED' : 'OPTIONAL', field_id: id};
  if (type !== 'text[]') return [{...own, type: STORAGE[type].physical, ...LOGICAL[type]}];
  return [
    {...own, num_children: 1, converted_type: 'LIST', logical_type: {type: 'LIST'}},
    {name: 'list', repetition_type: 'REPEATED', num_children: 1},
    {
      name: 'element',
      type: STORAGE[type].physical,
      repetition_type: 'OPTIONAL',
      field_id: ELEMENT_ID + id,
      ...LOGICAL.text,
    },
  ];
}
