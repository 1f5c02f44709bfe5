/**
 * Pause asked for by a Retry-After header, in ms (0 or more); undefined when absent or unreadable. Never throws.
 * @param value whole seconds ("120") or an HTTP date. Source: RFC 9110, section 10.2.3
 * @param nowMs present time as epoch ms
 * @example parseRetryAfter('120', 0) // 120_000
 */
export function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  if (value === null) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // Date.parse takes a bare number or "-5" for a year; an HTTP date begins with the name of a day.
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const pauseMs = Date.parse(text) - nowMs;
  return Number.isNaN(pauseMs) ? undefined : Math.max(0, pauseMs);
}
