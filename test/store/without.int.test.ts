import fc from 'fast-check';
import pg from 'pg';
import {expect, test} from 'vitest';
import type {Path} from '../../src/core/shape.ts';
import {placeOf} from '../../src/store/stream-sql.ts';
import {storeDatabase} from '../support/postgres.ts';

/** Few names, so that paths often lead to something; some that a language of paths could stumble over. */
const NAMES = ['a', 'b', 'c', '', '"', "'", '$', '*x', 'ü', '\\', 'last'];
const name = fc.constantFrom(...NAMES);

const {json} = fc.letrec<{json: unknown}>((tie) => ({
  json: fc.oneof(
    {maxDepth: 5, withCrossShrink: true},
    fc.oneof(fc.constant(null), fc.integer(), fc.boolean(), name),
    fc.array(tie('json'), {maxLength: 4}),
    fc.dictionary(name, tie('json'), {maxKeys: 4}),
  ),
}));

const path = fc.array(fc.oneof({weight: 3, arbitrary: name}, {weight: 1, arbitrary: fc.constant('*')}), {
  minLength: 1,
  maxLength: 6,
});

/** The path itself, written down as it is meant. */
function removed(value: unknown, [first, ...rest]: Path): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const isArray = Array.isArray(value);
  const kept = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const isMet = first === '*' || (!isArray && key === first);
    if (!isMet) return [[key, inner]];
    if (rest.length === 0 && first !== '*') return [];
    return [[key, rest.length === 0 ? inner : removed(inner, rest)]];
  });
  return isArray ? kept.map(([, inner]) => inner) : Object.fromEntries(kept);
}

test('asking first whether a place is there changes nothing in what is left without it', async () => {
  await using database = await storeDatabase();
  const client = new pg.Client({connectionString: database.url});
  await client.connect();
  let taken = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(json, path), {minLength: 50, maxLength: 50}), async (cases) => {
        const rows = await client.query<{asked: unknown; plain: unknown}>(
          `select clarifai_sync.without(v, array(select jsonb_array_elements_text(p)), l::jsonpath) as asked,
             clarifai_sync.without(v, array(select jsonb_array_elements_text(p))) as plain
           from unnest($1::jsonb[], $2::jsonb[], $3::text[]) with ordinality t(v, p, l, n) order by n`,
          [
            cases.map(([value]) => JSON.stringify(value)),
            cases.map(([, steps]) => JSON.stringify(steps)),
            cases.map(([, steps]) => placeOf(steps)),
          ],
        );
        rows.rows.forEach(({asked, plain}, i) => {
          const [value, steps] = cases[i]!;
          expect(asked).toEqual(plain);
          // A path of the catalogue never ends in a star.
          if (steps.at(-1) !== '*') expect(asked).toEqual(removed(value, steps));
          if (JSON.stringify(asked) !== JSON.stringify(value)) taken += 1;
        });
      }),
      {numRuns: 60},
    );
  } finally {
    await client.end();
  }
  // Of 3,000: a property that never sees a place taken out would say nothing.
  expect(taken).toBeGreaterThan(100);
});
