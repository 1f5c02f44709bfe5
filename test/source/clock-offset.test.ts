import {describe, expect, test} from 'vitest';
import {ClockOffset} from '../../src/source/clock-offset.ts';

/** What is measured by an answer that takes `outMs` there and `backMs` back, at `atMs`, from a clock 500 ms before ours. */
const measure = (offset: ClockOffset, atMs: number, outMs: number, backMs: number) =>
  offset.measured(atMs + outMs + 500, atMs, atMs + outMs + backMs);

describe('ClockOffset', () => {
  test('is exact where the way there takes as long as the way back', () => {
    expect(measure(new ClockOffset(), 1000, 40, 40)).toBe(500);
  });

  test('is off by half of the difference otherwise', () => {
    expect(measure(new ClockOffset(), 1000, 60, 0)).toBe(530);
  });

  test('is told by the quickest answer, before or after a slow one', () => {
    const offset = new ClockOffset();
    measure(offset, 1000, 60, 0);
    expect(measure(offset, 2000, 1, 1)).toBe(500);
    expect(measure(offset, 3000, 60, 0)).toBe(500);
  });

  test('keeps a quick answer for more than half a minute, whatever comes then', () => {
    const offset = new ClockOffset();
    measure(offset, 0, 60, 0);
    measure(offset, 20_000, 1, 1);
    expect(measure(offset, 31_000, 60, 0)).toBe(500);
    expect(measure(offset, 59_000, 0, 60)).toBe(500);
  });

  test('forgets an answer after a minute', () => {
    const offset = new ClockOffset();
    measure(offset, 0, 1, 1);
    measure(offset, 31_000, 60, 0);
    expect(measure(offset, 62_000, 60, 0)).toBe(530);
  });

  test.each([8 * 3_600_000, -8 * 3_600_000, 100, -100])('forgets all when the clock jumps by %i ms', (jumpMs) => {
    const offset = new ClockOffset();
    measure(offset, 0, 1, 1);
    expect(offset.measured(1040 + 500 + jumpMs, 1000, 1080)).toBe(500 + jumpMs);
    expect(offset.measured(2001 + 500 + jumpMs, 2000, 2002)).toBe(500 + jumpMs);
  });

  test('takes no slow answer for a jump', () => {
    const offset = new ClockOffset();
    measure(offset, 0, 1, 1);
    expect(measure(offset, 1000, 400, 0)).toBe(500);
  });

  test('forgets all when it was not asked for a minute: a clock may have drifted far', () => {
    const offset = new ClockOffset();
    measure(offset, 0, 1, 1);
    expect(measure(offset, 61_000, 60, 0)).toBe(530);
  });
});
