import {pipeline} from 'node:stream/promises';
import {Readable} from 'node:stream';
import fc from 'fast-check';
import pg from 'pg';
import {from as copyFrom} from 'pg-copy-streams';
import {expect, test} from 'vitest';
import {columnText} from '../../src/core/column-text.ts';
import {copyEscape} from '../../src/core/copy-text.ts';
import {repairEscapes} from '../../src/core/repair.ts';
import type {ColumnType} from '../../src/core/shape.ts';
import {scratchDatabase} from '../support/postgres.ts';

const SQL_TYPES: readonly [ColumnType, string][] = [
  ['text', 'text'],
  ['integer', 'integer'],
  ['bigint', 'bigint'],
  ['double', 'double precision'],
  ['boolean', 'boolean'],
  ['timestamp', 'timestamptz'],
  ['json', 'jsonb'],
  ['text[]', 'text[]'],
];

const digits = fc.stringMatching(/^-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?$/);
const text = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '\t', '\n', '{', '}', ',', 'é', '\u{1f600}', '\0', '\ud800', 'N'),
});
const time = fc
  .tuple(fc.integer({min: -62135596800000, max: 253402300799999}), fc.constantFrom('', '123456789', '999999999', '9'))
  .map(([ms, nanos]) => new Date(ms).toISOString().replace(/\..*/, nanos === '' ? 'Z' : `.${nanos}Z`))
  .map((utc) => utc.replace(/Z$/, Number(utc.slice(17, 19)) % 2 === 0 ? 'Z' : '+15:59'));
const value = fc.oneof(
  digits,
  fc.oneof(digits, text, time).map((inner) => JSON.stringify(inner)),
  fc.array(text).map((inner) => JSON.stringify(inner)),
  fc.constantFrom('true', 'false', '"NaN"', '"Infinity"', '{"a":[1,{"b":"\\u0000"}]}'),
);

test('Postgres takes by COPY every value that a column of each type reads', async () => {
  await using scratch = await scratchDatabase();
  const client = new pg.Client({connectionString: scratch.url});
  await client.connect();
  try {
    for (const [type, sqlType] of SQL_TYPES) {
      const values = fc
        .sample(value, {numRuns: 3000, seed: 1})
        .map((json) => columnText(type, repairEscapes(json).json))
        .filter((read) => read !== null && read !== undefined);
      expect(values.length, type).toBeGreaterThan(100);
      const table = `t_${type.replace('[]', 's')}`;
      await client.query(`create table ${table} (n serial, v ${sqlType})`);
      const lines = values.map((read) => `${copyEscape(read)}\n`);
      await pipeline(Readable.from(lines), client.query(copyFrom(`copy ${table} (v) from stdin`)));
      const stored = await client.query<{v: string}>(`select v::text from ${table} order by n`);
      expect(stored.rows, type).toHaveLength(values.length);
      if (type === 'text' || type === 'integer' || type === 'bigint') {
        expect(stored.rows.map(({v}) => v)).toEqual(
          values.map((read) => (read === '-0' && type !== 'text' ? '0' : read)),
        );
      }
    }
  } finally {
    await client.end();
  }
});
