import {expect, test} from 'vitest';
import {collisionsOf} from '../../src/core/key-collision.ts';

const REPAIRED = 'a\ufffd';

test('names a repaired record and the one whose real key it took', () => {
  const before = [['a\0'], null, null];
  expect([...collisionsOf([[REPAIRED, 'b', REPAIRED]], (i) => before[i]!)]).toEqual([0, 2]);
});

test('names two records that were repaired to one key from different ones', () => {
  const before = [['a\0'], ['a\ud800']];
  expect([...collisionsOf([[REPAIRED, REPAIRED]], (i) => before[i]!)]).toEqual([0, 1]);
});

test('takes one record that came twice for one record', () => {
  const before = [['a\0'], ['a\0'], null, null];
  expect([...collisionsOf([[REPAIRED, REPAIRED, 'b', 'b']], (i) => before[i]!)]).toEqual([]);
});

test('does not mix up the parts of a key', () => {
  const before = [['a\0', 'b'], null];
  const keys = [
    [REPAIRED, REPAIRED],
    ['b', 'c'],
  ];
  expect([...collisionsOf(keys, (i) => before[i]!)]).toEqual([]);
});
