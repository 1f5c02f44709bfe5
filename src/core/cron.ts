import {CronExpressionParser} from 'cron-parser';

/** When something is to happen, by the clock on the wall of a time zone. */
export interface Cron {
  /** Five fields, or six with seconds first. */
  readonly pattern: string;
  /** IANA name. */
  readonly timezone: string;
}

const FIVE_OR_SIX_FIELDS = /^\S+(\s+\S+){4,5}$/;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Whether the name is one that the platform's time zone data have. */
export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', {timeZone: name});
    return true;
  } catch {
    return false;
  }
}

/** Why a pattern cannot be used, as the end of a sentence; null when it can: it has a next time, whenever that is. */
export function cronProblem(pattern: string): string | null {
  const trimmed = pattern.trim();
  if (!FIVE_OR_SIX_FIELDS.test(trimmed)) return 'has neither five fields nor six';
  try {
    CronExpressionParser.parse(trimmed, {tz: 'UTC', currentDate: 0}).next();
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return /out of the time ?span|loop limit|Invalid explicit day of month/i.test(message)
      ? 'names a day that never comes'
      : `cannot be read (${message})`;
  }
}

/**
 * The first time after `afterMs` (epoch ms, excluded) at which the pattern is due.
 *
 * Contract, section 7: a local time that daylight saving skips is due at the next moment that exists, one that it
 * doubles is due once, the first time. A pattern for every hour (`*` in the field of hours) goes by real time instead:
 * a quarter of an hour is a quarter of an hour on that day too.
 */
export function nextDueMs({pattern, timezone}: Cron, afterMs: number): number {
  if (isEveryHour(pattern)) {
    return CronExpressionParser.parse(pattern, {tz: timezone, currentDate: afterMs}).next().getTime();
  }
  // Wall times are counted as if the zone were UTC; the pattern knows no other. From before any change of the clocks on.
  const walls = CronExpressionParser.parse(pattern, {tz: 'UTC', currentDate: wallMs(afterMs, timezone) - DAY_MS / 4});
  for (;;) {
    const dueMs = firstMomentOf(walls.next().getTime(), timezone);
    if (dueMs > afterMs) return dueMs;
  }
}

function isEveryHour(pattern: string): boolean {
  return (pattern.split(/\s+/).at(-4) ?? '').startsWith('*');
}

/** The first moment at which the clock on the wall shows `atMs`; where it never does, the first at which it is past it. */
function firstMomentOf(atMs: number, timezone: string): number {
  const offsets = [-DAY_MS, DAY_MS].map((ms) => offsetMs(atMs + ms, timezone));
  const moments = offsets.map((offset) => atMs - offset).filter((moment) => wallMs(moment, timezone) === atMs);
  if (moments.length > 0) return Math.min(...moments);
  // In the gap: the clocks go forward at one moment between these two.
  let beforeMs = atMs - Math.max(...offsets);
  let behindMs = atMs - Math.min(...offsets);
  while (behindMs - beforeMs > 1) {
    const middleMs = Math.floor((beforeMs + behindMs) / 2);
    if (wallMs(middleMs, timezone) >= atMs) behindMs = middleMs;
    else beforeMs = middleMs;
  }
  return behindMs;
}

const offsetMs = (momentMs: number, timezone: string): number => wallMs(momentMs, timezone) - momentMs;

const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** What the clock on the wall shows at a moment, as ms since 1970 by that clock. */
function wallMs(momentMs: number, timezone: string): number {
  let format = FORMATS.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en', {
      timeZone: timezone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    FORMATS.set(timezone, format);
  }
  const shown = Object.fromEntries(format.formatToParts(momentMs).map(({type, value}) => [type, Number(value)]));
  const {year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0} = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((momentMs % 1000) + 1000) % 1000);
}
