import {expect, test} from 'vitest';
import {BugError} from '../../src/core/errors.ts';
import {preparePage, preparePageSliced} from '../../src/core/prepare.ts';
import type {PreparedPage} from '../../src/core/prepared.ts';
import type {Column, RecordShape} from '../../src/core/shape.ts';

const column = (name: string, type: Column['type'], ...path: string[]): Column => ({name, type, path, doc: ''});

const SHAPE: RecordShape = {
  key: [
    {name: 'dataset_id', from: 'parent'},
    {name: 'id', from: 'record', path: ['id']},
  ],
  columns: [
    column('name', 'text', 'name'),
    {...column('value', 'double', 'value'), absent: '0'},
    column('url', 'text', 'data', 'image', 'url'),
    column('data', 'json', 'data'),
    column('pat', 'text', 'app_pat'),
  ],
  modifiedAt: ['modified_at'],
  volatile: [['data', 'image', 'hosted'], ['star_count'], ['exports', '*', 'url']],
  redact: [['app_pat'], ['data', 'key_id'], ['users', '*', 'email'], ['secrets', '*']],
  byIdOnly: [['input'], ['parts', '*']],
};

const CONTEXT = {parentKey: ['d'], maxRecordBytes: 10_000};

const page = (...records: (string | Buffer)[]): PreparedPage => prepare(records);
const hashOf = (record: string): string => page(record).hashes[0]!;
const rawOf = (record: string): string => page(record).row(0).raw;

test('gives keys, comparable time, columns and raw of a record', () => {
  const record =
    '{"id":"a","name":"n\\n","value":0.60,"modified_at":"2024-05-01T00:00:00.5Z","data":{"image":{"url":"u"}}}';
  const prepared = page(record);
  expect(prepared.keys).toEqual([['d'], ['a']]);
  expect(prepared.modified(0)).toBe('2024-05-01T00:00:00.500000000');
  expect(prepared.hashes[0]).toMatch(/^01[0-9a-f]{32}$/);
  expect(prepared.row(0)).toEqual({
    columns: ['n\n', '0.60', 'u', '{"image":{"url":"u"}}', null],
    raw: record,
    repairs: [],
  });
  expect(prepared.rejects).toEqual([]);
  expect(prepared.bytes).toBe(record.length);
});

test('slices the right characters when the record holds others than ASCII', () => {
  const {columns} = page('{"x":"é\u{1f600}","id":"a","name":"ñ","data":["\u{1f600}"]}').row(0);
  expect(columns).toEqual(['ñ', '0', null, '["\u{1f600}"]', null]);
});

test('keeps digits and order in raw, and leaves out space outside of strings', () => {
  expect(rawOf('{ "b" : 1.500, "id":"a b" ,\n"n": 12345678901234567890 , "c":[ 1 , { } ] }')).toBe(
    '{"b":1.500,"id":"a b","n":12345678901234567890,"c":[1,{}]}',
  );
});

test.each([
  ['first', '{"app_pat":"s","id":"a"}'],
  ['last', '{"id":"a", "app_pat" : "s" }'],
  ['twice', '{"app_pat":1,"app_pat":{"x":[{}]},"id":"a"}'],
  ['around the key', '{"app_pat":1,"id":"a","app_pat":2}'],
  ['by an escaped name', '{"id":"a","app\\u005fpat":"s"}'],
])('takes a redacted member out when it comes %s', (_, record) => {
  expect(rawOf(record)).toBe('{"id":"a"}');
  expect(hashOf(record)).toBe(hashOf('{"id":"a"}'));
  expect(page(record).row(0)).toMatchObject({columns: [null, '0', null, null, null], repairs: []});
});

