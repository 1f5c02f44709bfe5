import {describe, expect, test} from 'vitest';
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
  for (const {name} of CATALOGUE.filter(({scope}) => scope !== 'global')) {
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

test('the mirror of a store is refused as a replica, take-over or not, and stays a store', async () => {
  await using store = await syncHarness({inputs: 5, annotations: 10});
  await store.sync();
  await using other = await syncHarness({inputs: 7, annotations: 14, seed: 2}, replicaConfig(store.database.url));
  for (const takeOver of [false, true]) {
    const refused = await other.sync({takeOver});
    expect(refused.code).toBe(4);
    expect(refused.said).toMatch(
      /schema \\"clarifai\\": expected .* found the mirror of store \S+, .* use another schema/,
    );
    expect(refused.said).not.toContain('--take-over');
  }
  expect((await store.sync()).code).toBe(0);
});

test('state.url and a sink of the same database and schema are one store', async () => {
  await using harness = await syncHarness(
    {inputs: 5, annotations: 10},
    'state: {url: "${DATABASE_URL}", schema: clarifai}\nsinks: [{name: w, type: postgres, url: "${DATABASE_URL}", schema: clarifai}]\n',
  );
  expect((await harness.sync({takeOver: true})).code).toBe(0);
  expect((await harness.sync()).code).toBe(0);
  expect(await harness.differences(['inputs', 'annotations'])).toEqual([]);
});

describe('history in a replica', () => {
  const withHistory = (url: string): string =>
    replicaConfig(url).replace('type: postgres', 'type: postgres, history: true');

  /** Versions of every stream without the store's own row numbers. */
  async function versions(pool: pg.Pool): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {};
    for (const {name} of CATALOGUE.filter(({scope}) => scope !== 'global')) {
      const {rows} = await pool.query<{row: string}>(
        `select (to_jsonb(t) - '_sync_row')::text as row from clarifai.${name}_history t order by 1`,
      );
      found[name] = rows.map(({row}) => row);
    }
    return found;
  }

  /** Inputs and concepts edited, deleted and back again, one of them twice in what a sink gets at once. */
  async function changeOnce(harness: SyncHarness, round: number): Promise<void> {
    const [edited, gone] = harness.truthKeys('inputs').slice(2 * round) as [string, string];
    const [concept] = harness.truthKeys('concepts') as [string];
    harness.change({kind: 'editInput', id: edited, metadata: {round}}, {kind: 'deleteInputs', ids: [gone]});
    harness.change({kind: 'editConcept', id: concept, name: `round ${round}`}, {kind: 'addInputs', count: 1});
    await harness.sync({full: true});
    harness.change({kind: 'restoreInput', id: gone}, {kind: 'editConcept', id: concept, name: `round ${round} again`});
    await harness.sync({full: true});
  }

  async function expectVersions(harness: SyncHarness, url: string): Promise<void> {
    const replica = new pg.Pool({connectionString: url, max: 1});
    try {
      await expectEqual(harness, replica);
      expect(await versions(replica)).toEqual(await versions(harness.pool));
    } finally {
      await replica.end();
    }
  }

  test('is the store’s own, run by run and after missed runs, deletions and returns included', async () => {
    await using other = await scratchDatabase();
    await using harness = await syncHarness({inputs: 30, annotations: 60}, withHistory(other.url));
    expect((await harness.sync()).code).toBe(0);
    await changeOnce(harness, 0);
    await expectVersions(harness, other.url);
    harness.config = harness.config.replace(other.url, 'postgres://nobody@127.0.0.1:1/none');
    await changeOnce(harness, 1);
    await changeOnce(harness, 2);
    harness.config = harness.config.replace('postgres://nobody@127.0.0.1:1/none', other.url);
    expect((await harness.sync()).code).toBe(0);
    await expectVersions(harness, other.url);
    const [concept] = harness.truthKeys('concepts') as [string];
    const ops = await harness.query(
      'select _sync_op as op from clarifai.concepts_history where id = $1 order by _sync_version',
      [concept],
    );
    expect(ops).toHaveLength(7);
  });

  test('is filled when it is turned on later, and made anew after a take-over', async () => {
    await using other = await scratchDatabase();
    await using first = await syncHarness({inputs: 20, annotations: 40}, replicaConfig(other.url));
    await first.sync();
    await changeOnce(first, 0);
    first.config = first.config.replace('type: postgres', 'type: postgres, history: true');
    await first.sync();
    await expectVersions(first, other.url);
    await changeOnce(first, 1);
    await expectVersions(first, other.url);

    await using second = await syncHarness({inputs: 12, annotations: 24, seed: 2}, withHistory(other.url));
    expect((await second.sync({takeOver: true})).code).toBe(0);
    await expectVersions(second, other.url);
  });

  test('of a replica that is further than its store is made anew, behind all that was seen', async () => {
    await using other = await scratchDatabase();
    await using harness = await syncHarness({inputs: 20, annotations: 40}, withHistory(other.url));
    await harness.sync();
    await changeOnce(harness, 0);
    // As if the store had been restored from an old backup: the replica has runs that it does not know of.
    const replica = new pg.Pool({connectionString: other.url, max: 1});
    await replica.query('update clarifai._sync_positions set sequence = sequence + 40');
    await replica.query(
      `insert into clarifai.concepts_history select c.*, now(), null, 'update', 99999 from clarifai.concepts c limit 1`,
    );
    await replica.end();
    expect((await harness.sync()).code).toBe(4);
    expect((await harness.sync()).code).toBe(0);
    await expectVersions(harness, other.url);
  });
});
