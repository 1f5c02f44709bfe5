import fc from 'fast-check';
import {expect, test} from 'vitest';
import {keyBatches} from '../../src/source/key-batches.ts';
import {queryString} from '../../src/source/paths.ts';

test('keeps the parts of each key at one place', () => {
  const keys = [
    {input_ids: 'i1', ids: 'a'},
    {input_ids: 'i2', ids: 'b'},
    {input_ids: 'i3', ids: 'c'},
  ];
  expect([...keyBatches(keys, 2)]).toEqual([
    {input_ids: ['i1', 'i2'], ids: ['a', 'b']},
    {input_ids: ['i3'], ids: ['c']},
  ]);
});

test('makes no batch of nothing', () => {
  expect([...keyBatches([])]).toEqual([]);
});

test('loses no key, keeps their order, and makes no batch too long for a request line', () => {
  const ids = fc.array(fc.string({unit: 'grapheme', minLength: 1, maxLength: 200}), {maxLength: 300});
  fc.assert(
    fc.property(ids, (wanted) => {
      const batches = [...keyBatches(wanted.map((id) => ({ids: id})))];
      expect(batches.flatMap(({ids: batch}) => batch)).toEqual(wanted);
      for (const batch of batches) {
        expect(batch.ids.length).toBeLessThanOrEqual(128);
        if (batch.ids.length > 1) expect(queryString(batch).length).toBeLessThanOrEqual(6000);
      }
    }),
  );
});