test('takes redacted places out of arrays, maps and json columns', () => {
  const prepared = page(
    '{"id":"a","users":[{"email":"s","n":1},{"n":2,"email":"s"}],"secrets":["s","s"],"data":{"key_id":"s","k":1}}',
    '{"id":"b","users":{"me":{"email":"s"}},"secrets":{"x":"s"}}',
  );
  expect(prepared.row(0).raw).toBe('{"id":"a","users":[{"n":1},{"n":2}],"secrets":[],"data":{"k":1}}');
  expect(prepared.row(0).columns[3]).toBe('{"k":1}');
  expect(prepared.row(1).raw).toBe('{"id":"b","users":{"me":{}},"secrets":{}}');
});

test.each([
  ['a volatile member', '{"id":"a","star_count":1,"n":1}', '{"id":"a","n":1}'],
  [
    'a volatile member that comes last',
    '{"id":"a","data":{"image":{"url":"u"}}}',
    '{"id":"a","data":{"image":{"url":"u","hosted":{"p":[1]}}}}',
  ],
  [
    'a volatile member in an array',
    '{"id":"a","exports":[{"url":"1","f":1}]}',
    '{"id":"a","exports":[{"f":1,"url":"2"}]}',
  ],
  ['space', '{"id":"a","n":[1,2]}', '{ "id": "a",\t"n" :[1, 2]}\n'],
  [
    'an embedded record but for its id',
    '{"id":"a","input":{"id":"i","data":{"x":1}}}',
    '{"id":"a","input":{"status":{},"id":"i"}}',
  ],
  [
    'embedded records in an array',
    '{"id":"a","parts":[{"id":"i","x":1},{"id":"j"}]}',
    '{"id":"a","parts":[{"id":"i"},{"x":2,"id":"j"}]}',
  ],
])('hashes two records alike that differ in %s', (_, first, second) => {
  expect(hashOf(first)).toBe(hashOf(second));
});

test.each([
  ['a value', '{"id":"a","n":1}', '{"id":"a","n":2}'],
  ['where a volatile member was', '{"id":"a","n":1,"star_count":1}', '{"id":"a","star_count":1,"m":1}'],
  ['space inside a string', '{"id":"a","n":"x y"}', '{"id":"a","n":"xy"}'],
  ['the id of an embedded record', '{"id":"a","input":{"id":"i"}}', '{"id":"a","input":{"id":"j"}}'],
  ['how many embedded records there are', '{"id":"a","parts":[{"id":"i"}]}', '{"id":"a","parts":[{"id":"i"},{}]}'],
  ['what the embedded record is', '{"id":"a","input":{"x":1}}', '{"id":"a","input":[]}'],
])('hashes two records differently that differ in %s', (_, first, second) => {
  expect(hashOf(first)).not.toBe(hashOf(second));
});

test('lets the last of duplicate members win, and forgets what was inside the earlier one', () => {
  const prepared = page('{"id":"a","data":{"image":{"url":"u"}},"id":"b","data":{"image":{}}}');
  expect(prepared.keys[1]).toEqual(['b']);
  expect(prepared.row(0).columns.slice(2, 4)).toEqual([null, '{"image":{}}']);
});

test('takes a column for absent when a member on its way is no object', () => {
  expect(page('{"id":"a","data":[{"image":{"url":"u"}}]}').row(0).columns[2]).toBeNull();
  expect(page('{"id":"a","data":{"image":"url"}}').row(0).columns[2]).toBeNull();
});

test('fills in the absent value where the record has nothing or null, but not where it is unreadable', () => {
  const values = page('{"id":"a"}', '{"id":"b","value":null}', '{"id":"c","value":"x"}');
  expect([0, 1, 2].map((i) => values.row(i).columns[1])).toEqual(['0', '0', null]);
});

test('lists a column that its type cannot hold, with what was expected and found', () => {
  const [repair, ...others] = page(`{"id":"a","name":["${'x'.repeat(200)}"],"app_pat":"s"}`).row(0).repairs;
  expect(others).toEqual([]);
  expect(repair).toMatchObject({kind: 'repaired', key: ['d', 'a'], reason: 'column_unreadable'});
  expect(repair!.detail).toBe(`column name at name: expected a string, number or boolean, found ["${'x'.repeat(78)}…`);
  expect(repair!.raw!.toString()).toBe(`{"id":"a","name":["${'x'.repeat(200)}"]}`);
});

