import fc from 'fast-check';
import {expect, test} from 'vitest';
import {HexIds, WordIds} from '../../src/simulator/ids.ts';
import {mix32, unmix32} from '../../src/simulator/random.ts';

const u32 = fc.integer({min: 0, max: 0xffffffff});

test('mixing is taken back by unmixing', () => {
  fc.assert(fc.property(u32, (n) => unmix32(mix32(n)) === n));
});

test('an id of hex digits leads back to its slot, and to no other scheme', () => {
  fc.assert(
    fc.property(u32, u32, (seed, slot) => {
      const ids = new HexIds(seed);
      expect(ids.idOf(slot)).toMatch(/^[0-9a-f]{32}$/);
      expect(ids.slotOf(ids.idOf(slot))).toBe(slot);
      expect(new HexIds(seed ^ 1).slotOf(ids.idOf(slot))).toBeUndefined();
    }),
  );
});

test('ids sort as their keys do', () => {
  const ids = new HexIds(7);
  const slots = Array.from({length: 500}, (_, slot) => slot);
  const byKey = [...slots].sort((a, b) => ids.hexKey(a) - ids.hexKey(b)).map((slot) => ids.idOf(slot));
  expect(byKey).toEqual([...byKey].sort());
  expect(slots.map((slot) => ids.slotOfHexKey(ids.hexKey(slot)))).toEqual(slots);
});

test('a word id leads back to its slot only as it is written', () => {
  const ids = new WordIds(['leaf', 'stem']);
  expect(ids.slotOf('stem-3')).toBe(3);
  expect(ids.slotOf('leaf-3')).toBeUndefined();
  expect(ids.slotOf('stem-03')).toBeUndefined();
});
