import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {expect, test} from 'vitest';
import {purge, type PurgeFlags} from '../../src/cli/purge.ts';
import {status} from '../../src/cli/status.ts';
import {UsageError} from '../../src/core/errors.ts';
import {metricFacts} from '../../src/store/metric-facts.ts';
import {folderPlace, Lake} from '../support/lake.ts';
import {scratchDatabase} from '../support/postgres.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const purged = (harness: SyncHarness, flags: PurgeFlags = {}) =>
  harness.command((context) => purge(context, {yes: true, ...flags}));

/** Rows of a stream and of its history that are of this input. */
async function traces(pool: pg.Pool | SyncHarness, id: string): Promise<number> {
  const text = `select (select count(*) from clarifai.inputs where id = $1) + (select count(*) from clarifai.inputs_history where id = $1)
    + (select count(*) from clarifai.annotations where input_id = $1) as n`;
  const rows =
    pool instanceof pg.Pool
      ? (await pool.query<{n: string}>(text, [id])).rows
      : await pool.query<{n: string}>(text, [id]);
  return Number(rows[0]?.n);
}

test('a purge removes what was deleted before the date, its history too, here and in a replica, and nothing else', async () => {
  await using other = await scratchDatabase();
  const config = `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: copy, type: postgres, history: true, url: "${other.url}"}]\nstreams: [inputs, annotations]\n`;
  await using harness = await syncHarness({}, config);
  const replica = new pg.Pool({connectionString: other.url, max: 1});
  try {
    await harness.sync();
    const [first, second] = harness.truthKeys('inputs') as [string, string];
    harness.change({kind: 'deleteInputs', ids: [first]});
    await harness.sync({full: true});
    const [{now}] = (await harness.query<{now: Date}>('select clock_timestamp() as now')) as [{now: Date}];
    harness.change({kind: 'deleteInputs', ids: [second]});
    await harness.sync({full: true});
    expect(await traces(replica, first)).toBeGreaterThan(0);
    const done = await purged(harness, {deletedBefore: now.toISOString()});
    expect(done.code, done.said).toBe(0);
    for (const place of [harness, replica]) {
      expect(await traces(place, first)).toBe(0);
      expect(await traces(place, second)).toBeGreaterThan(0);
    }
    expect(await harness.differences(['inputs', 'annotations'])).toEqual([]);
    harness.change({kind: 'restoreInput', id: first});
    const back = await harness.sync({full: true});
    expect(back.stream('inputs')).toMatchObject({inserted: 1});
    const row = await replica.query('select 1 from clarifai.inputs where id = $1 and _sync_deleted_at is null', [
      first,
    ]);
    expect(row.rows).toHaveLength(1);
  } finally {
    await replica.end();
  }
});

test('a replica that was away during a purge loses the versions of a record that is back since', async () => {
  await using other = await scratchDatabase();
  const down = 'postgres://nobody@127.0.0.1:1/none';
  const config = `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: copy, type: postgres, history: true, url: "${other.url}"}]\nstreams: [inputs]\n`;
  await using harness = await syncHarness({}, config);
  await harness.sync();
  const [back, kept] = harness.truthKeys('inputs') as [string, string];
  harness.change({kind: 'deleteInputs', ids: [kept]});
  await harness.sync({full: true});
  harness.change({kind: 'restoreInput', id: kept}, {kind: 'deleteInputs', ids: [back]});
  await harness.sync({full: true});
  harness.config = harness.config.replace(other.url, down);
  await purged(harness);
  harness.change({kind: 'restoreInput', id: back});
  await harness.sync({full: true});
  const versions = `select id, _sync_version::text as version, _sync_op as op, _sync_valid_to as until
    from clarifai.inputs_history order by _sync_version`;
  expect(
    (await harness.query<{id: string; op: string}>(versions)).flatMap(({id, op}) => (id === back ? [op] : [])),
  ).toEqual(['insert']);
  harness.config = harness.config.replace(down, other.url);
  expect((await harness.sync()).code).toBe(0);
  const replica = new pg.Pool({connectionString: other.url, max: 1});
  try {
    expect((await replica.query(versions)).rows).toEqual(await harness.query(versions));
  } finally {
    await replica.end();
  }
});

test('rows that a sink has not been given stay, and it says so', async () => {
  await using other = await scratchDatabase();
  const down = 'postgres://nobody@127.0.0.1:1/none';
  const config = `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: copy, type: postgres, url: "${other.url}"}]\nstreams: [inputs]\n`;
  await using harness = await syncHarness({}, config);
  await harness.sync();
  const [gone] = harness.truthKeys('inputs') as [string];
  harness.change({kind: 'deleteInputs', ids: [gone]});
  harness.config = harness.config.replace(other.url, down);
  await harness.sync({full: true});
  const refused = await purged(harness);
  expect(refused.said).toContain('1 rows stay');
  expect(refused.code).not.toBe(0);
  harness.config = harness.config.replace(down, other.url);
  await harness.sync();
  expect((await purged(harness)).code).toBe(0);
  expect(await harness.query('select 1 from clarifai.inputs where id = $1', [gone])).toEqual([]);
});

