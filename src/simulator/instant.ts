import {mix32} from './random.ts';

/*
 * An instant is a whole number of microseconds since 1970. What is shown of it follows from the number alone: no
 * fraction for a whole second, one digit for a tenth, three for a millisecond, else six or, for one in four, nine.
 */

const TWO: readonly string[] = Array.from({length: 100}, (_, n) => String(n).padStart(2, '0'));
const dayTexts = new Map<number, string>();

/** RFC 3339 text of an instant, UTC, with 0 to 9 digits of fraction. */
export function instantText(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const day = Math.floor(seconds / 86_400);
  const s = seconds - day * 86_400;
  const hour = (s / 3600) | 0;
  const minute = ((s - hour * 3600) / 60) | 0;
  const clock = `${TWO[hour] as string}:${TWO[minute] as string}:${TWO[s - hour * 3600 - minute * 60] as string}`;
  return `${dayText(day)}${clock}${fraction(us, us - seconds * 1e6)}Z`;
}

/** Nanoseconds past the microsecond that `instantText` shows. */
export function nanosOf(us: number): number {
  return us % 1000 === 0 ? 0 : nanosTail(us);
}

/** A moment as the API's filters give it. */
export interface Moment {
  readonly us: number;
  readonly ns: number;
}

/** Reads RFC 3339 text in UTC; null when it is something else. */
export function parseMoment(text: string): Moment | null {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)$/.exec(text);
  if (match === null) return null;
  const ms = Date.parse(`${match[1]}T${match[2]}Z`);
  if (Number.isNaN(ms)) return null;
  const nanos = Number((match[3] ?? '').padEnd(9, '0'));
  return {us: ms * 1000 + Math.floor(nanos / 1000), ns: nanos % 1000};
}

/** Is the instant, with all digits that are shown of it, before the moment (negative), at it (0), or after it? */
export function compareToMoment(us: number, moment: Moment): number {
  return us - moment.us || nanosOf(us) - moment.ns;
}

function dayText(day: number): string {
  let text = dayTexts.get(day);
  if (text === undefined) {
    text = new Date(day * 86_400_000).toISOString().slice(0, 11);
    dayTexts.set(day, text);
  }
  return text;
}

function fraction(us: number, micros: number): string {
  if (micros === 0) return '';
  if (micros % 100_000 === 0) return `.${micros / 100_000}`;
  if (micros % 1000 === 0) return `.${pad3(micros / 1000)}`;
  const six = `.${pad3((micros / 1000) | 0)}${pad3(micros % 1000)}`;
  const tail = nanosTail(us);
  return tail === 0 ? six : six + pad3(tail);
}

function nanosTail(us: number): number {
  const h = mix32(us % 0x7fffffff);
  return (h & 3) === 0 ? 1 + ((h >>> 8) % 999) : 0;
}

function pad3(n: number): string {
  return ((n / 100) | 0) + (TWO[n % 100] as string);
}
