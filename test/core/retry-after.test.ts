import {expect, test} from 'vitest';
import {parseRetryAfter} from '../../src/core/retry-after.ts';

const NOW_MS = Date.parse('2026-11-24T10:00:00Z');

test.each([
  ['120', 120_000],
  ['0', 0],
  [' 7 ', 7000],
  ['Tue, 24 Nov 2026 10:00:30 GMT', 30_000],
  ['Tue, 24 Nov 2026 09:00:00 GMT', 0],
  ['Tuesday, 24-Nov-26 10:00:05 GMT', 5000],
])('reads %s as %i ms', (value, expected) => {
  expect(parseRetryAfter(value, NOW_MS)).toBe(expected);
});

test.each([null, '', 'soon', '-5', '1.5', '1e3', 'Tue, 99 Foo 2026'])('takes %s for no figure', (value) => {
  expect(parseRetryAfter(value, NOW_MS)).toBeUndefined();
});
