import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {SLOT_GUARD_MS, spacingMs, takeSlot} from '../../src/core/gcra.ts';

const POLICY = {stepMs: 100, aheadMs: 1500, leadMs: 0};

describe('spacingMs', () => {
  test('leaves the headroom unused', () => {
    expect(spacingMs(15, 0.07)).toBeCloseTo(1000 / 13.95, 9);
  });

  test('keeps what a late slot needs when the headroom is smaller', () => {
    expect(spacingMs(15, 0)).toBeCloseTo(1020 / 15, 9);
  });
});

describe('takeSlot', () => {
  test('gives the present moment when nothing was taken for long', () => {
    expect(takeSlot(-Infinity, 5000, POLICY)).toEqual({atMs: 5000, freeMs: 5100});
    expect(takeSlot(1000, 5000, POLICY)).toEqual({atMs: 5000, freeMs: 5100});
  });

  test('gives the next free moment while others are waiting', () => {
    expect(takeSlot(5300, 5000, POLICY)).toEqual({atMs: 5300, freeMs: 5400});
  });

  test('gives no slot nearer than the answer needs to arrive', () => {
    expect(takeSlot(0, 5000, {...POLICY, leadMs: 10})).toEqual({atMs: 5010, freeMs: 5110});
  });

  test('tells who comes too early when to ask again', () => {
    expect(takeSlot(6700, 5000, POLICY)).toEqual({retryInMs: 100});
    expect(takeSlot(6600, 5000, POLICY)).toHaveProperty('atMs', 6600);
  });

  test('never lets more than the rate through in any sliding second, though each slot is used late', () => {
    const callers = fc.array(fc.record({pauseMs: fc.nat(400), lateMs: fc.nat(SLOT_GUARD_MS)}), {
      minLength: 20,
      maxLength: 120,
    });
    fc.assert(
      fc.property(
        callers,
        fc.integer({min: 1, max: 50}),
        fc.double({min: 0, max: 0.5, noNaN: true}),
        (asked, rate, headroom) => {
          const policy = {stepMs: spacingMs(rate, headroom), aheadMs: 1500, leadMs: 0};
          let freeMs = -Infinity;
          let nowMs = 0;
          const sentMs: number[] = [];
          for (const {pauseMs, lateMs} of asked) {
            nowMs += pauseMs;
            const grant = takeSlot(freeMs, nowMs, policy);
            if ('retryInMs' in grant) continue;
            freeMs = grant.freeMs;
            sentMs.push(grant.atMs + lateMs);
          }
          sentMs.sort((a, b) => a - b);
          // Two sends that are `rate` apart in the row are at least a second apart; 1 us for the rounding of doubles.
          for (let i = rate; i < sentMs.length; i++)
            expect(sentMs[i]! - sentMs[i - rate]!).toBeGreaterThan(1000 - 0.001);
        },
      ),
    );
  });
});
