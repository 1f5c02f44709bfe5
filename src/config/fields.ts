import {z} from 'zod';
import {BYTES_PATTERN, parseBytes} from '../core/bytes.ts';
import {cronProblem} from '../core/cron.ts';
import {DURATION_PATTERN, parseDuration} from '../core/duration.ts';
import {objectPlaceOf} from '../core/places.ts';

/** What the table says of a key beside its parser, default and sentence. */
export interface OptionFacts {
  /** Variable that fills the key when the file leaves it out. */
  readonly env?: string;
  /** Its value is never shown. */
  readonly isSecret?: true;
}

/** The facts of each key, by the schema object that `option` gave back. */
export const OPTION_FACTS = z.registry<OptionFacts>();

/** One row of the table: a parser (with its default) and one sentence with the unit. */
export function option<S extends z.ZodType>(parser: S, doc: string, facts: OptionFacts = {}): S {
  const row = parser.describe(doc);
  OPTION_FACTS.add(row, facts);
  return row;
}

// Every parser below gives the same message for every way to miss it: what was expected, for `expected …, found …`.

/** Text that is not empty. */
export const text = (expected: string) => matching(/\S/, expected);

/** Text of a certain form. */
export const matching = (pattern: RegExp, expected: string) =>
  z.string({error: expected}).regex(pattern, {error: expected});

/** A whole number within bounds, both included. */
export function intBetween(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({error}).min(min, {error}).max(max, {error});
}

/** A number that is not below `min`. */
export function numberFrom(min: number) {
  const error = `a number that is ${min} or more`;
  return z.number({error}).min(min, {error});
}

/** true or false. */
export const yesOrNo = () => z.boolean({error: 'true or false'});

/** One of some words. */
export const oneOf = <const W extends readonly string[]>(...words: W) =>
  z.enum(words, {error: `one of ${words.join(', ')}`});

/** A length of time such as `10m`, given as milliseconds. */
export function duration(minMs: number, expected: string) {
  return matching(DURATION_PATTERN, expected).transform((written, context) => {
    const ms = parseDuration(written);
    if (ms !== undefined && ms >= minMs) return ms;
    context.issues.push({code: 'custom', message: expected, input: written});
    return z.NEVER;
  });
}

/** A size such as `8MiB`, or a number of bytes, within bounds, both included. */
export function byteSize(minBytes: number, maxBytes: number, expected: string) {
  const written = z.union([z.number(), z.string().regex(BYTES_PATTERN)], {error: expected});
  return written.transform((size, context) => {
    const bytes = typeof size === 'number' ? size : parseBytes(size);
    if (bytes !== undefined && Number.isSafeInteger(bytes) && bytes >= minBytes && bytes <= maxBytes) return bytes;
    context.issues.push({code: 'custom', message: expected, input: size});
    return z.NEVER;
  });
}

/** A URL of one of some schemes (`https:`). Whether it may carry a user and a password is for the caller to say. */
export function urlOf(schemes: readonly string[], expected: string, mayHoldPassword = false) {
  return z.string({error: expected}).refine(
    (written) => {
      if (!URL.canParse(written)) return false;
      const url = new URL(written);
      return schemes.includes(url.protocol) && (mayHoldPassword || (url.username === '' && url.password === ''));
    },
    {error: expected},
  );
}

/** A URL of a bucket or of a folder of this machine. */
export function objectUrl() {
  const expected = 's3://bucket/prefix or file:///folder, without a user or password';
  const isPlace = (written: string): boolean => URL.canParse(written) && objectPlaceOf(written) !== null;
  return z.string({error: expected}).refine(isPlace, {error: expected});
}

/**
 * A schema this service may make tables in. Lower case, so that nobody has to quote it; `pg_*` and
 * `information_schema` belong to Postgres, `clarifai_sync` to the ledger.
 */
export function schemaName() {
  const expected =
    'a schema name of at most 63 lower-case letters, digits and _, not starting with a digit or pg_, ' +
    'and neither information_schema nor clarifai_sync';
  return matching(/^(?!pg_|information_schema$|clarifai_sync$)[a-z_][a-z0-9_]{0,62}$/, expected);
}

/** A name that appears in logs, metrics and the ledger. */
export const shortName = (what: string) =>
  matching(/^[a-z0-9][a-z0-9_-]{0,62}$/i, `a name for the ${what}: at most 63 letters, digits, - and _`);

/** An id as the API writes it; it becomes a part of request paths and of object names. */
export const apiId = (what: string) =>
  matching(/^[^\s\x00-\x1f/?#]+$/, `the id of the ${what} as text (in quotes if it is a number), without spaces or /`);

/** All, the default set, or some streams by name. Whether the names exist is checked against the catalogue. */
export function streamSelection() {
  const expected = 'default, all, or a list of stream names';
  return z.union([z.enum(['default', 'all']), z.array(z.string()).min(1)], {error: expected});
}

/** A cron pattern that is due some day. */
export function cronPattern() {
  const expected = 'a cron pattern of five fields, or of six with seconds first';
  return z.string({error: expected}).transform((written, context) => {
    const problem = cronProblem(written);
    if (problem === null) return written.trim().replace(/\s+/g, ' ');
    context.issues.push({code: 'custom', message: `${expected}; this one ${problem}`, input: written});
    return z.NEVER;
  });
}
