import fc from 'fast-check';
import {expect, test} from 'vitest';
import {columnText} from '../../src/core/column-text.ts';
import type {ColumnType} from '../../src/core/shape.ts';

const READABLE: readonly [ColumnType, string, string | null][] = [
  ['text', '"a\\"\\u00e9"', 'a"é'],
  ['text', '""', ''],
  ['text', '0.600000', '0.600000'],
  ['text', 'true', 'true'],
  ['text', 'null', null],
  ['integer', '-2147483648', '-2147483648'],
  ['integer', '"2147483647"', '2147483647'],
  ['integer', '1.5e1', '15'],
  ['integer', '-0.0', '0'],
  ['bigint', '9223372036854775807', '9223372036854775807'],
  ['bigint', '"-9223372036854775808"', '-9223372036854775808'],
  ['double', '0.98046875', '0.98046875'],
  ['double', '"NaN"', 'NaN'],
  ['double', '"-Infinity"', '-Infinity'],
  ['double', '0e-999', '0e-999'],
  ['double', '5e-324', '5e-324'],
  ['boolean', 'false', 'false'],
  ['timestamp', '"2024-05-01T02:00:00.1234569+02:00"', '2024-05-01T00:00:00.123456Z'],
  ['json', '{"a":"null"}', '{"a":"null"}'],
  ['json', 'null', null],
  ['text[]', '[]', '{}'],
  ['text[]', '["a","NULL","","b\\\\\\"c","{,}"]', '{"a","NULL","","b\\\\\\"c","{,}"}'],
];

const UNREADABLE: readonly [ColumnType, string][] = [
  ['text', '{"a":1}'],
  ['text', '["a"]'],
  ['text', 'nil'],
  ['integer', '2147483648'],
  ['integer', '-2147483649'],
  ['integer', '1.5'],
  ['integer', '"CONN_THROTTLED"'],
  ['integer', '""'],
  ['integer', 'true'],
  ['bigint', '9223372036854775808'],
  ['bigint', '1e400'],
  ['bigint', '123456789012345678901234567890'],
  ['double', '1e400'],
  ['double', '1e-400'],
  ['double', 'NaN'],
  ['double', '"nan"'],
  ['double', '01'],
  ['boolean', '"true"'],
  ['boolean', '1'],
  ['timestamp', '"2024-02-30T00:00:00Z"'],
  ['timestamp', '1700000000'],
  ['text[]', '"a"'],
  ['text[]', '["a",1]'],
  ['text[]', '[null]'],
  ['text[]', '["a" "b"]'],
];

test.each(READABLE)('a column of type %s reads %s as %s', (type, json, text) => {
  expect(columnText(type, json)).toBe(text);
});

test.each(UNREADABLE)('a column of type %s does not take %s', (type, json) => {
  expect(columnText(type, json)).toBeUndefined();
});

test('a timestamp column is never later than the record', () => {
  fc.assert(
    fc.property(fc.integer({min: 0, max: 999_999_999}), (nanos) => {
      const fraction = String(nanos).padStart(9, '0');
      expect(columnText('timestamp', `"2024-05-01T00:00:59.${fraction}Z"`)).toBe(
        `2024-05-01T00:00:59.${fraction.slice(0, 6)}Z`,
      );
    }),
  );
});
