const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const ZERO = 0x30;
const NANO_DIGITS = 9;

/**
 * A time in one form whose text order is time order, `YYYY-MM-DDTHH:MM:SS.nnnnnnnnn` in UTC; null when the text is no
 * RFC 3339 time of the years 1 to 9999. Digits past the ninth are dropped. A leap second (`:60`) is not taken: Go and
 * protobuf, which write these, have none.
 * @example comparableInstant('2024-05-01T02:00:00.5+02:00') // '2024-05-01T00:00:00.500000000'
 */
export function comparableInstant(text: string): string | null {
  if (text.length < 20 || !isPunctuated(text)) return null;
  const year = digits(text, 0, 2) * 100 + digits(text, 2, 2);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  // A part that is no number is NaN, of which each of these is false.
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return null;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return null;

  let end = 19;
  if (text[19] === '.') {
    for (end = 20; isDigit(text.charCodeAt(end));) end++;
    if (end === 20) return null;
  }
  const fraction = text.slice(20, Math.min(end, 20 + NANO_DIGITS)).padEnd(NANO_DIGITS, '0');
  const zone = text.charCodeAt(end) | 0x20;
  if (zone === 0x7a && text.length === end + 1) return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}`;
  const offset = offsetMinutes(text, end);
  if (offset === null) return null;
  const utc = new Date(0);
  utc.setUTCFullYear(year, month - 1, day);
  utc.setUTCHours(hour, minute - offset, second);
  const utcYear = utc.getUTCFullYear();
  return utcYear >= 1 && utcYear <= 9999 ? `${utc.toISOString().slice(0, 19)}.${fraction}` : null;
}

function isPunctuated(text: string): boolean {
  const t = text[10];
  return text[4] === '-' && text[7] === '-' && (t === 'T' || t === 't') && text[13] === ':' && text[16] === ':';
}

// RFC 3339, section 5.6: Z, or a sign, hours to 23 and minutes to 59. Minutes to take away; null when it is neither.
function offsetMinutes(text: string, at: number): number | null {
  const sign = text[at];
  if ((sign !== '+' && sign !== '-') || text.length !== at + 6 || text[at + 3] !== ':') return null;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
  if (!(hours <= 23 && minutes <= 59)) return null;
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes);
}

function daysIn(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeap ? 29 : DAYS[month - 1]!;
}

function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let k = at; k < at + count; k++) {
    const c = text.charCodeAt(k);
    if (!isDigit(c)) return NaN;
    value = value * 10 + c - ZERO;
  }
  return value;
}

function isDigit(c: number): boolean {
  return c >= ZERO && c <= ZERO + 9;
}
