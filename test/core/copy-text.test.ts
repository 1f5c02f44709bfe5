import fc from 'fast-check';
import {expect, test} from 'vitest';
import {copyEscape} from '../../src/core/copy-text.ts';

test('leaves plain text as it is', () => {
  expect(copyEscape('{"a": "é\u{1f600}\u0008"}')).toBe('{"a": "é\u{1f600}\u0008"}');
});

test('writes a literal \\N so that it is not read as null', () => {
  expect(copyEscape('\\N')).toBe('\\\\N');
});

test('is undone by reading the escapes back, and leaves no delimiter or line end', () => {
  fc.assert(
    fc.property(fc.string({unit: fc.constantFrom('\\', '\t', '\n', '\r', 'n', 't', '.', 'é')}), (text) => {
      const escaped = copyEscape(text);
      expect(escaped).not.toMatch(/[\t\n\r]/);
      const plain: Record<string, string> = {n: '\n', t: '\t', r: '\r', '\\': '\\'};
      expect(escaped.replace(/\\(.)/g, (_, c: string) => plain[c]!)).toBe(text);
    }),
  );
});
