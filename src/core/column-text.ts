import {comparableInstant} from './instant.ts';
import type {ColumnType} from './shape.ts';

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const INTEGER = /^-?(?:0|[1-9]\d*)$/;
/** Digits that Postgres' timestamptz keeps. */
const MICRO_END = '2024-01-01T00:00:00.000000'.length;
const INT4 = 2n ** 31n;
const INT8 = 2n ** 63n;

/** What each type takes, for messages. */
export const EXPECTED: Readonly<Record<ColumnType, string>> = {
  text: 'a string, number or boolean',
  integer: 'a whole number from -2147483648 to 2147483647',
  bigint: 'a whole number of 64 bits, as a number or a string',
  double: 'a number of 64-bit floating point, "NaN", "Infinity" or "-Infinity"',
  boolean: 'true or false',
  timestamp: 'an RFC 3339 time of the years 1 to 9999',
  json: 'any JSON',
  'text[]': 'an array of strings',
};

/**
 * A column's value as Postgres reads it, from the JSON text of the value in the record; null for SQL null, undefined
 * when the type cannot hold it. The text holds no `\u0000` or lone surrogate escape (repairEscapes).
 *
 * - Numbers keep their digits; those that arrive as strings, as protobuf writes 64-bit integers, count as numbers.
 * - A timestamp is written in UTC with 6 digits. Further digits are dropped, not rounded, so that no column says later
 *   than the record; `raw` keeps them all.
 */
export function columnText(type: ColumnType, json: string): string | null | undefined {
  if (json === 'null') return null;
  switch (type) {
    case 'json':
      return json;
    case 'text':
      return json[0] === '"'
        ? stringOf(json)
        : json === 'true' || json === 'false' || NUMBER.test(json)
          ? json
          : undefined;
    case 'boolean':
      return json === 'true' || json === 'false' ? json : undefined;
    case 'integer':
      return wholeNumber(json, INT4);
    case 'bigint':
      return wholeNumber(json, INT8);
    case 'double':
      return floatNumber(json);
    case 'timestamp': {
      const instant = json[0] === '"' ? comparableInstant(stringOf(json)) : null;
      return instant === null ? undefined : `${instant.slice(0, MICRO_END)}Z`;
    }
    case 'text[]':
      return textArray(json);
  }
}

/** The string that a JSON string stands for. The text must be one, with well-formed escapes. */
export function stringOf(json: string): string {
  return json.includes('\\') ? (JSON.parse(json) as string) : json.slice(1, -1);
}

/** Is this the JSON text of a number? */
export function isNumber(json: string): boolean {
  return NUMBER.test(json);
}

function wholeNumber(json: string, limit: bigint): string | undefined {
  const text = json[0] === '"' ? stringOf(json) : json;
  if (INTEGER.test(text)) {
    if (text.length < 10) return text;
    if (text.length > 20) return undefined;
    const value = BigInt(text);
    return value >= -limit && value < limit ? text : undefined;
  }
  // `1.0` and `1e3` are whole numbers too.
  const value = NUMBER.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) && BigInt(value) >= -limit && BigInt(value) < limit ? String(value) : undefined;
}

function floatNumber(json: string): string | undefined {
  const text = json[0] === '"' ? stringOf(json) : json;
  if (json[0] === '"' && (text === 'NaN' || text === 'Infinity' || text === '-Infinity')) return text;
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  // Postgres refuses both what is too large and what is so small that it would become 0.
  const isLost = value === 0 && /[1-9]/.test(text.replace(/[eE].*$/, ''));
  return Number.isFinite(value) && !isLost ? text : undefined;
}

function textArray(json: string): string | undefined {
  if (json[0] !== '[') return undefined;
  let values: unknown;
  try {
    values = JSON.parse(json);
  } catch {
    return undefined; // the scan does not check what is inside, and jsonb will refuse the record
  }
  if (!Array.isArray(values) || !values.every((value) => typeof value === 'string')) return undefined;
  return `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
