import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {describe, expect, test} from 'vitest';
import type {Store} from '../../src/store/ledger.ts';
import {bury} from '../../src/store/candidates.ts';
import {commitGroup} from '../../src/store/progress.ts';
import {streamNamed} from '../../src/streams/catalogue.ts';
import {folderPlace, Lake} from '../support/lake.ts';
import {scratchDatabase} from '../support/postgres.ts';
import {beginRunOf, pageOf, Stores, takeFirst} from '../support/stores.ts';
import {syncHarness} from '../support/sync-harness.ts';

const INPUTS = streamNamed('inputs');
const record = (id: string, n: number) => ({id, data: {metadata: {n}}, created_at: '2024-05-01T00:00:00.5Z'});

/** A run of its own that writes these records, and marks those keys deleted. */
async function write(store: Store, records: object[], gone: string[] = []): Promise<void> {
  await store.database.query(`update clarifai_sync.runs set state = 'finished'`);
  const task = await takeFirst(store, await beginRunOf(store, ['inputs']));
  await commitGroup(store, task, INPUTS, {pages: [pageOf(INPUTS, records)], signs: []}, {kind: 'none'});
  await bury(store, task, INPUTS, {gone: gone.map((id) => [id]), alive: []});
}

/** Versions of a record in order: operation, what it holds, and whether it is open. */
async function versions(store: Store, id: string): Promise<string[]> {
  const rows = await store.database.query<{line: string}>(
    `select concat_ws(' ', _sync_op, raw #>> '{data,metadata,n}', case when _sync_valid_to is null then 'open' end) as line
     from clarifai.inputs_history where id = $1 order by _sync_valid_from, _sync_version`,
    [id],
  );
  return rows.map(({line}) => line);
}

/** What every history must be: intervals meet, one open version per row, equal to the row. */
async function brokenVersions(store: Store): Promise<unknown[]> {
  return await store.database.query(
    `select id, 'does not meet the next' as what from (select id, _sync_valid_to as ends, lead(_sync_valid_from) over (partition by id order by _sync_version) as next
       from clarifai.inputs_history) h where ends is distinct from next
     union all
     select t.id, 'open version is not the row' from clarifai.inputs t left join clarifai.inputs_history h on h.id = t.id and h._sync_valid_to is null
       where (h.raw, h._sync_run_id, h._sync_deleted_at, h._sync_valid_from) is distinct from (t.raw, t._sync_run_id, t._sync_deleted_at, t._sync_changed_at)
     union all
     select id, 'ends before it begins' from clarifai.inputs_history where _sync_valid_to < _sync_valid_from`,
  );
}

describe('a table', () => {
  test('that the user dropped is made and filled again by the next incremental run', async () => {
    await using harness = await syncHarness({inputs: 30, annotations: 60, datasets: 2});
    await harness.sync();
    for (const name of ['inputs', 'annotations', 'datasets', 'dataset_versions', 'dataset_inputs', 'concepts']) {
      await harness.query(`drop table clarifai.${name} cascade`);
    }
    const next = await harness.sync();
    expect([next.code, next.document.outcome]).toEqual([0, 'succeeded']);
    expect(await harness.differences()).toEqual([]);
    expect(await harness.query('select count(*)::int as n from clarifai.inputs_current')).toEqual([{n: 30}]);
  });

  test('gets the columns of a newer catalogue from what it holds, without a new sequence, and its versions too', async () => {
    await using stores = await Stores.make();
    const store = await stores.open({history: true});
    await write(
      store,
      Array.from({length: 2_500}, (_, i) => record(`r${i}`, i)),
    );
    await write(store, [record('r7', 70)], ['r8']);
    const state = `select md5(string_agg((id, metadata, created_at, _sync_sequence, _sync_changed_at, _sync_deleted_at)::text, ',' order by id)) as is from clarifai.`;
    const before = [await store.database.query(`${state}inputs`), await store.database.query(`${state}inputs_history`)];
    await store.database.query(
      'alter table clarifai.inputs drop column metadata cascade, drop column created_at cascade',
    );
    await store.database.query('alter table clarifai.inputs_history drop column metadata, drop column created_at');
    await stores.open({history: true});
    expect([
      await store.database.query(`${state}inputs`),
      await store.database.query(`${state}inputs_history`),
    ]).toEqual(before);
    expect(await store.database.query(`select metadata from clarifai.inputs_current where id = 'r7'`)).toEqual([
      {metadata: {n: 70}},
    ]);
    await write(await stores.open({history: true}), [record('r9', 90)]);
    expect(await brokenVersions(store)).toEqual([]);
  });
});

