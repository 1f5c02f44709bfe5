import fc from 'fast-check';
import {expect, test} from 'vitest';
import {doubleOf, isoTimestamp, textArray, timestampMicros} from '../../src/sinks/formats/postgres-text.ts';
import {EARLIEST, LATEST, sample} from '../support/sample-rows.ts';

test.each([
  ['1970-01-01 00:00:00+00', 0n],
  ['1970-01-01 00:00:00.000001+00', 1n],
  ['1969-12-31 23:59:59.999999+00', -1n],
  ['2024-02-29 23:59:59.5+00', 1_709_251_199_500_000n],
  ['2000-03-01 00:00:00+00', 951_868_800_000_000n],
  ['1900-02-28 12:00:00+00', -2_203_934_400_000_000n],
  ['0001-01-01 00:00:00+00', -62_135_596_800_000_000n],
  ['9999-12-31 23:59:59.999999+00', 253_402_300_799_999_999n],
])('%s is %d microseconds', (text, micros) => {
  expect(timestampMicros(text)).toBe(micros);
});

test('every timestamp comes back as the microseconds that it was written from', () => {
  fc.assert(
    fc.property(fc.bigInt({min: EARLIEST, max: LATEST}), (micros) => {
      expect(timestampMicros(sample.timestamp(micros).text!)).toBe(micros);
    }),
    {numRuns: 2_000},
  );
});

test.each([
  '',
  'infinity',
  '2024-03-01',
  '2024-03-01T09:15:42+00',
  '2024-03-01 09:15:42',
  '2024-03-01 09:15:42+01',
  '2024-03-01 09:15:42.+00',
  '2024-03-01 09:15:42.1234567+00',
  '2024-03-01 09:15:4x+00',
  '10024-03-01 09:15:42+00',
  '0044-03-15 12:00:00+00 BC',
])('%j is no timestamp', (text) => {
  expect(() => timestampMicros(text)).toThrow(/timestamp/);
});

test.each(['', 'infinity', '2024-03-01 09:15:42+01', '2024-03-01 09:15:42.+00'])('%j is no ISO timestamp', (text) => {
  expect(() => isoTimestamp(text)).toThrow(/timestamp/);
});

test.each([
  ['{}', []],
  ['{a}', ['a']],
  ['{""}', ['']],
  ['{NULL}', [null]],
  ['{"NULL",null}', ['NULL', 'null']],
  ['{"a,b","{c}","\\"\\\\"}', ['a,b', '{c}', '"\\']],
  ['{"line\nbreak",\u{1f600}}', ['line\nbreak', '\u{1f600}']],
])('%s are the elements %j', (literal, elements) => {
  expect(textArray(literal)).toEqual(elements);
});

test.each(['', '{', 'a', '{a', '{a,}', '{,a}', '{{a},{b}}', '[2:3]={a,b}', '{"a}', '{"a"b}', '{a"b"}'])(
  '%j is no array of texts',
  (literal) => {
    expect(() => textArray(literal)).toThrow(/array/);
  },
);

test('any array of texts comes back equal', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.string({unit: 'binary'}))), (elements) => {
      expect(textArray(sample['text[]'](elements).text!)).toEqual(elements);
    }),
  );
});

test('only NaN itself is read as NaN', () => {
  expect(doubleOf('NaN')).toBeNaN();
  expect(() => doubleOf('1.2.3')).toThrow(/double/);
});
