import fc from 'fast-check';
import {expect, test} from 'vitest';
import {parseDuration} from '../../src/core/duration.ts';

test.each([
  ['0s', 0],
  ['250ms', 250],
  ['1.5s', 1_500],
  ['10m', 600_000],
  ['2h', 7_200_000],
  ['30d', 2_592_000_000],
  ['1w', 604_800_000],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '10', 'm', '-1s', '1 m', '1M', '1h30m', '1e3s', '.5s', '1.s', ' 1s', '1s\n', '999999999999999w'])(
  '%j cannot be read',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

test('any text gives whole milliseconds that are 0 or more, or nothing', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^\d{1,15}(\.\d{1,9})?(ms|s|m|h|d|w)$/));
  fc.assert(
    fc.property(text, (text) => {
      const ms = parseDuration(text);
      expect(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
    }),
  );
});
