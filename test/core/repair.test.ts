import fc from 'fast-check';
import {expect, test} from 'vitest';
import {firstReplaced, placeOf, repairEscapes} from '../../src/core/repair.ts';

const escape = fc.constantFrom(
  ...[
    '\\u0000',
    '\\ud83d',
    '\\uD83D',
    '\\ude00',
    '\\uDE00',
    '\\udbff',
    '\\u0041',
    '\\\\',
    '\\"',
    '\\n',
    'u0000',
    'é',
    'a',
  ],
);

test('repairs what jsonb cannot hold, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(escape), (pieces) => {
      const json = `"${pieces.join('')}"`;
      // Encoding as UTF-8 turns each lone surrogate, and no other, into U+FFFD.
      const wellFormed = Buffer.from(JSON.parse(json) as string).toString();
      expect(JSON.parse(repairEscapes(json).json)).toBe(wellFormed.replaceAll('\0', '\ufffd'));
    }),
  );
});

test('says where it repaired', () => {
  expect(repairEscapes('["\\u0000a\\ud800"]')).toEqual({json: '["\\ufffda\\ufffd"]', at: [2, 9]});
});

test('takes an escaped backslash before u0000 for what it is', () => {
  const json = '"\\\\u0000"';
  expect(repairEscapes(json)).toEqual({json, at: []});
});

test.each([
  ['{"a":{"b":[1,{"c":"!"}]}}', 'a.b[1].c'],
  ['{"a":[[],["x","!"]],"d":1}', 'a[1][1]'],
  ['{"x":"a:,{[","a!b":1}', 'a!b'],
  ['{"x":{"y":1},"z":"\\"!"}', 'z'],
])('names the place of ! in %s', (json, place) => {
  expect(placeOf(json, json.indexOf('!'))).toBe(place);
});

test('tells bytes that are no UTF-8 from a U+FFFD that the record holds', () => {
  const bytes = Buffer.concat([Buffer.from('é\ufffd-'), Buffer.from([0xff])]);
  expect(firstReplaced(bytes, bytes.toString())).toBe(3);
  expect(firstReplaced(Buffer.from('é\ufffd'), 'é\ufffd')).toBe(-1);
});
