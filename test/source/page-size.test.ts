import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {divisibleSize, LARGE_PAGE_BYTES, PageSizer, sizesBelow} from '../../src/source/page-size.ts';

test('halves as exactly as the size allows', () => {
  expect(sizesBelow(1000)).toEqual([1000, 500, 250, 125, 25, 5, 1]);
  expect(sizesBelow(128)).toEqual([128, 64, 32, 16, 8, 4, 2, 1]);
});

test.each([
  [1000, 1000],
  [997, 980],
  [700, 700],
  [11, 10],
  [1, 1],
])('makes a size that can be divided out of %i: %i', (wanted, expected) => {
  expect(divisibleSize(wanted)).toBe(expected);
});

describe('PageSizer', () => {
  test('goes down one size for each refusal, and has none below one', () => {
    const sizer = new PageSizer(20);
    expect([20, 10, 5, 1].map((size) => sizer.refused(size))).toEqual([10, 5, 1, null]);
    expect(sizer.size).toBe(1);
  });

  test('goes down at once to a size at which pages are not large', () => {
    const sizer = new PageSizer(1000);
    sizer.accepted(1000, 1000, 5 * LARGE_PAGE_BYTES);
    expect(sizer.size).toBe(125);
  });

  test('goes up again after eight good pages', () => {
    const sizer = new PageSizer(1000);
    sizer.refused(1000);
    sizer.refused(500);
    for (let i = 0; i < 100; i++) sizer.accepted(sizer.size, sizer.size, 1000);
    expect(sizer.size).toBe(1000);
  });

  test('does not go up to a size at which pages were large', () => {
    const sizer = new PageSizer(1000);
    sizer.accepted(1000, 1000, 1.5 * LARGE_PAGE_BYTES);
    for (let i = 0; i < 100; i++) sizer.accepted(500, 500, 0.75 * LARGE_PAGE_BYTES);
    expect(sizer.size).toBe(500);
  });

  test('tries a refused size more and more rarely', () => {
    const sizer = new PageSizer(1000);
    let refusals = 0;
    for (let page = 0; page < 1000; page++) {
      if (sizer.size === 1000) {
        refusals += 1;
        sizer.refused(1000);
      } else sizer.accepted(sizer.size, sizer.size, 1000);
    }
    expect(refusals).toBeLessThan(9);
  });

  test('learns nothing from an empty page, nor from one asked for before the last change', () => {
    const sizer = new PageSizer(1000);
    sizer.refused(1000);
    for (let i = 0; i < 100; i++) sizer.accepted(500, 0, 50);
    for (let i = 0; i < 100; i++) sizer.accepted(1000, 1000, 50);
    expect(sizer.size).toBe(500);
  });

  test('names a size that begins a page at every offset', () => {
    fc.assert(
      fc.property(
        fc.integer({min: 1, max: 1000}),
        fc.integer({min: 1, max: 1000}),
        fc.nat(1_000_000),
        (wanted, startAt, offset) => {
          const sizer = new PageSizer(wanted, startAt);
          const size = sizer.sizeAt(offset);
          expect(offset % size).toBe(0);
          expect(size).toBeLessThanOrEqual(sizer.size);
        },
      ),
    );
  });
});
