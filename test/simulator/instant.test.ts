import fc from 'fast-check';
import {expect, test} from 'vitest';
import {compareToMoment, instantText, nanosOf, parseMoment} from '../../src/simulator/instant.ts';

const us = fc.oneof(
  fc.integer({min: 0, max: 4e15}),
  fc.integer({min: 0, max: 4e12}).map((ms) => ms * 1000),
  fc.integer({min: 0, max: 4e9}).map((s) => s * 1_000_000),
);

test('the text of an instant reads back as the instant with all its digits', () => {
  fc.assert(
    fc.property(us, (instant) => {
      const moment = parseMoment(instantText(instant));
      expect(moment).toEqual({us: instant, ns: nanosOf(instant)});
      expect(compareToMoment(instant, moment as {us: number; ns: number})).toBe(0);
    }),
  );
});

test('agrees with Date to the millisecond', () => {
  fc.assert(
    fc.property(
      us,
      (instant) => Date.parse(instantText(instant).replace(/(\.\d{3})\d*/, '$1')) === Math.floor(instant / 1000),
    ),
  );
});

test('shows no fraction of a whole second and refuses what is no time', () => {
  expect(instantText(Date.UTC(2024, 2, 1, 9, 5, 7) * 1000)).toBe('2024-03-01T09:05:07Z');
  expect(instantText(Date.UTC(2024, 2, 1, 9, 5, 7) * 1000 + 500_000)).toBe('2024-03-01T09:05:07.5Z');
  expect(instantText(Date.UTC(2024, 2, 1, 9, 5, 7) * 1000 + 45_000)).toBe('2024-03-01T09:05:07.045Z');
  expect(parseMoment('2024-03-01')).toBeNull();
  expect(parseMoment('2024-13-01T00:00:00Z')).toBeNull();
});