test('columns of a newer catalogue are filled in a replica and a lake too, by the next run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-columns-'));
  await using other = await scratchDatabase();
  const place = folderPlace(folder);
  await using harness = await syncHarness(
    {inputs: 30, annotations: 0},
    `state: {url: "\${DATABASE_URL}"}\nstreams: [inputs]\nsinks: [{name: copy, type: postgres, url: "${other.url}"}, ` +
      `{name: lake, type: s3, format: jsonl, url: "${place.url}"}]\n`,
  );
  const replica = new pg.Pool({connectionString: other.url, max: 1});
  try {
    await harness.sync();
    for (const pool of [harness.pool, replica]) {
      await pool.query('alter table clarifai.inputs drop column status_code cascade');
    }
    expect((await harness.sync()).code).toBe(0);
    const text = 'select id, status_code from clarifai.inputs order by id';
    const {rows} = await replica.query<{id: string; status_code: number | null}>(text);
    expect(rows).toEqual(await harness.query(text));
    expect(rows.filter(({status_code}) => status_code === null)).toEqual([]);
    const snapshots = await new Lake(place).manifests('snapshot', `user=acme/app=plants`);
    expect(snapshots.length, 'snapshots in the lake').toBe(1);
  } finally {
    await replica.end();
    await rm(folder, {recursive: true});
  }
});

describe('history', () => {
  test('that is switched on later begins with what is stored', async () => {
    await using stores = await Stores.make();
    const plain = await stores.open();
    await write(plain, [record('a', 1), record('b', 1)]);
    await write(plain, [record('a', 2)], ['b']);
    const keeping = await stores.open({history: true});
    expect([await versions(keeping, 'a'), await versions(keeping, 'b')]).toEqual([
      ['insert 2 open'],
      ['delete 1 open'],
    ]);
    await write(keeping, [record('a', 3), record('b', 2)]);
    expect([await versions(keeping, 'a'), await versions(keeping, 'b')]).toEqual([
      ['insert 2', 'update 3 open'],
      ['delete 1', 'update 2 open'],
    ]);
    expect(await brokenVersions(keeping)).toEqual([]);
  });

  test('that was switched off for a while goes on from the rows as they are, without gap or overlap', async () => {
    await using stores = await Stores.make();
    await write(
      await stores.open({history: true}),
      ['changed', 'deleted', 'kept', 'there-and-back'].map((id) => record(id, 1)),
    );
    const plain = await stores.open();
    await write(plain, [record('changed', 2), record('new', 1)], ['deleted', 'there-and-back']);
    await write(plain, [record('changed', 3), record('there-and-back', 1)]);
    const keeping = await stores.open({history: true});
    expect(await brokenVersions(keeping)).toEqual([]);
    expect(await versions(keeping, 'changed')).toEqual(['insert 1', 'update 3 open']);
    expect(await versions(keeping, 'deleted')).toEqual(['insert 1', 'delete 1 open']);
    expect(await versions(keeping, 'kept')).toEqual(['insert 1 open']);
    expect(await versions(keeping, 'new')).toEqual(['insert 1 open']);
    expect(await versions(keeping, 'there-and-back')).toEqual(['insert 1', 'update 1 open']);
    await write(keeping, [record('changed', 4), record('deleted', 2)], ['kept']);
    expect(await brokenVersions(keeping)).toEqual([]);
    expect(await versions(keeping, 'changed')).toEqual(['insert 1', 'update 3', 'update 4 open']);
  });
});
