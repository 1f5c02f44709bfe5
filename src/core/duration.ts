const UNIT_MS = {ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000} as const;

type Unit = keyof typeof UNIT_MS;

/** How a duration is written: a number, whole or with decimals, and its unit; nothing else around it. */
export const DURATION_PATTERN = /^(\d{1,15}(?:\.\d{1,9})?)(ms|s|m|h|d|w)$/;

/**
 * Milliseconds of a duration, whole and 0 or more; undefined when it cannot be read or is too long to count exactly.
 * Never throws. Days have 24 hours: this is a length of time, not a calendar.
 * @example parseDuration('10m') // 600_000
 */
export function parseDuration(text: string): number | undefined {
  const match = DURATION_PATTERN.exec(text);
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * UNIT_MS[match[2] as Unit]);
  return Number.isSafeInteger(ms) ? ms : undefined;
}
