import fc from 'fast-check';
import {expect, test} from 'vitest';
import {CopyBytes} from '../../src/core/copy-bytes.ts';
import {copyEscape} from '../../src/core/copy-text.ts';
import {preparePage} from '../../src/core/prepare.ts';
import type {PreparedPage} from '../../src/core/prepared.ts';
import type {ColumnType, RecordShape} from '../../src/core/shape.ts';

const TYPES: readonly ColumnType[] = ['text', 'integer', 'bigint', 'double', 'boolean', 'timestamp', 'json', 'text[]'];

/** A column of each type, without and with a value for what is absent. */
const SHAPE: RecordShape = {
  key: [{name: 'id', from: 'record', path: ['id']}],
  columns: TYPES.flatMap((type) => [
    {name: `${type}_plain`, type, path: [`${type}_plain`], doc: ''},
    {name: `${type}_filled`, type, path: [`${type}_filled`], absent: '0', doc: ''},
  ]),
  modifiedAt: null,
  volatile: [['volatile']],
  redact: [['secret']],
  byIdOnly: [],
};

const pageOf = (record: Buffer): PreparedPage =>
  preparePage(SHAPE, record, Int32Array.of(0, record.length), {parentKey: [], maxRecordBytes: 1 << 20});

const two = (max: number) =>
  fc.oneof(
    {weight: 20, arbitrary: fc.integer({min: 0, max}).map((n) => String(n).padStart(2, '0'))},
    {weight: 1, arbitrary: fc.constantFrom('99', '0', '1x', '')},
  );
const time = fc
  .tuple(
    fc.constantFrom('2024', '2024', '2023', '0000', '0001', '9999', '20x4'),
    two(12),
    two(31),
    fc.constantFrom('T', 'T', 'T', 't', ' '),
    two(23),
    two(59),
    two(60),
    fc.oneof(
      fc.bigInt({min: 0n, max: 10n ** 10n}).map((n) => `.${n}`),
      fc.constantFrom('', '.', ':5', '.12a'),
    ),
    fc.constantFrom('Z', 'Z', 'Z', 'z', '+01:00', ''),
  )
  .map(([y, mo, d, t, h, mi, s, f, z]) => `"${y}-${mo}-${d}${t}${h}:${mi}:${s}${f}${z}"`);

/** JSON texts that the types take, and such as they do not, or that are none. */
const value = fc.oneof(
  time,
  fc.jsonValue({maxDepth: 2}).map((json) => JSON.stringify(json)),
  fc.string({unit: 'grapheme'}).map((text) => JSON.stringify(text)),
  fc
    .string({unit: fc.constantFrom('a', 'é', '\u{1f600}', '\\', '\t', '\n', '\r', '"', '\u0000', '\ud800')})
    .map((text) => JSON.stringify(text)),
  fc.bigInt({min: -(2n ** 66n), max: 2n ** 66n}).map((n) => `${n}`),
  fc.integer({min: -999, max: 9_999_999}).map((n) => `"${n}"`),
  fc.constantFrom('null', 'true', 'false', '""', '0', '00', '012', '-0', '1e3', '1.0', 'NaN', '"NaN"', 'nul', '-'),
  fc.constantFrom('["a","b"]', '[ "a" ]', '{ "a": 1 }', '\\x31', '1\\t', '"\\u0000"', '"\\ud83d"', '"\\x"', '\\'),
);

const member = fc.tuple(fc.constantFrom(...SHAPE.columns.map(({name}) => name), 'other', 'volatile', 'secret'), value);
const record = fc
  .tuple(fc.array(member, {maxLength: 12}), fc.constantFrom('', '', '', ' ', '\t'))
  .map(([members, space]) => `{"id":"k"${members.map(([name, text]) => `,${space}"${name}":${text}`).join('')}}`);

/** Bytes that are no UTF-8, somewhere within strings. */
const broken = record.map((text) => Buffer.from(text.replaceAll('a', '\u00e9'), 'latin1'));

const PREFIX = 'before\t';

test('a row is written as COPY text byte for byte as its texts say, with the same repairs', () => {
  let plain = 0;
  fc.assert(
    fc.property(fc.oneof({weight: 6, arbitrary: record.map((text) => Buffer.from(text))}, broken), (bytes) => {
      const page = pageOf(bytes);
      if (page.count === 0) return;
      const out = new CopyBytes();
      out.text('before');
      out.byte(0x09);
      const repairs = page.copyRow(0, out);
      const row = pageOf(bytes).row(0);
      const texts = [...row.columns, row.raw].map((text) => `${text === null ? '\\N' : copyEscape(text)}\t`);
      expect(out.takeAll()?.toString('utf8')).toBe(PREFIX + texts.join(''));
      expect(repairs).toEqual(row.repairs);
      if (repairs.length === 0 && row.raw === bytes.toString('utf8') && !row.raw.includes('\\')) plain++;
    }),
    {numRuns: 5_000},
  );
  expect(plain, 'records that can be copied from their bytes').toBeGreaterThan(500);
});

test('what has a backslash outside of a string is no JSON, and never becomes some by COPY', () => {
  for (const text of ['\\x31', '1\\t', '\\', '[\\x31]', '{"a":\\n}']) {
    const page = pageOf(Buffer.from(`{"id":"k","other":${text}}`));
    expect(page.count, text).toBe(0);
    expect(page.rejects.map(({reason}) => reason)).toEqual(['not_json']);
  }
});

test('lines of any length and any characters come out whole, in chunks', () => {
  const values = ['', 'a', 'é\u{1f600}', 'a\tb\nc\\d\re', 'x'.repeat(200_000), 'ü\t'.repeat(50_000), 'end'];
  const out = new CopyBytes();
  const chunks: Buffer[] = [];
  for (const text of values) {
    const before = out.size;
    out.text('taken back');
    out.rewind(before);
    out.text(text);
    out.copy(Buffer.from(text.slice(0, 3)), 0, Math.min(3, text.length));
    out.byte(0x0a);
    const full = out.takeFull();
    if (full !== null) chunks.push(full);
  }
  const rest = out.takeAll();
  if (rest !== null) chunks.push(rest);
  expect(out.takeAll()).toBeNull();
  const expected = values.map((text) =>
    Buffer.concat([
      Buffer.from(copyEscape(text)),
      Buffer.from(text.slice(0, 3)).subarray(0, Math.min(3, text.length)),
      Buffer.from('\n'),
    ]),
  );
  expect(Buffer.concat(chunks).equals(Buffer.concat(expected))).toBe(true);
  expect(chunks.length).toBe(3);
});
