import {expect, test} from 'vitest';
import {BugError} from '../../src/core/errors.ts';
import {canBeAsked, fillPath, queryString} from '../../src/source/paths.ts';

test.each([
  ['a/b', 'a%2Fb'],
  ['a b?c#d%', 'a%20b%3Fc%23d%25'],
  ['ünï😀', '%C3%BCn%C3%AF%F0%9F%98%80'],
  ['.', '%2E'],
  ['..', '%2E%2E'],
  ['...', '...'],
  ['v1.2', 'v1.2'],
  ['a\u0000', 'a%00'],
])('writes the id %j as one segment', (id, segment) => {
  expect(fillPath('/v2/inputs/{input_id}/x', {input_id: id})).toBe(`/v2/inputs/${segment}/x`);
});

test.each([[{}], [{input_id: ''}], [{input_id: '\ud800'}]])('refuses to make a path from %j', (params) => {
  expect(() => fillPath('/v2/inputs/{input_id}', params)).toThrow(BugError);
});

test('repeats the name of an array and leaves snake_case alone', () => {
  const query = {ids: ['a', 'b&c'], per_page: 2, list_all_annotations: true, 'status.code': 30001};
  expect(queryString(query)).toBe('?ids=a&ids=b%26c&per_page=2&list_all_annotations=true&status.code=30001');
});

test('leaves the question mark out when there is nothing to ask', () => {
  expect(queryString({})).toBe('');
  expect(queryString({ids: []})).toBe('');
});

test('knows which ids the API can be asked for', () => {
  expect(['a', '😀', '\ufffd'].every(canBeAsked)).toBe(true);
  expect(['', '\ud800', 'a\udc00'].some(canBeAsked)).toBe(false);
});
