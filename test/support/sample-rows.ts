import fc from 'fast-check';
import type {Change, Field, FieldType, Operation} from '../../src/sinks/table-shape.ts';
import type {Row} from './part-file.ts';

/** A value as Postgres writes it, and as it is meant (see `Row`). */
export interface Sample {
  readonly text: string | null;
  readonly value: unknown;
}

/** A column of each type, required and not. */
export const FIELDS: readonly Field[] = (
  ['text', 'integer', 'bigint', 'double', 'boolean', 'timestamp', 'json', 'text[]', 'uuid', 'bytes'] as const
).flatMap((type, i): Field[] => [
  {name: `${type} "needed"`, type, isRequired: true, id: 2 * i + 1},
  {name: `${type}?`, type, isRequired: false, id: 2 * i + 2},
]);

export const NULL: Sample = {text: null, value: null};

/** Samples from what they mean; written by other means than the ones under test. */
export const sample = {
  text: (value: string): Sample => ({text: value, value}),
  integer: (value: number): Sample => ({text: String(value), value}),
  bigint: (value: bigint): Sample => ({text: String(value), value}),
  double: (value: number): Sample => ({text: Object.is(value, -0) ? '-0' : String(value), value}),
  boolean: (value: boolean): Sample => ({text: value ? 't' : 'f', value}),
  timestamp: (value: bigint): Sample => ({text: timestampText(value), value}),
  json: (value: string): Sample => ({text: value, value}),
  'text[]': (value: readonly (string | null)[]): Sample => ({text: arrayText(value), value}),
  uuid: (value: string): Sample => ({text: value, value}),
  bytes: (value: Uint8Array): Sample => {
    const hex = Buffer.from(value).toString('hex');
    return {text: `\\x${hex}`, value: hex};
  },
} satisfies Record<FieldType, (value: never) => Sample>;

export const EARLIEST = BigInt(Date.parse('0001-01-01T00:00:00Z')) * 1000n;
export const LATEST = BigInt(Date.parse('9999-12-31T23:59:59Z')) * 1000n + 999_999n;

// jsonb and text hold no NUL.
const string = fc.string({unit: 'grapheme', maxLength: 30}).map((text) => text.replaceAll('\0', ''));

/** Any values of a type, edges often, and often such as were there before. */
const ANY: Readonly<Record<FieldType, fc.Arbitrary<Sample>>> = {
  text: fc.oneof(string, fc.constantFrom('', 'NULL', '\u{1f600}', '\uffff', 'a\nb', '"\\')).map(sample.text),
  integer: fc.integer().map(sample.integer),
  bigint: fc
    .oneof(fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}), fc.constantFrom(2n ** 53n + 1n, -(2n ** 63n)))
    .map(sample.bigint),
  double: fc.double().map(sample.double),
  boolean: fc.boolean().map(sample.boolean),
  timestamp: fc.bigInt({min: EARLIEST, max: LATEST}).map(sample.timestamp),
  json: fc.json().map((json) => sample.json(json.replaceAll('\\u0000', ''))),
  'text[]': fc
    .array(fc.option(fc.oneof(string, fc.constantFrom('', 'NULL', '{"a,b\\"}'))), {maxLength: 5})
    .map(sample['text[]']),
  uuid: fc.uuid().map(sample.uuid),
  bytes: fc.uint8Array({maxLength: 20}).map(sample.bytes),
};

const OPERATIONS: readonly Operation[] = ['insert', 'update', 'delete'];

export interface SampleRow {
  readonly op: Operation;
  readonly samples: readonly Sample[];
}

/** Any row of `FIELDS`. */
export const anyRow: fc.Arbitrary<SampleRow> = fc.record({
  op: fc.constantFrom(...OPERATIONS),
  samples: fc.tuple(
    ...FIELDS.map(({type, isRequired}) => (isRequired ? ANY[type] : fc.option(ANY[type], {nil: NULL}))),
  ),
});

export const changeOf = ({op, samples}: SampleRow): Change => ({op, values: samples.map(({text}) => text)});

export function rowOf(fields: readonly Field[], {op, samples}: SampleRow): Row {
  return {...Object.fromEntries(fields.map(({name}, i) => [name, samples[i]?.value])), _sync_op: op};
}

/** The change and the row that is expected of one column of a type, with these values one after the other. */
export function columnOf(
  type: FieldType,
  samples: readonly Sample[],
): {fields: Field[]; changes: Change[]; rows: Row[]} {
  const fields: Field[] = [{name: 'x', type, isRequired: false, id: 1}];
  const sampleRows = samples.map((one): SampleRow => ({op: 'insert', samples: [one]}));
  return {fields, changes: sampleRows.map(changeOf), rows: sampleRows.map((row) => rowOf(fields, row))};
}

// As Postgres does, without zeros at the end of the fraction.
function timestampText(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, 19).replace('T', ' ');
  const tail = fraction === 0n ? '' : `.${String(fraction).padStart(6, '0')}`.replace(/0+$/, '');
  return `${seconds}${tail}+00`;
}

// Quoted only where Postgres quotes (8.15.6): empty, NULL, and what has a character that means something.
function arrayText(elements: readonly (string | null)[]): string {
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
  const isPlain = (text: string): boolean => text !== '' && !/[{}",\\\s]/.test(text) && text.toUpperCase() !== 'NULL';
  return `{${elements.map((text) => (text === null ? 'NULL' : isPlain(text) ? text : quoted(text))).join(',')}}`;
}
