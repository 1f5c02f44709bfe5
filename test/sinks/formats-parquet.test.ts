import fc from 'fast-check';
import {parquetMetadata} from 'hyparquet';
import {describe, expect, test, vi} from 'vitest';
import {parquet} from '../../src/sinks/formats/parquet.ts';
import type {Change, Field, FieldType} from '../../src/sinks/table-shape.ts';
import {arrayBufferOf, askDuckDb, duckDbRows, hyparquetRows, partOf} from '../support/part-file.ts';
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

const EDGES: Readonly<Record<FieldType, readonly Sample[]>> = {
  text: ['', 'NULL', 'a"b\\c\n', '\u{1f600} \u{1f469}\u200d\u{1f52c}', '\uffff', 'x'.repeat(70_000)].map(sample.text),
  integer: [0, -1, 2 ** 31 - 1, -(2 ** 31)].map(sample.integer),
  bigint: [0n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)].map(sample.bigint),
  double: [0, -0, 0.1, 5e-324, 1.7976931348623157e308, Infinity, -Infinity, NaN].map(sample.double),
  boolean: [true, false].map(sample.boolean),
  timestamp: [0n, -1n, -500_000n, 1_709_284_542_123_456n, 2n ** 53n + 1n, EARLIEST, LATEST].map(sample.timestamp),
  json: ['{}', 'null', '"a"', '12345678901234567890.000', '{"a": [1, {"b": "\u{1f600}"}]}'].map(sample.json),
  'text[]': [[], [null], [''], ['a', null, 'NULL', 'b c', '"\\', '\u{1f600}'], ['null']].map(sample['text[]']),
  uuid: ['018f2a4e-7c1b-7d55-9a39-0c8f5d5f2b11'].map(sample.uuid),
  bytes: [[], [0], [1, 255, 0x7b]].map((bytes) => sample.bytes(Uint8Array.from(bytes))),
};

describe.each(Object.entries(EDGES) as [FieldType, readonly Sample[]][])('a column of type %s', (type, edges) => {
  test.each([
    ['with every edge once, among nulls', [NULL, ...edges.flatMap((edge) => [edge, NULL])]],
    ['with values that come again and again', Array.from({length: 2_000}, (_, i) => edges[i % edges.length]!)],
    ['with nulls alone', [NULL, NULL, NULL]],
  ])('comes back equal %s', async (_, samples) => {
    const {fields, changes, rows} = columnOf(type, samples);
    const bytes = await partOf(parquet, fields, changes);
    expect(await duckDbRows(bytes)).toEqual(rows);
    expect(await hyparquetRows(bytes)).toEqual(rows);
  });
});

test('DuckDB sees each type as what it is', async () => {
  const bytes = await partOf(parquet, FIELDS, []);
  const described = await askDuckDb(bytes, 'x.parquet', 'select column_type from (describe from part)');
  const types = described.map(({column_type}) => column_type);
  const each = ['VARCHAR', 'INTEGER', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'TIMESTAMP WITH TIME ZONE', 'JSON', 'VARCHAR[]'];
  expect(types).toEqual([...[...each, 'VARCHAR', 'BLOB'].flatMap((type) => [type, type]), 'VARCHAR']);
});

test('columns are null only where the table allows it, and carry the ids of their fields', async () => {
  const {schema} = parquetMetadata(arrayBufferOf(await partOf(parquet, FIELDS, [])));
  const columns = schema.filter(({name}) => [...FIELDS.map((field) => field.name), '_sync_op'].includes(name));
  expect(columns.map(({name, repetition_type, field_id}) => [name, repetition_type, field_id])).toEqual([
    ...FIELDS.map(({name, isRequired, id}) => [name, isRequired ? 'REQUIRED' : 'OPTIONAL', id]),
    ['_sync_op', 'REQUIRED', 9_999],
  ]);
});

test('no rows are a file that readers take', async () => {
  const bytes = await partOf(parquet, FIELDS, []);
  expect(await duckDbRows(bytes)).toEqual([]);
  expect(await hyparquetRows(bytes)).toEqual([]);
});

test('any rows come back equal from both readers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRow, {maxLength: 60}), async (sampleRows) => {
      const bytes = await partOf(parquet, FIELDS, sampleRows.map(changeOf));
      const rows = sampleRows.map((row) => rowOf(FIELDS, row));
      expect(await duckDbRows(bytes)).toEqual(rows);
      expect(await hyparquetRows(bytes)).toEqual(rows);
    }),
    {numRuns: 20},
  );
});

