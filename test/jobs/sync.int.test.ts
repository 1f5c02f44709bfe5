import {describe, expect, test} from 'vitest';
import {CATALOGUE, streamNamed} from '../../src/streams/catalogue.ts';
import {syncHarness} from '../support/sync-harness.ts';

/** Lists that are read whole in each run, and those below a dataset with a version that is not final. */
const SMALL_LISTS = [...CATALOGUE.filter(({strategy}) => strategy === 'list'), streamNamed('dataset_versions')].flatMap(
  ({lists}) => lists.map(({path}) => new RegExp(`^GET ${path.replaceAll(/\{\w+\}/g, '[^/]+')}(\\?|$)`)),
);

describe('sync', () => {
  test('a first run makes every table equal to the source, record by record', async () => {
    await using harness = await syncHarness();
    const result = await harness.sync();
    expect(result.code).toBe(0);
    expect(result.document.outcome).toBe('succeeded');
    expect(await harness.differences()).toEqual([]);
    expect(result.stream('inputs')).toMatchObject({read: 60, inserted: 60, source_count: 60});
  });

  test('a run with nothing changed writes no row and makes at most ten requests beyond the small lists', async () => {
    await using harness = await syncHarness({inputs: 300, annotations: 1200, datasets: 5});
    await harness.sync();
    const before = await harness.query(`select 'i', max(xmin::text::bigint), count(*) from clarifai.inputs
      union all select 'a', max(xmin::text::bigint), count(*) from clarifai.annotations
      union all select 'd', max(xmin::text::bigint), count(*) from clarifai.datasets
      union all select 'v', max(xmin::text::bigint), count(*) from clarifai.dataset_versions
      union all select 'm', max(xmin::text::bigint), count(*) from clarifai.dataset_inputs
      union all select 'c', max(xmin::text::bigint), count(*) from clarifai.concepts
      union all select 'b', max(xmin::text::bigint), count(*) from clarifai.bulk_operations
      union all select 'p', max(xmin::text::bigint), count(*) from clarifai.apps`);
    harness.forgetRequests();
    const result = await harness.sync();
    expect(result.code).toBe(0);
    const after = await harness.query(`select 'i', max(xmin::text::bigint), count(*) from clarifai.inputs
      union all select 'a', max(xmin::text::bigint), count(*) from clarifai.annotations
      union all select 'd', max(xmin::text::bigint), count(*) from clarifai.datasets
      union all select 'v', max(xmin::text::bigint), count(*) from clarifai.dataset_versions
      union all select 'm', max(xmin::text::bigint), count(*) from clarifai.dataset_inputs
      union all select 'c', max(xmin::text::bigint), count(*) from clarifai.concepts
      union all select 'b', max(xmin::text::bigint), count(*) from clarifai.bulk_operations
      union all select 'p', max(xmin::text::bigint), count(*) from clarifai.apps`);
    expect(after).toEqual(before);
    const beyond = harness.requests().filter((request) => !SMALL_LISTS.some((small) => small.test(request)));
    expect(beyond.length, beyond.join('\n')).toBeLessThanOrEqual(10);
  });

  test('a full run brings changes of every kind and marks nothing alive deleted', async () => {
    await using harness = await syncHarness();
    await harness.sync();
    const inputs = harness.truthKeys('inputs');
    const [edited, gone, member] = inputs as [string, string, string];
    const annotation = harness
      .truthKeys('annotations')
      .find((key) => !key.startsWith(gone))
      ?.split('/') as [string, string];
    const dropped = harness
      .truthKeys('annotations')
      .find((key) => !key.startsWith(gone) && key !== annotation.join('/'))
      ?.split('/') as [string, string];
    const datasets = [...harness.simulator.truth('datasets')].map(({key}) => key[0] as string);
    const concept = harness.truthKeys('concepts')[0] as string;
    harness.change(
      {kind: 'addInputs', count: 7},
      {kind: 'editInput', id: edited, metadata: {lot: 'ünï\u{1f600}'}, annotationToo: false},
      {kind: 'deleteInputs', ids: [gone]},
      {kind: 'addAnnotations', inputId: member, count: 3, trusted: false},
      {kind: 'editAnnotation', inputId: annotation[0], id: annotation[1], trusted: false},
      {kind: 'deleteAnnotations', inputId: dropped[0], ids: [dropped[1]]},
      {kind: 'addDataset', id: 'fresh', inputIds: [member]},
      {kind: 'deleteDataset', id: datasets[0] as string},
      {kind: 'addDatasetVersion', datasetId: datasets[1] as string},
      {kind: 'addBulkOperation'},
      {kind: 'addConcept', id: 'new-concept'},
      {kind: 'deleteConcept', id: concept},
    );
    const result = await harness.sync({full: true});
    expect(result.code).toBe(0);
    expect(await harness.differences()).toEqual([]);
    expect(result.stream('inputs')).toMatchObject({inserted: 7, deleted: 1});
    expect(result.stream('concepts')).toMatchObject({inserted: 1, deleted: 1});
  });

  test('a record that returns is alive again in its old row', async () => {
    await using harness = await syncHarness();
    await harness.sync();
    const [id] = harness.truthKeys('inputs') as [string];
    harness.change({kind: 'deleteInputs', ids: [id]});
    await harness.sync({full: true});
    expect(await harness.storedKeys('inputs')).not.toContain(id);
    harness.change({kind: 'restoreInput', id});
    await harness.sync({full: true});
    expect(await harness.differences()).toEqual([]);
    expect(await harness.query('select count(*)::int as n from clarifai.inputs where id = $1', [id])).toEqual([{n: 1}]);
  });
});

test('a sync after one that died while a signal ended it closes that run as what it was, and does its own', async () => {
  await using harness = await syncHarness({inputs: 20, annotations: 40});
  await harness.sync();
  // As the ledger is left by a process that is killed between giving up what it reads and its seal.
  const runs = `where app_id <> '' and sequence = 1`;
  await harness.query(
    `update clarifai_sync.runs set state = 'sealing', outcome = null, finished_at = null, closed_at = null, driver = null,
       error_code = 'SYNC_RUN_SIGTERM', error = 'ended by SIGTERM', error_cause = 'unexpected' ${runs}`,
  );
  await harness.query(
    `update clarifai_sync.tasks set state = 'waiting' where kind = 'seal' and run_id = (select run_id from clarifai_sync.runs ${runs})`,
  );
  harness.change({kind: 'addInputs', count: 2});
  const result = await harness.sync();
  expect(result).toMatchObject({code: 0, document: {outcome: 'succeeded'}});
  expect(await harness.query(`select outcome from clarifai_sync.runs where app_id <> '' order by sequence`)).toEqual([
    {outcome: 'interrupted'},
    {outcome: 'succeeded'},
  ]);
  expect(await harness.differences()).toEqual([]);
});

test('an app that does not exist leaves no run and no row behind', async () => {
  await using harness = await syncHarness({inputs: 5, annotations: 5});
  const result = await harness.sync({app: ['acme/nothing-here']});
  expect(result.code).toBe(2);
  expect(await harness.query('select 1 from clarifai_sync.runs')).toEqual([]);
  expect(await harness.query('select 1 from clarifai.apps')).toEqual([]);
});