test('repairs NUL and half surrogate pairs in raw and columns, and says where', () => {
  const row = page('{"id":"a","name":"\\u0000\\\\u0000","data":{"x":["\\ud800"]}}').row(0);
  expect(row.raw).toBe('{"id":"a","name":"\\ufffd\\\\u0000","data":{"x":["\\ufffd"]}}');
  expect(row.columns).toEqual(['\ufffd\\u0000', '0', null, '{"x":["\\ufffd"]}', null]);
  expect(row.repairs).toMatchObject([
    {reason: 'nul_or_surrogate', detail: 'a NUL or half a surrogate pair became U+FFFD at name, data.x[0]'},
  ]);
});

test('repairs bytes that are no UTF-8, and says where', () => {
  const record = Buffer.concat([Buffer.from('{"id":"a","name":"\ufffd'), Buffer.from([0xff]), Buffer.from('"}')]);
  const prepared = page(record, '{"id":"b","name":"é"}');
  expect(prepared.row(0)).toMatchObject({
    columns: ['\ufffd\ufffd', '0', null, null, null],
    raw: '{"id":"a","name":"\ufffd\ufffd"}',
    repairs: [{reason: 'invalid_utf8', detail: 'bytes that are not UTF-8 became U+FFFD, first at name', raw: record}],
  });
  expect(prepared.row(1).repairs).toEqual([]);
});

test('keeps a record whose key was repaired, says so at once, and does not list the same again', () => {
  const prepared = page('{"id":"a\\u0000"}', '{"id":"b"}');
  expect(prepared.keys[1]).toEqual(['a\ufffd', 'b']);
  expect([prepared.originalKey(0), prepared.originalKey(1)]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), null]);
  expect(prepared.rejects).toMatchObject([{kind: 'repaired', key: ['d', 'a\ufffd'], reason: 'nul_or_surrogate'}]);
  expect(prepared.row(0).repairs).toEqual([]);
});

test('rejects all records whose keys became the same by repair', () => {
  const prepared = page('{"id":"b"}', '{"id":"a\\u0000"}', '{"id":"a\ufffd"}', '{"id":"c","name":"n"}');
  expect(prepared.keys[1]).toEqual(['b', 'c']);
  expect(prepared.count).toBe(2);
  expect(prepared.hashes).toHaveLength(2);
  expect(prepared.row(1).columns[0]).toBe('n');
  expect(prepared.rejects.map(({kind, reason, raw}) => [kind, reason, raw!.toString()])).toEqual([
    ['rejected', 'key_collision', '{"id":"a\\u0000"}'],
    ['rejected', 'key_collision', '{"id":"a\ufffd"}'],
  ]);
});

test('tells keys apart that are different bytes but no UTF-8', () => {
  const record = (byte: number): Buffer => Buffer.from(`{"id":"a${String.fromCharCode(byte)}"}`, 'latin1');
  expect(page(record(0xff), record(0xfe)).rejects.map(({reason}) => reason)).toEqual([
    'key_collision',
    'key_collision',
  ]);
  expect(page(record(0xff), record(0xff)).rejects.map(({reason}) => reason)).toEqual(['invalid_utf8', 'invalid_utf8']);
});

test('takes a number for a key as it is written', () => {
  expect(page('{"id":12345678901234567890}').keys[1]).toEqual(['12345678901234567890']);
});

test.each([
  ['{}', 'nothing'],
  ['{"id":""}', 'an empty string'],
  ['{"id":null}', 'null'],
  ['{"id":{"id":"a"}}', 'an object'],
  ['{"id":"a","id":true}', 'a boolean'],
])('rejects %s for its key', (record, found) => {
  expect(page(record).rejects).toMatchObject([
    {
      kind: 'rejected',
      key: null,
      reason: 'key_missing',
      detail: `key part id at id: expected a non-empty string, found ${found}`,
    },
  ]);
});

