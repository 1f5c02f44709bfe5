import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {cronProblem, isTimezone, nextDueMs} from '../../src/core/cron.ts';

const BERLIN = 'Europe/Berlin';
const NEW_YORK = 'America/New_York';

/** The next `count` times after a moment, in RFC 3339. */
function due(pattern: string, timezone: string, after: string, count: number): string[] {
  const found: string[] = [];
  for (let ms = Date.parse(after); found.length < count;) {
    ms = nextDueMs({pattern, timezone}, ms);
    found.push(new Date(ms).toISOString().replace('.000Z', 'Z'));
  }
  return found;
}

describe('a local time that daylight saving skips is due at the next moment that exists', () => {
  it('in Berlin, at 03:00 summer time', () => {
    expect(due('30 2 * * *', BERLIN, '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00Z',
      '2026-03-30T00:30:00Z',
    ]);
  });
  it('in New York, at 03:00 summer time', () => {
    expect(due('30 2 * * *', NEW_YORK, '2026-03-07T12:00:00Z', 2)).toEqual([
      '2026-03-08T07:00:00Z',
      '2026-03-09T06:30:00Z',
    ]);
  });
  it('once, when two of them are skipped', () => {
    expect(due('15,45 2,3 * * *', BERLIN, '2026-03-28T12:00:00Z', 3)).toEqual([
      '2026-03-29T01:00:00Z',
      '2026-03-29T01:15:00Z',
      '2026-03-29T01:45:00Z',
    ]);
  });
});

describe('a local time that daylight saving doubles is due once', () => {
  it('in Berlin, the first time', () => {
    expect(due('30 2 * * *', BERLIN, '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00Z',
      '2026-10-26T01:30:00Z',
    ]);
  });
  it('in New York, the first time', () => {
    expect(due('30 1 * * *', NEW_YORK, '2026-10-31T12:00:00Z', 2)).toEqual([
      '2026-11-01T05:30:00Z',
      '2026-11-02T06:30:00Z',
    ]);
  });
  it('also when asked for from within the doubled hour', () => {
    expect(due('30 2 * * *', BERLIN, '2026-10-25T00:45:00Z', 1)).toEqual(['2026-10-26T01:30:00Z']);
  });
});

describe('a pattern for every hour goes by real time', () => {
  it('through the doubled hour', () => {
    expect(due('*/30 * * * *', BERLIN, '2026-10-24T23:59:00Z', 5)).toEqual([
      '2026-10-25T00:00:00Z',
      '2026-10-25T00:30:00Z',
      '2026-10-25T01:00:00Z',
      '2026-10-25T01:30:00Z',
      '2026-10-25T02:00:00Z',
    ]);
  });
  it('through the skipped hour', () => {
    expect(due('*/30 * * * *', BERLIN, '2026-03-29T00:20:00Z', 3)).toEqual([
      '2026-03-29T00:30:00Z',
      '2026-03-29T01:00:00Z',
      '2026-03-29T01:30:00Z',
    ]);
  });
});

it('six fields have seconds first', () => {
  expect(due('*/20 0 3 * * *', 'UTC', '2026-01-01T03:00:00Z', 3)).toEqual([
    '2026-01-01T03:00:20Z',
    '2026-01-01T03:00:40Z',
    '2026-01-02T03:00:00Z',
  ]);
});

it('the next time is after the moment, and none lies between', () => {
  const moments = fc.integer({min: Date.parse('2020-01-01'), max: Date.parse('2040-01-01')});
  const patterns = fc.constantFrom('30 2 * * *', '0 3 * * 1', '*/15 * * * *', '15,45 1-3 * * *', '0 0 1 * *');
  const zones = fc.constantFrom(BERLIN, NEW_YORK, 'UTC', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Africa/Casablanca');
  fc.assert(
    fc.property(moments, fc.integer({min: 1, max: 86_400_000}), patterns, zones, (ms, stepMs, pattern, timezone) => {
      const next = nextDueMs({pattern, timezone}, ms);
      expect(next).toBeGreaterThan(ms);
      const later = nextDueMs({pattern, timezone}, ms + stepMs);
      expect(later).toBe(next > ms + stepMs ? next : Math.max(later, ms + stepMs + 1));
    }),
    {numRuns: 300},
  );
});

describe('a pattern that cannot be used is told', () => {
  it.each([
    ['* * *', 'neither five fields nor six'],
    ['0 0 31 2 *', 'never comes'],
    ['61 * * * *', 'cannot be read'],
    ['@daily', 'neither five fields nor six'],
    ['banana', 'neither five fields nor six'],
    ['0 0 * * * * *', 'neither five fields nor six'],
  ])('%s', (pattern, problem) => {
    expect(cronProblem(pattern)).toContain(problem);
  });
  it.each(['*/15 * * * *', '0 30 2 * * *', '0 0 29 2 *', '0 3 * * MON-FRI'])('%s can be used', (pattern) => {
    expect(cronProblem(pattern)).toBeNull();
  });
});

it('a time zone is one that the platform knows', () => {
  expect([isTimezone('Europe/Berlin'), isTimezone('UTC'), isTimezone('Europe/Berlyn')]).toEqual([true, true, false]);
});
