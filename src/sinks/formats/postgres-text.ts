import {assert} from '../../core/errors.ts';

// Reads values as Postgres writes them as text (TimeZone UTC, DateStyle ISO, bytea_output hex). Messages do not repeat
// the value, which may be personal data.

const ZERO = 0x30;
const FRACTION_AT = '2024-03-01 09:15:42'.length;
const FRACTION_DIGITS = 6;
const UTC_SUFFIX = '+00';

/**
 * Microseconds since 1970 of a timestamptz of the years 1 to 9999.
 * @example timestampMicros('1969-12-31 23:59:59.5+00') // -500_000n
 */
export function timestampMicros(text: string): bigint {
  assertTimestamp(text);
  const days = daysSince1970(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2));
  const seconds = days * 86_400 + digits(text, 11, 2) * 3_600 + digits(text, 14, 2) * 60 + digits(text, 17, 2);
  const fraction = text.length - FRACTION_AT - UTC_SUFFIX.length - 1;
  const micros = fraction > 0 ? digits(text, FRACTION_AT + 1, fraction) * 10 ** (FRACTION_DIGITS - fraction) : 0;
  return BigInt(seconds) * 1_000_000n + BigInt(micros);
}

/**
 * A timestamptz in ISO 8601, always with six digits, so that text order is time order.
 * @example isoTimestamp('2024-03-01 09:15:42.5+00') // '2024-03-01T09:15:42.500000Z'
 */
export function isoTimestamp(text: string): string {
  assertTimestamp(text);
  const fraction = text.slice(FRACTION_AT + 1, -UTC_SUFFIX.length).padEnd(FRACTION_DIGITS, '0');
  return `${text.slice(0, 10)}T${text.slice(11, FRACTION_AT)}.${fraction}Z`;
}

function assertTimestamp(text: string): void {
  const fraction = text.length - FRACTION_AT - UTC_SUFFIX.length;
  const isSized = fraction === 0 || (fraction >= 2 && fraction <= 1 + FRACTION_DIGITS && text[FRACTION_AT] === '.');
  assert(isSized && text[10] === ' ' && text.endsWith(UTC_SUFFIX), 'a timestamp is not in the form asked for');
}

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil; for years from 1 on.
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let k = at; k < at + count; k++) {
    const digit = text.charCodeAt(k) - ZERO;
    assert(digit >= 0 && digit <= 9, 'a timestamp is not in the form asked for');
    value = value * 10 + digit;
  }
  return value;
}

/** A boolean. */
export function booleanOf(text: string): boolean {
  assert(text === 't' || text === 'f', 'a boolean is neither t nor f');
  return text === 't';
}

/** A double precision number; Postgres writes as many digits as give the same number again. */
export function doubleOf(text: string): number {
  const value = Number(text);
  assert(!Number.isNaN(value) || text === 'NaN', 'a double is no number');
  return value;
}

/** Hex digits of a bytea. */
export function hexOf(text: string): string {
  assert(text.startsWith('\\x'), 'a bytea is not in hex');
  return text.slice(2);
}

/**
 * Elements of a one-dimensional text array. Source: PostgreSQL manual, 8.15.6.
 * @example textArray('{a,"b c",NULL,"NULL"}') // ['a', 'b c', null, 'NULL']
 */
export function textArray(literal: string): (string | null)[] {
  const end = literal.length - 1;
  assert(literal[0] === '{' && literal[end] === '}', 'an array is not in braces');
  const elements: (string | null)[] = [];
  for (let at = 1; at < end; at++) {
    if (literal[at] === '"') {
      const close = closingQuote(literal, at + 1);
      elements.push(literal.slice(at + 1, close).replace(/\\(.)/gsu, '$1'));
      at = close + 1;
    } else {
      const comma = literal.indexOf(',', at);
      const stop = comma === -1 ? end : comma;
      const element = literal.slice(at, stop);
      assert(element !== '' && !/[{}"\\]/.test(element), 'an array is not of one dimension');
      elements.push(element === 'NULL' ? null : element);
      at = stop;
    }
    assert(at === end || (literal[at] === ',' && at + 1 < end), 'an array has something after an element');
  }
  return elements;
}

function closingQuote(literal: string, from: number): number {
  for (let at = from; at < literal.length; at++) {
    if (literal[at] === '\\') at++;
    else if (literal[at] === '"') return at;
  }
  return literal.length;
}