test.each(['null', '"a"', '1', '[{"id":"a"}]'])('rejects %s for being no object', (record) => {
  expect(page(record)).toMatchObject({count: 0, rejects: [{key: null, reason: 'not_an_object', raw: null}]});
});

test.each([
  '',
  '{',
  '{"id":"a"',
  '{"id":"a"}}',
  '{"id":"a",}',
  '{"id" "a"}',
  '{"id":"a" "n":1}',
  '{"id":"a","n":[}]}',
  '{"id":"a","n":[{]}}',
  '{"id":"a","n":[1 2]}',
  '{"id":"a","n":"\n"}',
  '{"id":"a","n":"\0"}',
  '{"id":"a","n":"\\x"}',
  '{"id":"a","n":"\\u00g0"}',
  '{"id":"a","n":"\\',
])('rejects %j for being no JSON, without showing what may be secret', (record) => {
  expect(page(record).rejects).toMatchObject([{key: null, reason: 'not_json', raw: null}]);
});

test('shows what is no JSON when the shape has nothing to redact', () => {
  const bytes = Buffer.from('{"id":');
  const prepared = preparePage({...SHAPE, redact: []}, bytes, Int32Array.of(0, bytes.length), CONTEXT);
  expect(prepared.rejects[0]!.raw!.toString()).toBe('{"id":');
});

test('does not look past the end of a record', () => {
  const bytes = Buffer.from('{"id":"a"}');
  expect(preparePage(SHAPE, bytes, Int32Array.of(0, 9), CONTEXT).rejects).toMatchObject([{reason: 'not_json'}]);
});

test('rejects a record over the limit with its key, cut and redacted', () => {
  const record = `{"app_pat":"s","id":"a","x":"${'y'.repeat(100_000)}"}`;
  const prepared = page(record, `{"id":"${'b'.repeat(9_991)}"}`, `{"id":"${'b'.repeat(9_992)}"}`);
  expect(prepared.rejects).toMatchObject([
    {
      kind: 'rejected',
      key: ['d', 'a'],
      reason: 'too_large',
      detail: `expected at most 10000 bytes, found ${record.length}`,
    },
    {reason: 'too_large', detail: 'expected at most 10000 bytes, found 10001'},
  ]);
  expect(prepared.count).toBe(1);
  const raw = prepared.rejects[0]!.raw!;
  expect(raw.length).toBe(64 * 1024);
  expect(raw.toString().startsWith('{"id":"a","x":"yy')).toBe(true);
});

test('rejects a record nested too deep with its key, however deep it is', () => {
  const nested = (levels: number): string => `{"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)},"id":"a"}`;
  const bytes = Buffer.from(nested(100_000));
  const deepest = preparePage(SHAPE, bytes, Int32Array.of(0, bytes.length), {...CONTEXT, maxRecordBytes: 1e6});
  expect(deepest.rejects).toMatchObject([{key: ['d', 'a'], reason: 'too_deep'}]);
  expect(page(nested(513)).rejects).toMatchObject([{reason: 'too_deep'}]);
  expect(page(nested(512)).count).toBe(1);
});

test('is not led astray by members named like parts of an object', () => {
  const record = '{"__proto__":{"id":"x"},"constructor":1,"id":"a","":1,"data":{"__proto__":null}}';
  expect(page(record).keys[1]).toEqual(['a']);
  expect(rawOf(record)).toBe(record);
});

test('asks for as many parent keys as the shape has', () => {
  expect(() => preparePage(SHAPE, Buffer.alloc(0), new Int32Array(0), {...CONTEXT, parentKey: []})).toThrow(BugError);
});

