import {assert, BugError} from '../../core/errors.ts';
import type {Change, Field, FieldType} from '../table-shape.ts';
import {OP_COLUMN} from './part-format.ts';
import {booleanOf, hexOf, isoTimestamp, textArray} from './postgres-text.ts';

/** JSON of Postgres' text of each type. Numbers and documents pass as they are, so that no digit is lost. */
const JSON_OF: Readonly<Record<FieldType, (text: string) => string>> = {
  text: (text) => JSON.stringify(text),
  uuid: (text) => `"${text}"`,
  integer: (text) => text,
  bigint: (text) => text,
  // JSON has no word for these three.
  double: (text) => (text === 'NaN' || text.endsWith('Infinity') ? `"${text}"` : text),
  boolean: (text) => String(booleanOf(text)),
  timestamp: (text) => `"${isoTimestamp(text)}"`,
  // jsonb, whose text has no line break.
  json: (text) => text,
  'text[]': (text) => JSON.stringify(textArray(text)),
  bytes: (text) => `"${hexOf(text)}"`,
};

/** Gives a change as one line of JSON: the columns in their order, nulls too, `_sync_op` last. */
export function jsonLineOf(fields: readonly Field[]): (change: Change) => string {
  const columns = fields.map(({name, type, isRequired}, i) => ({
    name,
    isRequired,
    label: `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`,
    jsonOf: JSON_OF[type],
  }));
  const opLabel = `${columns.length === 0 ? '{' : ','}"${OP_COLUMN}":`;
  return ({op, values}) => {
    assert(values.length === columns.length, 'a change has not the columns of its table');
    let line = '';
    for (let i = 0; i < columns.length; i++) {
      const {name, label, jsonOf, isRequired} = columns[i]!;
      const text = values[i]!;
      if (text === null && isRequired) {
        throw new BugError('a column that is never null is null', {context: {column: name}});
      }
      line += label + (text === null ? 'null' : jsonOf(text));
    }
    return `${line}${opLabel}"${op}"}\n`;
  };
}
