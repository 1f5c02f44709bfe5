import {execFileSync} from 'node:child_process';
import {gunzipSync} from 'node:zlib';
import fc from 'fast-check';
import {expect, test, vi} from 'vitest';
import {jsonLines} from '../../src/sinks/formats/json-lines.ts';
import type {Change, Field, FieldType} from '../../src/sinks/table-shape.ts';
import {askDuckDb, partOf, type Row} from '../support/part-file.ts';
import {
  anyRow,
  changeOf,
  columnOf,
  EARLIEST,
  FIELDS,
  LATEST,
  NULL,
  rowOf,
  sample,
  type Sample,
} from '../support/sample-rows.ts';

// Some write and read many rows, beside others that do.
vi.setConfig({testTimeout: 60_000});

const lineOf = async (type: FieldType, ...samples: Sample[]): Promise<string[]> => {
  const {fields, changes} = columnOf(type, samples);
  const text = gunzipSync(await partOf(jsonLines, fields, changes)).toString();
  return text.split('\n').slice(0, -1);
};
const one = (json: string): string => `{"x":${json},"_sync_op":"insert"}`;

test.each<[FieldType, Sample, string]>([
  ['text', sample.text('a "b"\n\u{1f600}\u2028'), '"a \\"b\\"\\n\u{1f600}\u2028"'],
  ['text', sample.text(''), '""'],
  ['integer', sample.integer(-7), '-7'],
  ['bigint', sample.bigint(2n ** 63n - 1n), '9223372036854775807'],
  ['double', sample.double(1e300), '1e+300'],
  ['double', sample.double(NaN), '"NaN"'],
  ['double', sample.double(-Infinity), '"-Infinity"'],
  ['boolean', sample.boolean(false), 'false'],
  ['timestamp', sample.timestamp(1_709_284_542_123_456n), '"2024-03-01T09:15:42.123456Z"'],
  ['timestamp', sample.timestamp(-500_000n), '"1969-12-31T23:59:59.500000Z"'],
  ['timestamp', sample.timestamp(0n), '"1970-01-01T00:00:00.000000Z"'],
  ['timestamp', sample.timestamp(EARLIEST), '"0001-01-01T00:00:00.000000Z"'],
  ['timestamp', sample.timestamp(LATEST), '"9999-12-31T23:59:59.999999Z"'],
  ['json', sample.json('{"n": 12345678901234567890.000}'), '{"n": 12345678901234567890.000}'],
  ['json', sample.json('null'), 'null'],
  ['text[]', sample['text[]']([]), '[]'],
  ['text[]', sample['text[]'](['a', null, 'NULL', 'b "c"']), '["a",null,"NULL","b \\"c\\""]'],
  ['uuid', sample.uuid('018f2a4e-7c1b-7d55-9a39-0c8f5d5f2b11'), '"018f2a4e-7c1b-7d55-9a39-0c8f5d5f2b11"'],
  ['bytes', sample.bytes(Uint8Array.of(1, 0xab)), '"01ab"'],
  ['bytes', NULL, 'null'],
])('writes %s %o as %s', async (type, value, json) => {
  expect(await lineOf(type, value)).toEqual([one(json)]);
});

/** The row as JSON.parse gives it: numbers as doubles, times as text, JSON as what it stands for. */
function parsedRow(fields: readonly Field[], row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      const type = fields.find((field) => field.name === name)?.type;
      if (typeof value === 'bigint' && type === 'bigint') return [name, Number(value)];
      if (typeof value === 'bigint') return [name, value];
      if (typeof value === 'number' && !Number.isFinite(value)) return [name, String(value)];
      return [name, type === 'json' && typeof value === 'string' ? (JSON.parse(value) as unknown) : value];
    }),
  );
}

// Date.parse reads milliseconds alone.
function microsOf(text: string): bigint {
  return BigInt(Date.parse(`${text.slice(0, 23)}Z`)) * 1000n + BigInt(text.slice(23, 26));
}

test('any rows come back equal by JSON.parse, line by line', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRow, {maxLength: 40}), async (sampleRows) => {
      const text = gunzipSync(await partOf(jsonLines, FIELDS, sampleRows.map(changeOf))).toString();
      const lines = text.split('\n');
      expect(lines.pop()).toBe('');
      const found = lines.map((line) => {
        const row = JSON.parse(line) as Row;
        for (const {name, type} of FIELDS) {
          if (type === 'timestamp' && row[name] !== null) row[name] = microsOf(row[name] as string);
        }
        return row;
      });
      expect(found).toEqual(sampleRows.map((row) => parsedRow(FIELDS, rowOf(FIELDS, row))));
    }),
    {numRuns: 50},
  );
});

