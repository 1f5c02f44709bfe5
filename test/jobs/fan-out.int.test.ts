import {expect, test} from 'vitest';
import {AppWorld} from '../../src/simulator/app-world.ts';
import {DEFAULT_SIZE} from '../../src/simulator/app-size.ts';
import {A_FEW} from '../../src/simulator/resources/all-resources.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const SMALL = {inputs: 10, annotations: 20, datasets: 2, concepts: 6, resources: A_FEW};

/** Nothing is in the making: what is, is looked at in each run. */
function finishAll(harness: SyncHarness): void {
  for (const {key, raw} of [...harness.simulator.truth('dataset_versions')]) {
    const [datasetId, id] = key as [string, string];
    if ([64005, 64010].includes(codeOf(raw)))
      harness.change({kind: 'editDatasetVersion', datasetId, id, statusCode: 64015});
  }
  for (const {key, raw} of [...harness.simulator.truth('model_versions')]) {
    if (codeOf(raw) !== 21101) continue;
    harness.change({kind: 'editRecord', stream: 'model_versions', key: [...key], fields: {status: {code: 21100}}});
  }
}

const codeOf = (raw: unknown): number => (raw as {status: {code: number}}).status.code;

const runRequests = async (harness: SyncHarness): Promise<string[]> => {
  harness.forgetRequests();
  expect((await harness.sync()).code).toBe(0);
  return harness.requests();
};

test(
  'an incremental run costs in proportion to what changed, not to how many parents there are',
  {timeout: 400_000},
  async () => {
    await using harness = await syncHarness(
      {
        inputs: 50,
        annotations: 50,
        datasets: 200,
        bookmarkedDatasets: 0,
        versionsPerDataset: 5,
        datasetInputs: 0.02,
        concepts: 1_000,
        resources: {models: 50, model_versions: 10},
      },
      'streams: default\n',
    );
    finishAll(harness);
    await harness.sync();
    const unchanged = await runRequests(harness);
    const [dataset] = harness.truthKeys('datasets') as [string];
    harness.change(
      {kind: 'addRecord', stream: 'model_versions', parent: ['model-3'], fields: {status: {code: 21100}}},
      {kind: 'addDatasetVersion', datasetId: dataset, statusCode: 64015},
    );
    const changed = await runRequests(harness);
    // The app and its marker, and each list to its empty page: no more, however many parents there are.
    expect(unchanged.filter((request) => /\/versions|\/references|\/datasets\/[^/]+\/inputs/.test(request))).toEqual(
      [],
    );
    expect(unchanged.length).toBeLessThanOrEqual(40);
    // The versions of one model and of one dataset (2 each), what the new ones have below them (2 + 2), the references.
    expect(changed.length - unchanged.length).toBeLessThanOrEqual(12);
    expect(await harness.differences(['model_versions', 'dataset_versions', 'models', 'datasets'])).toEqual([]);
  },
);

test('every app of a user is read when it comes, and marked when it goes', async () => {
  await using harness = await syncHarness(SMALL, 'apps: [{user_id: me, app_id: "*"}]\n');
  expect((await harness.sync()).document).toMatchObject({app_id: 'plants'});
  const {simulator} = harness;
  const ids = {userId: simulator.userId, appId: 'birds', seed: '2'};
  simulator.worlds.set('birds', new AppWorld(ids, {...DEFAULT_SIZE, inputs: 7, annotations: 3}, simulator));
  const both = (await harness.sync()).document as unknown as {app_id: string}[];
  expect(both.map((document) => document.app_id).sort()).toEqual(['birds', 'plants']);
  const counts = `select app_id, count(*)::int as n from clarifai.inputs where _sync_deleted_at is null group by 1 order by 1`;
  expect(await harness.query(counts)).toEqual([
    {app_id: 'birds', n: 7},
    {app_id: 'plants', n: 10},
  ]);
  simulator.worlds.delete('plants');
  expect((await harness.sync()).document).toMatchObject({app_id: 'birds'});
  expect(await harness.query('select id from clarifai.apps where _sync_deleted_at is not null')).toEqual([
    {id: 'plants'},
  ]);
  expect(await harness.query(counts)).toHaveLength(2);
  simulator.worlds.delete('birds');
  expect((await harness.sync()).code).toBe(0);
  expect(await harness.query('select id from clarifai.apps where _sync_deleted_at is null')).toEqual([]);
});

test('parents of which nothing tells are read again in time, few at once', async () => {
  await using harness = await syncHarness(
    {...SMALL, resources: {models: 20, model_references: 1}},
    'streams: [model_references]\n',
  );
  await harness.sync();
  await harness.query(`update clarifai_sync.parent_reads set read_at = read_at - interval '25 hours'`);
  await harness.query(`update clarifai_sync.stream_runs set finished_at = clock_timestamp() - interval '40 seconds'`);
  harness.config = 'source: {requests_per_second: 1, headroom: 0, max_concurrency: 1}\nstreams: [model_references]\n';
  const asked = (await runRequests(harness)).filter((request) => request.includes('/references'));
  // A quarter of what 1 request per second may ask for in 40 seconds, and the few that beginning takes: 5 parents of 2.
  expect(asked.length).toBeGreaterThanOrEqual(10);
  expect(asked.length).toBeLessThanOrEqual(20);
  harness.config = 'source: {requests_per_second: 0}\nstreams: [model_references]\n';
  const rest = (await runRequests(harness)).filter((request) => request.includes('/references'));
  expect(rest.length).toBe(40 - asked.length);
  const none = (await runRequests(harness)).filter((request) => request.includes('/references'));
  expect(none).toEqual([]);
});

test('a first reading that was ended early goes on with the parents that it has not been through', async () => {
  await using harness = await syncHarness(
    {...SMALL, resources: {models: 12, model_versions: 1}},
    'streams: [model_versions]\n',
  );
  finishAll(harness);
  harness.simulator.faults.add({kind: 'quota', code: 11003, match: '/models/[^/]+/versions', after: 15});
  expect((await harness.sync()).code).toBe(75);
  const done = await harness.query<{model: string}>(
    `select parent[1] as model from clarifai_sync.parent_reads where stream = 'model_versions'`,
  );
  expect(done.length).toBeGreaterThan(0);
  harness.simulator.faults.clear();
  const asked = await runRequests(harness);
  expect(asked.filter((request) => done.some(({model}) => request.includes(`/models/${model}/versions`)))).toEqual([]);
  expect(await harness.differences(['models', 'model_versions'])).toEqual([]);
});
