import fc from 'fast-check';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {commitGroup, type Position} from '../../src/store/progress.ts';
import {completePass, openPass} from '../../src/store/passes.ts';
import {NO_HASH} from '../../src/store/compare-sql.ts';
import type {Store} from '../../src/store/ledger.ts';
import type {HeldTask} from '../../src/store/tasks.ts';
import {streamNamed} from '../../src/streams/catalogue.ts';
import {beginRunOf, pageOf, SCOPE, Stores, takeFirst} from '../support/stores.ts';

const INPUTS = streamNamed('inputs');

let stores: Stores;
let store: Store;
let task: HeldTask;

beforeAll(async () => {
  stores = await Stores.make();
  store = await stores.open();
  task = await takeFirst(store, await beginRunOf(store, ['inputs']));
});
afterAll(() => stores[Symbol.asyncDispose]());

/** Some records are as large as a row can be without being put aside, so that a block of the table holds few of them. */
const input = (id: number, version: number): object => ({
  id: `i${id}`,
  data: {metadata: {version, filler: 'x'.repeat((id * 7_919) % 1_800)}},
});

const commit = async (records: readonly object[], position: Position) =>
  commitGroup(store, task, INPUTS, {pages: [pageOf(INPUTS, records)], signs: []}, position);

const begin = async () => openPass(store, task, INPUTS, {parent: [], requestHash: 'h', sweepMs: 3_600_000});

/** Numbers below `count`, in an order that a seed makes. */
function shuffled(count: number, seed: number): number[] {
  const order = Array.from({length: count}, (_, i) => i);
  let state = seed;
  for (let i = count - 1; i > 0; i--) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

test('a group finds each of its rows, wherever it lies in the table, and marks exactly those as seen', async () => {
  const some = {min: 0, max: 800};
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        stored: fc.integer(some),
        fresh: fc.integer({min: 0, max: 200}),
        // 1: as they were stored; else in another order.
        storedSeed: fc.constantFrom(1, 2),
        readSeed: fc.constantFrom(1, 3),
        moved: fc.integer(some),
        edited: fc.integer({min: 0, max: 300}),
        left: fc.integer({min: 0, max: 100}),
      }),
      async ({stored, fresh, storedSeed, readSeed, moved, edited, left}) => {
        await store.database.query('truncate clarifai.inputs, clarifai_sync.candidates');
        await store.database.query('delete from clarifai_sync.passes');
        const order = (count: number, seed: number) =>
          seed === 1 ? Array.from({length: count}, (_, i) => i) : shuffled(count, seed);
        const first = order(stored, storedSeed);
        for (let from = 0; from < stored; from += 300) {
          await commit(
            first.slice(from, from + 300).map((id) => input(id, 1)),
            {kind: 'none'},
          );
        }
        // An update puts a row elsewhere, often at the end of the table.
        const movedIds = shuffled(stored, 5).slice(0, moved);
        if (moved > 0)
          await commit(
            movedIds.map((id) => input(id, 2)),
            {kind: 'none'},
          );
        const versions = new Map(first.map((id) => [id, 1]));
        for (const id of movedIds) versions.set(id, 2);

        const read = order(stored + fresh, readSeed).filter((id) => id >= Math.min(left, stored));
        const editedIds = new Set(read.filter((id) => versions.has(id)).slice(0, edited));
        const pass = await begin();
        const counts = await commit(
          read.map((id) => input(id, editedIds.has(id) ? 3 : (versions.get(id) ?? 1))),
          {kind: 'pass', pass, listIndex: 0, cursor: null},
        );
        const known = read.filter((id) => versions.has(id)).length;
        expect(counts).toMatchObject({
          read: read.length,
          inserted: read.length - known,
          updated: editedIds.size,
          unchanged: known - editedIds.size,
          knownRead: known,
        });
        const {rows} = await completePass(store, task, INPUTS, pass, 'h');
        expect(rows, 'rows that were not seen').toBe(stored - known);
      },
    ),
    {numRuns: 25},
  );
});

test('a group of a page is read as a stretch of the table, not row by row', async () => {
  await store.database.query('truncate clarifai.inputs, clarifai_sync.candidates');
  const ids = Array.from({length: 1_000}, (_, i) => i);
  for (let from = 0; from < 10_000; from += 1_000) {
    await commit(
      ids.map((id) => input(from + id, 1)),
      {kind: 'none'},
    );
  }
  const page = ids.map((id) => `i${4_000 + id}`);
  const hashes = `\\x${NO_HASH.repeat(page.length)}`;
  const {rows} = await store.database.pool.query<{'QUERY PLAN': string}>(
    `explain (analyze, costs off, timing off) ${store.sqlOf(INPUTS).compare}`,
    [page, hashes, SCOPE.userId, SCOPE.appId, null, 0],
  );
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  const found = Number(/Tid Range Scan on inputs .*rows=(\d+)/.exec(plan)?.[1] ?? 0);
  expect(found, plan).toBeGreaterThan(950);
  expect(found, plan).toBeLessThan(1_200);
});