const NUMBERED: readonly Field[] = [
  {name: 'id', type: 'text', isRequired: true, id: 1},
  {name: 'made_at', type: 'timestamp', isRequired: true, id: 2},
  {name: 'few', type: 'text', isRequired: false, id: 3},
  {name: 'late', type: 'text', isRequired: false, id: 4},
  {name: 'tags', type: 'text[]', isRequired: false, id: 5},
  {name: 'raw', type: 'json', isRequired: true, id: 100},
];

// `late` is worth a dictionary for a good while, and then grows out of it.
function numbered(i: number, rawBytes: number): Change {
  const late = `${i < 20_000 ? `early ${i % 600}` : `late ${i}`} ${'.'.repeat(100)}`;
  const at = sample.timestamp(BigInt(i) * 1_000_001n).text;
  const raw = `{"i": ${i}, "x": "${'y'.repeat(rawBytes)}"}`;
  const few = i % 7 === 0 ? null : `few ${i % 5}`;
  return {op: 'update', values: [String(i).padStart(9, '0'), at, few, late, `{${i},NULL,"b ${i % 3}"}`, raw]};
}

test('many row groups with many pages come back equal, and none has more than 50,000 rows or 32 MB', async () => {
  const changes = Array.from({length: 80_000}, (_, i) => numbered(i, 200));
  const bytes = await partOf(parquet, NUMBERED, changes);
  const {row_groups} = parquetMetadata(arrayBufferOf(bytes));
  expect(row_groups.length).toBeGreaterThan(1);
  for (const {num_rows, total_byte_size} of row_groups) {
    expect(num_rows).toBeLessThanOrEqual(50_000n);
    expect(total_byte_size).toBeLessThan(32_000_000n);
  }
  const late = row_groups[0]!.columns[3]!.meta_data!.encoding_stats!;
  expect(late.map(({page_type, encoding}) => `${page_type} ${encoding}`)).toEqual([
    'DICTIONARY_PAGE PLAIN',
    'DATA_PAGE RLE_DICTIONARY',
    'DATA_PAGE PLAIN',
  ]);
  const asText = `select id, epoch_us(made_at) made_at, few, late, tags, raw from part`;
  const found = await askDuckDb(bytes, 'x.parquet', asText);
  expect(found.map(({id, few, late, raw}) => [id, few, late, raw])).toEqual(
    changes.map(({values: [id, , few, late, , raw]}) => [id, few, late, raw]),
  );
  expect(found.map(({made_at, tags}) => [made_at, tags])).toEqual(
    changes.map((_, i) => [BigInt(i) * 1_000_001n, [String(i), null, `b ${i % 3}`]]),
  );
  const second = await hyparquetRows(bytes);
  expect(second.map(({id, late, raw}) => [id, late, raw])).toEqual(changes.map(({values: v}) => [v[0], v[3], v[5]]));
});

test('large records make small row groups', async () => {
  const changes = Array.from({length: 12}, (_, i) => numbered(i, 5_000_000));
  const {row_groups} = parquetMetadata(arrayBufferOf(await partOf(parquet, NUMBERED, changes)));
  expect(row_groups.map(({num_rows}) => num_rows)).toEqual([4n, 4n, 4n]);
});

test('bounds let readers skip row groups', async () => {
  const changes = Array.from({length: 110_000}, (_, i) => numbered(i, 10));
  const bytes = await partOf(parquet, NUMBERED, changes);
  const bounds = `select row_group_id g, stats_min_value lo, stats_max_value hi, stats_null_count n
    from parquet_metadata(part) where path_in_schema = `;
  expect(await askDuckDb(bytes, 'x.parquet', `${bounds} 'id' order by g`)).toEqual([
    {g: 0n, lo: '000000000', hi: '000049999', n: 0n},
    {g: 1n, lo: '000050000', hi: '000099999', n: 0n},
    {g: 2n, lo: '000100000', hi: '000109999', n: 0n},
  ]);
  const [first] = await askDuckDb(bytes, 'x.parquet', `${bounds} 'few' order by g`);
  expect(first).toEqual({g: 0n, lo: 'few 0', hi: 'few 4', n: 7_143n});
  const [raw] = await askDuckDb(bytes, 'x.parquet', `${bounds} 'raw' order by g`);
  expect(raw).toEqual({g: 0n, lo: null, hi: null, n: 0n});
  expect(await askDuckDb(bytes, 'x.parquet', `select id from part where id = '000107000'`)).toEqual([
    {id: '000107000'},
  ]);
});

