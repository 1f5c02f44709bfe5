import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {parts, searchesSince, watermarkOf, type Window} from '../../src/core/window.ts';

const iso = (ms: number): string => new Date(ms).toISOString();
const START = Date.UTC(2024, 0, 1);

describe('parts', () => {
  test('meet without a gap, lie within the window and are both smaller, wherever its records are', () => {
    fc.assert(
      fc.property(
        fc.integer({min: 2, max: 1e9}),
        fc.array(fc.integer({min: -1e9, max: 2e9}), {maxLength: 20}),
        (width, offsets) => {
          const window: Window = {from: iso(START), to: iso(START + width)};
          const two = parts(
            window,
            offsets.map((offset) => START + offset),
          );
          expect(two?.[0].from).toBe(window.from);
          expect(two?.[1].to).toBe(window.to);
          expect(two?.[0].to).toBe(two?.[1].from);
          for (const part of two ?? []) expect(Date.parse(part.to) - Date.parse(part.from)).toBeLessThan(width);
        },
      ),
    );
  });

  test('part a window by its records, not by its length', () => {
    const times = [START + 10, START + 20, START + 30];
    expect(parts({from: iso(START), to: iso(START + 1e9)}, times)?.[0].to).toBe(iso(START + 20));
    expect(parts({from: iso(START), to: iso(START + 100)}, [])?.[0].to).toBe(iso(START + 50));
  });

  test('there are none of a window of one millisecond', () => {
    expect(parts({from: iso(START), to: iso(START + 1)}, [START])).toBeNull();
  });
});

describe('watermarkOf', () => {
  const settleMs = 600_000;

  test('is never past the source clock, nor past what was read', () => {
    expect(watermarkOf(iso(START + 5_000), START, settleMs)?.at).toBe(iso(START - 2_000));
    expect(watermarkOf(iso(START - 5_000), START, settleMs)?.at).toBe(iso(START - 5_000));
    expect(watermarkOf(null, START, settleMs)?.at).toBe(iso(START - 2_000));
    expect(watermarkOf(null, null, settleMs)).toBeNull();
  });

  test('has settled once it lies settle before the source clock', () => {
    expect(watermarkOf(iso(START - settleMs), START, settleMs)?.isSettled).toBe(true);
    expect(watermarkOf(iso(START - settleMs + 1), START, settleMs)?.isSettled).toBe(false);
    expect(watermarkOf(iso(START - settleMs), null, settleMs)?.isSettled).toBe(false);
  });
});

describe('searchesSince', () => {
  test('read again all that lies within settle before a watermark that has not settled', () => {
    const [only, ...more] = searchesSince({at: iso(START), isSettled: false}, iso(START + 1), 1_000);
    expect(only).toEqual({window: {from: iso(START - 1_000), to: iso(START + 1)}, isGlance: false});
    expect(more).toEqual([]);
  });

  test('only glance at what lies before one that has', () => {
    const searches = searchesSince({at: iso(START), isSettled: true}, iso(START + 9), 1_000);
    expect(searches).toEqual([
      {window: {from: iso(START + 1), to: iso(START + 9)}, isGlance: false},
      {window: {from: iso(START - 1_000), to: iso(START + 1)}, isGlance: true},
    ]);
  });
});
