import {UsageError} from '../core/errors.ts';

/** The number that a flag gives; undefined where the flag was left out. Throws UsageError unless it is whole and above 0. */
export function wholeNumber(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d{1,9}$/.test(value) || number === 0) {
    throw new UsageError(`${flag}: expected a whole number above 0, found "${value}"`);
  }
  return number;
}
