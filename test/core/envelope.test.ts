import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {scanEnvelope, type Envelope} from '../../src/core/envelope.ts';

const scan = (text: string, field = 'inputs', member?: string): Envelope =>
  scanEnvelope(Buffer.from(text), member === undefined ? {field} : {field, member});

function elements(bytes: Buffer, envelope: Envelope): unknown[] {
  if (envelope.kind !== 'status') throw new Error(`expected a status, found ${JSON.stringify(envelope)}`);
  const found: unknown[] = [];
  for (let i = 0; i < envelope.spans.length; i += 2) {
    found.push(JSON.parse(bytes.toString('utf8', envelope.spans[i], envelope.spans[i + 1])));
  }
  return found;
}

const read = (text: string, field = 'inputs', member?: string) =>
  elements(Buffer.from(text), scan(text, field, member));

describe('scanEnvelope', () => {
  test('gives each record without the white space around it', () => {
    const text = '{"status":{"code":10000},"inputs":[ {"id":"a"} ,\n\t{"id":"b"} ]}';
    const {spans} = scan(text) as {spans: Int32Array};
    expect([...spans]).toEqual([36, 46, 50, 60]);
  });

  test('reads the status, wherever in the answer it is', () => {
    const status = '{"code":10010,"description":"Mixed","details":"d","req_id":"r"}';
    expect(scan(`{"inputs":[],"status":${status}}`)).toMatchObject({
      kind: 'status',
      status: {code: 10010, description: 'Mixed', details: 'd', reqId: 'r'},
    });
  });

  test('keeps a code that came as a name', () => {
    expect(scan('{"status":{"code":"CONN_THROTTLED"}}')).toMatchObject({status: {code: 'CONN_THROTTLED'}});
  });

  test.each([
    '{"status":{}}',
    '{"status":{},"inputs":[]}',
    '{"status":{},"inputs":null}',
    '{"status":{},"inputs":[ ]}',
  ])('finds no records in %s', (text) => expect(read(text)).toEqual([]));

  test('takes an object for the one record', () => {
    expect(read('{"status":{},"app":{"id":"a"}}', 'app')).toEqual([{id: 'a'}]);
  });

  test('takes the last of two members of one name', () => {
    expect(read('{"status":{},"inputs":[1,2],"inputs":[3]}')).toEqual([3]);
    expect(read('{"status":{},"inputs":[1,2],"inputs":null}')).toEqual([]);
  });

  test('knows a member by its decoded name', () => {
    expect(read('{"st\\u0061tus":{},"\\u0069nputs":[1]}')).toEqual([1]);
  });

  test('is not led astray by a member of that name deeper in', () => {
    expect(read('{"status":{"inputs":[9]},"x":{"inputs":[8]},"inputs":[1]}')).toEqual([1]);
  });

  test('finds the record of each hit, and counts hits without one', () => {
    const text =
      '{"status":{},"hits":[{"score":1,"annotation":{"id":"a"}},{"score":1},{"annotation":null},7,{"annotation":{"id":"b"}}]}';
    expect(read(text, 'hits', 'annotation')).toEqual([{id: 'a'}, {id: 'b'}]);
    expect(scan(text, 'hits', 'annotation')).toMatchObject({skipped: 3});
  });

  test.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['<html>502</html>', 'not a JSON object'],
    ['[{"status":{}}]', 'not a JSON object'],
    ['{"status":{},"inputs":[1]} x', 'something after'],
    ['{"status":{},"inputs":[1]}{}', 'something after'],
    ['{"inputs":[]}', 'no status'],
    ['{}', 'no status'],
    ['{"status":7}', 'not an object'],
    ['{"status":{},"inputs":7}', 'neither an array nor an object'],
    ['{"status":{},"inputs":[1 2]}', 'not JSON'],
    ['{"status":{},"inputs":[1,]}', 'not JSON'],
    ['{"status":{} "inputs":[]}', 'not JSON'],
    ['{"status" {}}', 'not JSON'],
    ['{status:{}}', 'not JSON'],
  ])('takes %j for broken: %s', (text, reason) => {
    expect(scan(text)).toEqual({kind: 'broken', reason: expect.stringContaining(reason) as string});
  });

  test('knows an error of the gateway', () => {
    expect(scan('{"code":5,"message":"Not Found","details":[]}')).toEqual({
      kind: 'gateway',
      code: 5,
      message: 'Not Found',
    });
  });

  test('takes a body with a status for an answer, though it has a code and a message too', () => {
    expect(scan('{"code":5,"message":"x","status":{"code":10000}}')).toMatchObject({kind: 'status'});
  });
});

describe('scanEnvelope, against JSON.parse', () => {
  const letters = fc.constantFrom(
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    ' ',
    '\n',
    '\u0000',
    'é',
    '😀',
    '\ud800',
    '\udc00',
    'a',
  );
  const text = fc.oneof(fc.string({unit: letters, maxLength: 8}), fc.string({unit: 'binary', maxLength: 8}));
  const {value} = fc.letrec<{value: unknown}>((tie) => ({
    value: fc.oneof(
      {depthSize: 'small', withCrossShrink: true},
      fc.oneof(fc.constant(null), fc.boolean(), fc.double({noNaN: true, noDefaultInfinity: true}), text),
      fc.array(tie('value'), {maxLength: 4}),
      fc.dictionary(text, tie('value'), {maxKeys: 4}),
    ),
  }));
  const page = fc.record({
    first: fc.dictionary(text, value, {maxKeys: 2}),
    records: fc.array(value, {maxLength: 6}),
    rest: fc.dictionary(text, value, {maxKeys: 2}),
    indent: fc.constantFrom(0, 1, '\t'),
    isAscii: fc.boolean(),
  });
  const textOf = ({first, records, rest, indent, isAscii}: Record<string, unknown>) => {
    const answer = {...(first as object), status: {code: 10000}, inputs: records, ...(rest as object), last: 1};
    const json = JSON.stringify(answer, null, indent as number);
    return isAscii
      ? json.replaceAll(/[^\x20-\x7e\n\t]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
      : json;
  };

  test('finds the same records', () => {
    fc.assert(
      fc.property(page, (made) => {
        const json = textOf(made);
        // Through bytes, so that both see U+FFFD for what UTF-8 cannot hold.
        const parsed = JSON.parse(Buffer.from(json).toString('utf8')) as {status: unknown; inputs: unknown};
        fc.pre(Array.isArray(parsed.inputs) && typeof parsed.status === 'object');
        expect(read(json)).toEqual(parsed.inputs);
      }),
      {numRuns: 500},
    );
  });

  test('takes a body that was cut anywhere for broken', () => {
    fc.assert(
      fc.property(page, fc.double({min: 0, max: 1, noNaN: true}), (made, where) => {
        const bytes = Buffer.from(textOf(made));
        const cut = bytes.subarray(0, Math.floor(where * (bytes.length - 1)));
        expect(scanEnvelope(cut, {field: 'inputs'}).kind).toBe('broken');
      }),
      {numRuns: 500},
    );
  });

  test('finds the same records inside of hits', () => {
    fc.assert(
      fc.property(page, (made) => {
        const records = made.records.map((annotation, i) => (i % 3 === 2 ? {score: 1} : {score: 1, annotation}));
        const json = textOf({...made, records});
        const parsed = JSON.parse(Buffer.from(json).toString('utf8')) as {inputs: {annotation?: unknown}[]};
        const expected = parsed.inputs.map((hit) => hit.annotation ?? null).filter((record) => record !== null);
        expect(read(json, 'inputs', 'annotation')).toEqual(expected);
      }),
      {numRuns: 300},
    );
  });
});
