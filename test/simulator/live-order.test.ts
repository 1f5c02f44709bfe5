import fc from 'fast-check';
import {expect, test} from 'vitest';
import {LiveOrder} from '../../src/simulator/live-order.ts';

type Op = {kind: 'remove'; at: number} | {kind: 'append'} | {kind: 'insert'; at: number};

const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({kind: fc.constant('remove' as const), at: fc.nat(5000)}),
  fc.constant({kind: 'append' as const}),
  fc.record({kind: fc.constant('insert' as const), at: fc.nat(5000)}),
);

test('holds what a plain sorted list would, after any changes', () => {
  fc.assert(
    fc.property(
      fc.record({first: fc.nat(3), step: fc.integer({min: 1, max: 4}), count: fc.nat(2500)}),
      fc.array(op, {maxLength: 60}),
      fc.nat(3000),
      fc.nat(700),
      (base, ops, offset, count) => {
        const positions = new Map<number, number>();
        const positionOf = (slot: number): number => positions.get(slot) ?? slot;
        const order = new LiveOrder(base, positionOf);
        const model = Array.from({length: base.count}, (_, k) => base.first + k * base.step);
        let next = 100_000;
        for (const step of ops) {
          if (step.kind === 'remove' && model.length > 0) {
            const [slot] = model.splice(step.at % model.length, 1);
            expect(order.remove(slot as number)).toBe(true);
            expect(order.remove(slot as number)).toBe(false);
          } else if (step.kind !== 'remove') {
            const slot = next++;
            const at = step.kind === 'append' ? model.length : step.at % (model.length + 1);
            const before = at === 0 ? -10 : positionOf(model[at - 1] as number);
            const after = at === model.length ? before + 2 : positionOf(model[at] as number);
            positions.set(slot, (before + after) / 2);
            order.insert(slot);
            model.splice(at, 0, slot);
          }
        }
        expect([...order]).toEqual(model);
        expect(order.size).toBe(model.length);
        expect(order.slice(offset, count)).toEqual(model.slice(offset, offset + count));
        const probe = model[offset % Math.max(1, model.length)];
        if (probe !== undefined) expect(order.rank(positionOf(probe))).toBe(model.indexOf(probe));
      },
    ),
    {numRuns: 60},
  );
});

test('the last page of a million takes no more steps than twice those of the first, also after changes', () => {
  const order = new LiveOrder({first: 0, step: 1, count: 1_000_000}, (slot) => slot);
  for (let slot = 0; slot < 1_000_000; slot += 1013) order.remove(slot);
  order.slice(0, 1);
  const stepsOf = (offset: number): number => {
    const before = order.steps;
    expect(order.slice(offset, 500)).toHaveLength(500);
    return order.steps - before;
  };
  expect(stepsOf(order.size - 500)).toBeLessThan(2 * stepsOf(0));
});
