import {expect, test} from 'vitest';
import pg from 'pg';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {scratchDatabase} from '../support/postgres.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

/** Config of a store in DATABASE_URL and a replica elsewhere. */
const replicaConfig = (url: string): string =>
  `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: copy, type: postgres, url: "${url}"}]\n`;

/** Rows of every table without the store's own numbers, as text in key order. */
async function tables(pool: pg.Pool): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const {name} of CATALOGUE) {
    const {rows} = await pool.query<{row: string}>(
      `select (to_jsonb(t) - '_sync_row')::text as row from clarifai.${name} t order by 1`,
    );
    found[name] = rows.map(({row}) => row);
  }
  return found;
}

async function expectEqual(harness: SyncHarness, replica: pg.Pool): Promise<void> {
  expect(await tables(replica)).toEqual(await tables(harness.pool));
}

test('a replica holds the very rows of the store after first, incremental and full runs, deletions included', async () => {
  await using other = await scratchDatabase();
  await using harness = await syncHarness({}, replicaConfig(other.url));
  const replica = new pg.Pool({connectionString: other.url, max: 1});
  try {
    expect((await harness.sync()).code).toBe(0);
    await expectEqual(harness, replica);
    const [gone] = harness.truthKeys('inputs') as [string];
    harness.change({kind: 'addInputs', count: 3}, {kind: 'deleteInputs', ids: [gone]});
    await harness.sync();
    expect((await harness.sync({full: true})).code).toBe(0);
    await expectEqual(harness, replica);
    harness.change({kind: 'restoreInput', id: gone});
    await harness.sync({full: true});
    await expectEqual(harness, replica);
  } finally {
    await replica.end();
  }
});

test('a replica that was down catches up in one run, and its absence makes the run partial', async () => {
  await using other = await scratchDatabase();
  await using harness = await syncHarness({}, replicaConfig('postgres://nobody@127.0.0.1:1/none'));
  const down = await harness.sync();
  expect(down.code).toBe(4);
  expect(down.document.outcome).toBe('partial');
  expect(await harness.differences()).toEqual([]);
  harness.change({kind: 'addInputs', count: 2});
  await harness.sync();
  harness.config = harness.config.replace('postgres://nobody@127.0.0.1:1/none', other.url);
  expect((await harness.sync()).code).toBe(0);
  const replica = new pg.Pool({connectionString: other.url, max: 1});
  try {
    await expectEqual(harness, replica);
  } finally {
    await replica.end();
  }
});

test('a replica of another store is refused until it is taken over', async () => {
  await using other = await scratchDatabase();
  await using first = await syncHarness({inputs: 5, annotations: 10}, replicaConfig(other.url));
  await first.sync();
  await using second = await syncHarness({inputs: 7, annotations: 14, seed: 2}, replicaConfig(other.url));
  const refused = await second.sync();
  expect(refused.code).toBe(4);
  expect(refused.said).toContain('--take-over');
  expect((await second.sync({takeOver: true})).code).toBe(0);
  const replica = new pg.Pool({connectionString: other.url, max: 1});
  try {
    await expectEqual(second, replica);
  } finally {
    await replica.end();
  }
});