test('objects that hold what was purged go with the next snapshot', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-purge-'));
  const place = folderPlace(folder);
  const config = `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: lake, type: s3, format: jsonl, url: "${place.url}"}]\nstreams: [inputs]\n`;
  await using harness = await syncHarness({}, config);
  try {
    const lake = new Lake(place);
    await harness.sync();
    const [gone] = harness.truthKeys('inputs') as [string];
    harness.change({kind: 'deleteInputs', ids: [gone]});
    await harness.sync({full: true});
    expect((await purged(harness)).said).toContain('sync --snapshot');
    await harness.sync({snapshot: true});
    expect(await lake.manifests('changes', 'user=acme/app=plants')).toEqual([]);
    const fold = await lake.fold('inputs', ['id'], 'user=acme/app=plants', 'snapshot');
    expect([...fold.keys()].sort()).toEqual(harness.truthKeys('inputs'));
    expect(await lake.faults()).toEqual([]);
    harness.change({kind: 'addInputs', count: 1});
    await harness.sync();
    const after = await lake.fold('inputs', ['id'], 'user=acme/app=plants', 'snapshot');
    expect([...after.keys()].sort()).toEqual(harness.truthKeys('inputs'));
  } finally {
    await rm(folder, {recursive: true});
  }
});

test('run.purge_deleted_after removes what is old enough after each run', async () => {
  await using harness = await syncHarness({}, 'run: {purge_deleted_after: 1h}\nstreams: [inputs]\n');
  await harness.sync();
  const [gone] = harness.truthKeys('inputs') as [string];
  harness.change({kind: 'deleteInputs', ids: [gone]});
  await harness.sync({full: true});
  await harness.query(`update clarifai.inputs set _sync_deleted_at = now() - interval '50 minutes' where id = $1`, [
    gone,
  ]);
  await harness.sync();
  expect(await harness.query('select 1 from clarifai.inputs where id = $1', [gone])).toHaveLength(1);
  await harness.query(`update clarifai.inputs set _sync_deleted_at = now() - interval '2 hours' where id = $1`, [gone]);
  const last = await harness.sync();
  expect(last.code).toBe(0);
  expect(await harness.query('select 1 from clarifai.inputs where id = $1', [gone])).toEqual([]);
});

test('a purge makes nothing fresher: status and metrics tell of the last run that read the source', async () => {
  await using harness = await syncHarness({}, 'streams: [inputs]\n');
  await harness.sync();
  harness.change({kind: 'deleteInputs', ids: harness.truthKeys('inputs').slice(0, 1)});
  await harness.sync({full: true});
  harness.simulator.faults.add({kind: 'revoke', match: '/inputs/stream'});
  expect((await harness.sync({full: true})).code).toBe(3);
  const stands = async () => {
    const {out} = await harness.command((context) => status(context, true));
    const [scope] = (JSON.parse(out) as {scopes: {run_id: string; last_succeeded_at: string}[]}).scopes;
    return [scope?.run_id, scope?.last_succeeded_at];
  };
  const facts = async () => {
    const query = (text: string, values?: unknown[]) => harness.query<object>(text, values);
    const {scopes} = await metricFacts({database: {query}} as unknown as Parameters<typeof metricFacts>[0], 0);
    return scopes.map(({hasSucceeded, lastSuccess}) => [hasSucceeded, lastSuccess]);
  };
  const [before, factsBefore] = [await stands(), await facts()];
  expect(factsBefore[0]?.[0]).toBe(false);
  expect((await purged(harness)).code).toBe(0);
  expect(await harness.query(`select 1 from clarifai_sync.runs where outcome = 'succeeded'`)).toHaveLength(3);
  expect(await stands()).toEqual(before);
  expect(await facts()).toEqual(factsBefore);
});

test('without a terminal it needs --yes, and a date has to be one', async () => {
  await using harness = await syncHarness();
  await expect(harness.command((context) => purge(context, {}))).rejects.toThrow(UsageError);
  await expect(purged(harness, {deletedBefore: 'yesterday'})).rejects.toThrow('2024-05-31');
});

test('a day that does not exist is refused, and one that does is taken in each of its forms', async () => {
  await using harness = await syncHarness({inputs: 1, annotations: 0, datasets: 0});
  await harness.sync();
  for (const deletedBefore of ['2023-02-29', '2024-02-31', '2024-13-01', '2024-02-31T12:00:00Z', '2024-04-31 12:00']) {
    const found = `found "${deletedBefore}"`;
    await expect(purged(harness, {deletedBefore}), found).rejects.toThrow(UsageError);
    await expect(purged(harness, {deletedBefore}), found).rejects.toThrow(found);
  }
  for (const [deletedBefore, before] of [
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000Z'],
    ['2024-02-29T12:00:00.5+02:00', '2024-02-29T10:00:00.500Z'],
    ['2024-02-29 12:00Z', '2024-02-29T12:00:00.000Z'],
  ] as const) {
    expect((await purged(harness, {deletedBefore})).out).toBe(`no row is marked deleted before ${before}`);
  }
});
