import {expect, test} from 'vitest';
import {nearMiss} from '../../src/config/near-miss.ts';

test.each([
  ['page_sise', 'page_size'],
  ['pagesize', 'page_size'],
  ['Pat', 'pat'],
  ['apt', 'pat'],
  ['headrom', 'headroom'],
])('%s was meant to be %s', (word, meant) => {
  expect(nearMiss(word, ['pat', 'page_size', 'headroom'])).toBe(meant);
});

test.each(['', 'x', 'concurrency', 'token'])('%j was meant to be none of them', (word) => {
  expect(nearMiss(word, ['pat', 'page_size', 'headroom'])).toBeUndefined();
});
