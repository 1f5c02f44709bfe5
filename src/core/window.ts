/** A span of time at the source, both ends included, as RFC 3339 text with all the digits that it needs. */
export interface Window {
  readonly from: string;
  readonly to: string;
}

/** Ends are whole milliseconds: finer than the smallest window worth searching, and what a Date can hold. */
const MIN_WIDTH_MS = 2;

/**
 * Two parts of a window that is too full for the search's paging cap; they meet without a gap (a record at the seam
 * shows in both, and is written once). null for a window that cannot be parted.
 * @param times of records in it, epoch ms: parted at their median, since changes come in heaps; in the middle without any
 */
export function parts({from, to}: Window, times: readonly number[]): readonly [Window, Window] | null {
  const start = Date.parse(from);
  const end = Date.parse(to);
  if (!(end - start >= MIN_WIDTH_MS)) return null;
  const median = [...times].sort((a, b) => a - b)[times.length >> 1] ?? start + Math.floor((end - start) / 2);
  const middle = new Date(Math.min(Math.max(median, start + 1), end - 1)).toISOString();
  return [
    {from, to: middle},
    {from: middle, to},
  ];
}

/** `text` less `ms` (more, where it is negative), never before 1970; whole milliseconds, rounded down. */
export function earlier(text: string, ms: number): string {
  return new Date(Math.max(0, Date.parse(text) - ms)).toISOString();
}

/** A Date header has whole seconds, and is made before the answer is sent. */
const LAG_MS = 2_000;

/** Up to where a stream read by windows is known, in the source's time. */
export interface Watermark {
  /** RFC 3339 text. */
  readonly at: string;
  /** By the source's clock it was `settle` old already when it was taken: what lies before it had time to show. */
  readonly isSettled: boolean;
}

/**
 * The lesser of the newest change that is committed and the source's clock less a lag, never our own clock (design,
 * section 4).
 * @param newest RFC 3339 text of the newest `modified_at` that was read; null when there is none
 * @param sourceTimeMs the answer's Date header, epoch ms, taken before reading; null: not known
 * @returns null when nothing is known
 */
export function watermarkOf(newest: string | null, sourceTimeMs: number | null, settleMs: number): Watermark | null {
  const clock = sourceTimeMs === null ? null : new Date(sourceTimeMs - LAG_MS).toISOString();
  if (newest === null && clock === null) return null;
  const at = newest === null || (clock !== null && Date.parse(clock) < Date.parse(newest)) ? (clock as string) : newest;
  return {at, isSettled: sourceTimeMs !== null && Date.parse(at) <= sourceTimeMs - settleMs};
}

/** What to search since a watermark. */
export interface Search {
  readonly window: Window;
  /** Read the first page only: what is there was there before, unless it came very late. */
  readonly isGlance: boolean;
}

/**
 * Windows since a watermark. An edit may show up to `settle` late, so they overlap what was read; once the watermark is
 * settled the overlap is only glanced at, or an app whose last change was a mass change would be read again and again.
 * @param until the end, source time
 */
export function searchesSince({at, isSettled}: Watermark, until: string, settleMs: number): readonly Search[] {
  if (!isSettled) return [{window: {from: earlier(at, settleMs), to: until}, isGlance: false}];
  return [
    {window: {from: earlier(at, -1), to: until}, isGlance: false},
    {window: {from: earlier(at, settleMs), to: earlier(at, -1)}, isGlance: true},
  ];
}
