import {expect, test} from 'vitest';
import {analyzeGrown} from '../../src/store/analyze.ts';
import type {Store} from '../../src/store/ledger.ts';
import {commitGroup} from '../../src/store/progress.ts';
import {streamNamed} from '../../src/streams/catalogue.ts';
import {beginRunOf, pageOf, Stores, takeFirst} from '../support/stores.ts';

const INPUTS = streamNamed('inputs');
const A_PAGE = 1_000;

/** Opens a store and gives what adds pages to its table of inputs, some 1.7 MB each: rows of that size are not put aside. */
async function filled(stores: Stores) {
  const store = await stores.open();
  const task = await takeFirst(store, await beginRunOf(store, ['inputs']));
  let next = 0;
  const add = async (pages: number): Promise<void> => {
    for (const until = next + pages * A_PAGE; next < until;) {
      const records = Array.from({length: A_PAGE}, () => ({
        id: `i${next++}`,
        data: {metadata: {filler: 'x'.repeat(1_500)}},
      }));
      await commitGroup(store, task, INPUTS, {pages: [pageOf(INPUTS, records)], signs: []}, {kind: 'none'});
    }
  };
  return {store, add};
}

/** What Postgres knows of the table: each time it is analysed this is written anew. */
async function known({database}: Store): Promise<{rows: number; written: string | null}> {
  const [row] = await database.query<{rows: number; written: string | null}>(
    `select reltuples::float8 as rows, (select string_agg(s.xmin::text, ' ' order by s.staattnum) from pg_statistic s
       where s.starelid = c.oid) as written from pg_class c where c.oid = 'clarifai.inputs'::regclass`,
  );
  return row ?? {rows: NaN, written: null};
}

test('a table is analysed once it is large, and again when it is twice as large, but not between', async () => {
  await using stores = await Stores.make();
  const {store, add} = await filled(stores);
  await store.database.query('alter table clarifai.inputs set (autovacuum_enabled = false)');
  await add(3);
  await analyzeGrown(store, INPUTS);
  expect((await known(store)).written).toBe(null);

  await add(3);
  await analyzeGrown(store, INPUTS);
  const first = await known(store);
  expect(first.rows).toBeGreaterThan(5_500);
  expect(first.written).not.toBe(null);

  await add(3);
  await analyzeGrown(store, INPUTS);
  expect(await known(store)).toEqual(first);

  await add(5);
  await analyzeGrown(store, INPUTS);
  const second = await known(store);
  expect(second.rows).toBeGreaterThan(13_000);
  expect(second.written).not.toBe(first.written);
});
