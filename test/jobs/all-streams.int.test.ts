import {describe, expect, test} from 'vitest';
import {A_FEW, RESOURCES} from '../../src/simulator/resources/all-resources.ts';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const ALL = 'streams: all\n';
const SMALL = {inputs: 20, annotations: 40, datasets: 2, concepts: 6, resources: A_FEW};

const FIXED = CATALOGUE.filter(({strategy}) => strategy === 'fixed').map(({name}) => name);

/** Resources whose records can be added and deleted one by one, and change at the source. */
const MADE = RESOURCES.filter(({name, make}) => make !== undefined && !FIXED.includes(name)).map(({name}) => name);

const keysOf = (harness: SyncHarness, stream: string): (readonly string[])[] =>
  [...harness.simulator.truth(stream)].map(({key}) => key);

/** Of each kind one record more, one edited, one gone; what lies under others first, while those are all there. */
function changeAll(harness: SyncHarness): void {
  for (const stream of MADE.toReversed()) {
    const keys = keysOf(harness, stream);
    const [first, last] = [keys[0] as readonly string[], keys.at(-1) as readonly string[]];
    harness.change(
      {kind: 'addRecord', stream, parent: first.slice(0, parentLength(stream))},
      {kind: 'deleteRecord', stream, key: [...last]},
    );
    // A plain value is its own key.
    if (stream === 'open_source_licenses') continue;
    // An evaluation that ends has details from then on.
    const edited = stream === 'evaluations' ? keys[2] : first;
    const fields = stream === 'evaluations' ? {status: {code: 21300}} : {description: 'edited'};
    harness.change({kind: 'editRecord', stream, key: [...(edited ?? first)], fields});
  }
}

function parentLength(stream: string): number {
  const resource = RESOURCES.find(({name}) => name === stream);
  if (resource?.parent === undefined) return 0;
  const others: Readonly<Record<string, number>> = {concepts: 1, dataset_versions: 2};
  return others[resource.parent] ?? parentLength(resource.parent) + 1;
}

describe('with every stream selected', () => {
  test('a first run makes every table equal to the source, and none of them is empty', async () => {
    await using harness = await syncHarness(SMALL, ALL);
    const result = await harness.sync();
    expect(result.document.streams.filter(({outcome}) => outcome !== 'succeeded')).toEqual([]);
    expect(result.code).toBe(0);
    expect(await harness.differences()).toEqual([]);
    const empty: string[] = [];
    for (const {name} of CATALOGUE) if ((await harness.storedKeys(name)).length === 0) empty.push(name);
    expect(empty).toEqual([]);
  });

  test('a run with nothing changed writes nothing and asks only for the lists themselves', async () => {
    await using harness = await syncHarness(SMALL, ALL);
    await harness.sync();
    harness.forgetRequests();
    const result = await harness.sync();
    expect(result.code).toBe(0);
    const written = result.document.streams.filter(({inserted, updated, deleted}) => inserted + updated + deleted > 0);
    expect(written).toEqual([]);
    expect(await harness.differences()).toEqual([]);
  });

  test('full runs bring what was added, edited and deleted of every kind', async () => {
    await using harness = await syncHarness(SMALL, ALL);
    await harness.sync();
    changeAll(harness);
    expect((await harness.sync({full: true})).code).toBe(0);
    // What cannot be asked for by its id shows as deleted after the second full reading that misses it.
    expect((await harness.sync({full: true})).code).toBe(0);
    expect(await harness.differences()).toEqual([]);
  });

  test('an incremental run brings what was added and edited of every list, and below parents that show it', async () => {
    await using harness = await syncHarness(SMALL, ALL);
    await harness.sync();
    const version = keysOf(harness, 'model_versions')[0] as readonly string[];
    harness.change(
      {kind: 'addRecord', stream: 'models', fields: {id: 'new-model'}},
      {kind: 'addRecord', stream: 'model_versions', parent: ['model-0'], fields: {status: {code: 21100}}},
      {kind: 'editRecord', stream: 'tasks', key: [...(keysOf(harness, 'tasks')[0] ?? [])], fields: {name: 'edited'}},
      {kind: 'addRecord', stream: 'workflow_versions', parent: ['workflow-1']},
      {kind: 'addRecord', stream: 'collaborations'},
      {kind: 'addRecord', stream: 'status_codes', fields: {code: 12345}},
      {kind: 'addConcept', id: 'new-concept'},
    );
    const result = await harness.sync();
    expect(result.code).toBe(0);
    expect(await harness.differences()).toEqual([]);
    const asked = harness.requests().filter((request) => request.includes(`/versions/${version[1]}/concepts`));
    expect(asked).toHaveLength(2);
  });
});

describe('what does not change once it is there', () => {
  test('is read once under each parent that is ready, and again only after a reset', async () => {
    await using harness = await syncHarness(SMALL, ALL);
    await harness.sync();
    const [group] = keysOf(harness, 'dataset_version_metrics_groups') as [readonly string[]];
    harness.change({kind: 'deleteRecord', stream: 'dataset_version_metrics_groups', key: [...group]});
    harness.forgetRequests();
    expect((await harness.sync({full: true})).code).toBe(0);
    expect(harness.requests().filter((request) => request.includes('/metrics?'))).toEqual([]);
    expect(await harness.differences(['dataset_version_metrics_groups'])).toHaveLength(1);

    await harness.reset('dataset_version_metrics_groups');
    await harness.sync();
    expect(await harness.differences(['dataset_version_metrics_groups'])).toHaveLength(1);
    await harness.sync();
    expect(await harness.differences()).toEqual([]);
  });

  test('is read as soon as its parent is ready, and again when a parent is back', async () => {
    await using harness = await syncHarness(SMALL, ALL);
    await harness.sync();
    const [dataset] = harness.truthKeys('datasets') as [string];
    harness.change({kind: 'addDatasetVersion', datasetId: dataset, id: 'slow', statusCode: 64010});
    await harness.sync();
    expect(await harness.differences()).toEqual([]);
    harness.change({kind: 'editDatasetVersion', datasetId: dataset, id: 'slow', statusCode: 64015});
    await harness.sync();
    expect(
      (await harness.storedKeys('dataset_version_metrics_groups')).filter((key) => key.includes('/slow/')),
    ).toHaveLength(4);
    harness.change({kind: 'deleteDatasetVersion', datasetId: dataset, id: 'slow'});
    await harness.sync({full: true});
    expect(await harness.differences()).toEqual([]);
    harness.change({kind: 'addDatasetVersion', datasetId: dataset, id: 'slow', statusCode: 64015});
    await harness.sync();
    expect(await harness.differences()).toEqual([]);
  });
});