const NUMBERED: readonly Field[] = [
  {name: 'id', type: 'text', isRequired: true, id: 1},
  {name: 'big', type: 'bigint', isRequired: true, id: 2},
  {name: 'made_at', type: 'timestamp', isRequired: true, id: 3},
  {name: 'tags', type: 'text[]', isRequired: false, id: 4},
  {name: 'raw', type: 'json', isRequired: true, id: 100},
];

function numbered(i: number): Change {
  const at = sample.timestamp(BigInt(i) * 1_000_001n).text;
  return {op: 'delete', values: [`n${i}`, String(2n ** 53n + BigInt(i)), at, `{${i},NULL}`, `{"i":${i},"x":"äöü"}`]};
}

test('DuckDB reads many rows, 64-bit integers and microseconds exactly', async () => {
  const bytes = await partOf(
    jsonLines,
    NUMBERED,
    Array.from({length: 30_000}, (_, i) => numbered(i)),
  );
  const columns = `columns={id: 'VARCHAR', big: 'BIGINT', made_at: 'TIMESTAMPTZ', tags: 'VARCHAR[]', raw: 'JSON', _sync_op: 'VARCHAR'}`;
  const found = await askDuckDb(bytes, 'x.jsonl.gz', `from read_json(part, format='newline_delimited', ${columns})`);
  expect(found).toEqual(
    Array.from({length: 30_000}, (_, i) => ({
      id: `n${i}`,
      big: 2n ** 53n + BigInt(i),
      made_at: BigInt(i) * 1_000_001n,
      tags: [String(i), null],
      raw: `{"i":${i},"x":"äöü"}`,
      _sync_op: 'delete',
    })),
  );
});

test('gzip itself reads the file', async () => {
  const bytes = await partOf(jsonLines, NUMBERED, [numbered(1), numbered(2)]);
  const text = execFileSync('gzip', ['-dc'], {input: bytes}).toString();
  expect(text.match(/\n/g)).toHaveLength(2);
  expect(text).toContain(`"made_at":"1970-01-01T00:00:02.000002Z"`);
});

test('no rows are an empty file', async () => {
  expect(gunzipSync(await partOf(jsonLines, NUMBERED, []))).toHaveLength(0);
});

test('the same rows give the same bytes, however they are portioned and taken', async () => {
  const changes = Array.from({length: 20_000}, (_, i) => numbered(i));
  const bytes = await partOf(jsonLines, NUMBERED, changes, 2_000);
  expect((await partOf(jsonLines, NUMBERED, changes, 2_000)).equals(bytes)).toBe(true);
  expect((await partOf(jsonLines, NUMBERED, changes, 777)).equals(bytes)).toBe(true);
  const slowly: Buffer[] = [];
  const writer = jsonLines.open(NUMBERED, async (piece) => {
    await new Promise((resolve) => setImmediate(resolve));
    slowly.push(piece);
  });
  await writer.write(changes);
  await writer.finish();
  expect(Buffer.concat(slowly).equals(bytes)).toBe(true);
  expect(bytes.readUInt32LE(4)).toBe(0); // the header's time of writing
});

test('a null where none may be is refused', async () => {
  const [, ...values] = numbered(1).values;
  await expect(partOf(jsonLines, NUMBERED, [{op: 'insert', values: [null, ...values]}])).rejects.toThrow(/never null/);
});

test('a failing emit fails the part, while it is written and at its end', async () => {
  const failing = async (): Promise<void> => {
    throw new Error('disk full');
  };
  const short = jsonLines.open(NUMBERED, failing);
  await short.write([numbered(1)]);
  await expect(short.finish()).rejects.toThrow('disk full');
  const long = jsonLines.open(NUMBERED, failing);
  const noise = Array.from({length: 200_000}, (_, i) => numbered(i));
  await expect(long.write(noise)).rejects.toThrow('disk full');
});

test('a slow emit holds up the writer', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const writer = jsonLines.open(NUMBERED, () => held);
  const writing = writer.write(Array.from({length: 200_000}, (_, i) => numbered(i)));
  const first = await Promise.race([writing.then(() => 'written'), untilNoProgress(() => writer.rows)]);
  expect(first).toBe('held');
  expect(writer.rows).toBeLessThan(100_000);
  release();
  await writing;
  await writer.finish();
});

/** Resolves when 200 turns of the event loop have brought no further row. */
async function untilNoProgress(rows: () => number): Promise<'held'> {
  for (let idle = 0, seen = -1; idle < 200;) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    idle = rows() === seen ? idle + 1 : 0;
    seen = rows();
  }
  return 'held';
}