test('bounds of text are in the order of UTF-8, not of UTF-16', async () => {
  const {fields, changes} = columnOf('text', ['\uffff', '\u{1f600}', 'z'].map(sample.text));
  const bytes = await partOf(parquet, fields, changes);
  const [chunk] = parquetMetadata(arrayBufferOf(bytes)).row_groups[0]!.columns;
  expect(chunk?.meta_data?.statistics).toMatchObject({min_value: 'z', max_value: '\u{1f600}'});
});

test.each<[FieldType, readonly Sample[], unknown, unknown]>([
  ['integer', [3, -7, 5].map(sample.integer), -7, 5],
  ['bigint', [2n ** 53n, 2n ** 53n + 1n, 2n ** 53n - 1n].map(sample.bigint), 2n ** 53n - 1n, 2n ** 53n + 1n],
  ['double', [NaN, 2.5, -Infinity, NaN, 1e300].map(sample.double), -Infinity, 1e300],
  ['double', [0, -0].map(sample.double), -0, 0],
  ['double', [NaN].map(sample.double), undefined, undefined],
  ['boolean', [true, true].map(sample.boolean), true, true],
  ['timestamp', [5n, -1_000n, 2_000n].map(sample.timestamp), new Date(-1), new Date(2)],
  ['text', ['b', '', 'a'].map(sample.text), '', 'b'],
  ['json', ['1', '2'].map(sample.json), undefined, undefined],
])('bounds of %s, with a null among them, are the least and the largest value', async (type, samples, min, max) => {
  const {fields, changes} = columnOf(type, [...samples, NULL]);
  const [chunk] = parquetMetadata(arrayBufferOf(await partOf(parquet, fields, changes))).row_groups[0]!.columns;
  const {min_value, max_value, null_count} = chunk!.meta_data!.statistics!;
  expect({min_value, max_value, null_count}).toEqual({min_value: min, max_value: max, null_count: 1n});
});

test('data pages are of version 1', async () => {
  const bytes = await partOf(parquet, NUMBERED, [numbered(1, 1), numbered(2, 1)]);
  const {row_groups} = parquetMetadata(arrayBufferOf(bytes));
  const kinds = row_groups[0]!.columns.flatMap(({meta_data}) => meta_data!.encoding_stats!.map((s) => s.page_type));
  expect(new Set(kinds)).toEqual(new Set(['DATA_PAGE', 'DICTIONARY_PAGE']));
  const offsets = row_groups[0]!.columns.map(({meta_data}) => Number(meta_data!.data_page_offset));
  // A page header begins with field 1 (i32) of a compact struct, the page's type: 0 is DATA_PAGE.
  for (const offset of offsets) expect([...bytes.subarray(offset, offset + 2)]).toEqual([0x15, 0]);
});

test('the same rows give the same bytes, however they are portioned', async () => {
  const changes = Array.from({length: 60_000}, (_, i) => numbered(i, 30));
  const bytes = await partOf(parquet, NUMBERED, changes, 2_000);
  expect((await partOf(parquet, NUMBERED, changes, 2_000)).equals(bytes)).toBe(true);
  expect((await partOf(parquet, NUMBERED, changes, 777)).equals(bytes)).toBe(true);
});

test('a null where none may be is refused', async () => {
  const [, ...values] = numbered(1, 1).values;
  await expect(partOf(parquet, NUMBERED, [{op: 'insert', values: [null, ...values]}])).rejects.toThrow(/never null/);
});

test('a failing emit fails the part', async () => {
  const writer = parquet.open(NUMBERED, async () => {
    throw new Error('disk full');
  });
  await writer.write([numbered(1, 1)]);
  await expect(writer.finish()).rejects.toThrow('disk full');
});

test('counts rows and bytes before compression', async () => {
  const writer = parquet.open(NUMBERED, async () => undefined);
  await writer.write(Array.from({length: 1_000}, (_, i) => numbered(i, 900)));
  expect(writer.rows).toBe(1_000);
  expect(writer.uncompressedBytes).toBeGreaterThan(900_000);
  expect(writer.uncompressedBytes).toBeLessThan(1_100_000);
});
