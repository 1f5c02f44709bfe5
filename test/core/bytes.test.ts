import fc from 'fast-check';
import {expect, test} from 'vitest';
import {parseBytes} from '../../src/core/bytes.ts';

test.each([
  ['0', 0],
  ['512', 512],
  ['512B', 512],
  ['64KiB', 65_536],
  ['8MiB', 8_388_608],
  ['8 mib', 8_388_608],
  ['0.5GiB', 536_870_912],
  ['64KB', 64_000],
  ['8MB', 8_000_000],
  ['1gb', 1_000_000_000],
])('%s is %i bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each(['', 'MiB', '-1', '8M', '8Mi', '8  MiB', '1e3', '8TiB', '8MiB ', '999999999999999GiB'])(
  '%j cannot be read',
  (text) => {
    expect(parseBytes(text)).toBeUndefined();
  },
);

test('any text gives whole bytes that are 0 or more, or nothing', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^\d{1,15}(\.\d{1,9})? ?([kKmMgG]i?[bB]|[bB])?$/));
  fc.assert(
    fc.property(text, (text) => {
      const bytes = parseBytes(text);
      expect(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)).toBe(true);
    }),
  );
});