test('refuses a column path with a star', () => {
  const shape = {...SHAPE, columns: [column('x', 'text', 'a', '*')]};
  expect(() => preparePage(shape, Buffer.alloc(0), new Int32Array(0), CONTEXT)).toThrow(BugError);
});

test('reads a member that is both named and starred as both say', () => {
  const shape = {...SHAPE, redact: [['data', '*', 'token']], columns: [column('url', 'text', 'data', 'image', 'url')]};
  const bytes = Buffer.from('{"id":"a","data":{"image":{"token":"s","url":"u"},"video":{"token":"s"}}}');
  const {columns, raw} = preparePage(shape, bytes, Int32Array.of(0, bytes.length), CONTEXT).row(0);
  expect({columns, raw}).toEqual({columns: ['u'], raw: '{"id":"a","data":{"image":{"url":"u"},"video":{}}}'});
});

test('reads neither key nor time from a redacted place', () => {
  const bytes = Buffer.from('{"id":"a","modified_at":"2024-05-01T00:00:00Z"}');
  const spans = Int32Array.of(0, bytes.length);
  const prepared = preparePage({...SHAPE, redact: [['modified_at']]}, bytes, spans, CONTEXT);
  expect(prepared.modified(0)).toBeNull();
  const {rejects} = preparePage({...SHAPE, redact: [['*']]}, bytes, spans, CONTEXT);
  expect(rejects).toMatchObject([{reason: 'key_missing', raw: Buffer.from('{}')}]);
});

test('compares by id objects alone, not an array in their place', () => {
  const shape = {...SHAPE, volatile: [['input', '*', 'star']]};
  const hashes = ['[{"star":1},1]', '[{"star":2},1]', '[{"star":1},2]'].map((input) => {
    const bytes = Buffer.from(`{"id":"a","input":${input}}`);
    return preparePage(shape, bytes, Int32Array.of(0, bytes.length), CONTEXT).hashes[0]!;
  });
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[0]).not.toBe(hashes[2]);
});

test('hashes long records like short ones', () => {
  const name = 'n'.repeat(9000);
  expect(hashOf(`{"id":"a", "name":"${name}"}`)).toBe(hashOf(`{"id":"a","name":"${name}"}`));
});

test('keeps with a repair the record that it belongs to, whichever was read last', () => {
  const {raw} = page('{"id":"a","name":[1]}', '{').row(0).repairs[0]!;
  expect(raw!.toString()).toBe('{"id":"a","name":[1]}');
});

test('gives the same in slices, handing the turn back between them', async () => {
  const {bytes, spans} = join(['{"id":"a","name":1}', '1', '{"id":"c","name":3}', '{"id":"d"}', '{"id":"e"}']);
  let turns = 0;
  const yieldTurn = (): Promise<void> => Promise.resolve(void turns++);
  const sliced = await preparePageSliced(SHAPE, bytes, spans, CONTEXT, yieldTurn, 2);
  const whole = preparePage(SHAPE, bytes, spans, CONTEXT);
  expect(turns).toBe(2);
  expect(sliced.hashes).toEqual(whole.hashes);
  expect(sliced.row(1)).toEqual(whole.row(1));
  expect(sliced.rejects).toEqual(whole.rejects);
});

function prepare(records: readonly (string | Buffer)[]): PreparedPage {
  const {bytes, spans} = join(records);
  return preparePage(SHAPE, bytes, spans, CONTEXT);
}

function join(records: readonly (string | Buffer)[]): {bytes: Buffer; spans: Int32Array} {
  const pieces: Buffer[] = [Buffer.from('[')];
  const spans: number[] = [];
  let at = 1;
  for (const record of records) {
    const piece = Buffer.from(record);
    spans.push(at, at + piece.length);
    pieces.push(piece, Buffer.from(','));
    at += piece.length + 1;
  }
  return {bytes: Buffer.concat(pieces), spans: Int32Array.from(spans)};
}
