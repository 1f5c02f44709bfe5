import fc from 'fast-check';
import {expect, test} from 'vitest';
import {comparableInstant} from '../../src/core/instant.ts';

test.each([
  ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59.000000000'],
  ['2024-05-01T02:00:00.5+02:00', '2024-05-01T00:00:00.500000000'],
  ['2024-01-01T00:30:00-23:59', '2024-01-02T00:29:00.000000000'],
  ['2024-05-01T00:00:00.123456789-00:00', '2024-05-01T00:00:00.123456789'],
  ['2024-05-01T00:00:00.1234567899Z', '2024-05-01T00:00:00.123456789'],
  ['2024-05-01t00:00:00z', '2024-05-01T00:00:00.000000000'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000000000'],
  ['0099-12-31T23:00:00-02:00', '0100-01-01T01:00:00.000000000'],
  ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000000000'],
])('reads %s', (text, comparable) => {
  expect(comparableInstant(text)).toBe(comparable);
});

test.each([
  '',
  '2024-05-01',
  '2024-05-01 00:00:00Z',
  '2024-05-01T00:00:00',
  '2024-05-01T00:00:00.Z',
  '2024-05-01T00:00:00ZZ',
  '2024-05-01T00:00:00+0200',
  '2024-05-01T00:00:00+24:00',
  '2024-05-01T24:00:00Z',
  '2024-05-01T00:00:60Z',
  '2024-00-01T00:00:00Z',
  '2024-13-01T00:00:00Z',
  '2024-04-31T00:00:00Z',
  '2023-02-29T00:00:00Z',
  '1900-02-29T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '0001-01-01T00:00:00+00:01',
  '9999-12-31T23:59:00-00:01',
  '+002024-05-01T00:00:00Z',
  '2O24-05-01T00:00:00Z',
  '٢٠٢٤-05-01T00:00:00Z',
])('does not take %j for a time', (text) => {
  expect(comparableInstant(text)).toBeNull();
});

test('puts two times in the order of their text, whatever their offsets are', () => {
  const written = fc.record({ms: fc.integer({min: 0, max: 4e12}), offset: fc.integer({min: -1439, max: 1439})});
  fc.assert(
    fc.property(written, written, (a, b) => {
      const order = Math.sign(a.ms - b.ms);
      const [first, second] = [comparableInstant(write(a))!, comparableInstant(write(b))!];
      expect(first < second ? -1 : first > second ? 1 : 0).toBe(order);
    }),
  );
});

function write({ms, offset}: {ms: number; offset: number}): string {
  const local = new Date(ms + offset * 60_000).toISOString().slice(0, -1);
  const minutes = Math.abs(offset);
  const pad = (n: number): string => String(n).padStart(2, '0');
  return `${local}${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}
