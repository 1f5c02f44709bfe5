import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {Simulator} from '../../src/simulator/simulator.ts';
import {startSimulator} from '../../src/simulator/simulator.ts';
import {ask, askAll, idsOf} from './ask.ts';

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({inputs: 230, annotations: 700, apps: {other: {inputs: 3, annotations: 6}}});
  const [first, second, third] = simulator.truth('inputs');
  simulator.change({kind: 'deleteInputs', ids: [first?.key[0] as string]});
  simulator.change({kind: 'addInputs', count: 2, before: third?.key[0] as string});
  simulator.change({kind: 'restoreInput', id: first?.key[0] as string});
  simulator.change({kind: 'addAnnotations', inputId: second?.key[0] as string, count: 3, trusted: false});
});

afterAll(async () => {
  await simulator.close();
});

describe('the lists give the truth, in full, for', () => {
  test.each([
    ['inputs', '/inputs', 'inputs'],
    ['annotations', '/annotations?list_all_annotations=true', 'annotations'],
    ['bulk_operations', '/bulk_operations', 'bulk_operation'],
    ['concepts', '/concepts', 'concepts'],
  ] as const)('%s', async (stream, path, field) => {
    expect(await askAll(simulator, path, field, 37)).toEqual(
      Array.from(simulator.truth(stream), (record) => record.raw),
    );
  });

  test('datasets, bookmarks and own ones, and what is below them', async () => {
    const own = await askAll(simulator, '/datasets', 'datasets', 2);
    const bookmarks = await askAll(simulator, '/datasets?bookmark=true', 'datasets', 2);
    const byId = (records: unknown[]): unknown[] =>
      records.toSorted((a, b) => ((a as {id: string}).id < (b as {id: string}).id ? -1 : 1));
    expect(byId([...own, ...bookmarks])).toEqual(byId(Array.from(simulator.truth('datasets'), (record) => record.raw)));
    expect(bookmarks).toHaveLength(2);
    const versions: unknown[] = [];
    const members: unknown[] = [];
    for (const {key} of simulator.truth('datasets')) {
      versions.push(...(await askAll(simulator, `/datasets/${key[0]}/versions`, 'dataset_versions', 3)));
      members.push(...(await askAll(simulator, `/datasets/${key[0]}/inputs`, 'dataset_inputs', 20)));
    }
    expect(versions).toEqual(Array.from(simulator.truth('dataset_versions'), (record) => record.raw));
    expect(members).toEqual(Array.from(simulator.truth('dataset_inputs'), (record) => record.raw));
    expect(members.length).toBeGreaterThan(100);
  });
});

test('a page with a failed input is 207 and 10010, one without is 200 and 10000', async () => {
  const failed = await ask(simulator, '/inputs?status.code=30002');
  expect([failed.http, failed.code]).toEqual([207, 10010]);
  expect(idsOf(failed, 'inputs').length).toBeGreaterThan(0);
  const done = await ask(simulator, '/inputs?status.code=30000');
  expect([done.http, done.code]).toEqual([200, 10000]);
});

test('StreamInputs read by last_id gives every input once, in either order and direction', async () => {
  const truth = Array.from(simulator.truth('inputs'), (record) => record.key[0] as string);
  const read = async (query: string): Promise<string[]> => {
    const all: string[] = [];
    for (;;) {
      const last = all.at(-1);
      const ids = idsOf(
        await ask(simulator, `/inputs/stream?per_page=31${query}${last === undefined ? '' : `&last_id=${last}`}`),
        'inputs',
      );
      if (ids.length === 0) return all;
      all.push(...ids);
    }
  };
  expect(await read('')).toEqual(truth);
  expect(await read('&descending=true')).toEqual(truth.toReversed());
  expect(await read('&order_by_id=true')).toEqual(truth.toSorted());
  expect(await read('&order_by_id=true&descending=true')).toEqual(truth.toSorted().toReversed());
});

test('both forms of a path, and the user by name, give the same', async () => {
  const {body} = await ask(simulator, '/inputs?per_page=5');
  for (const path of [
    '/v2/inputs?per_page=5&user_app_id.user_id=me&user_app_id.app_id=plants',
    '/v2/users/acme/apps/plants/inputs?per_page=5',
  ]) {
    expect((await ask(simulator, path)).body['inputs']).toEqual(body['inputs']);
  }
  expect((await ask(simulator, '/v2/users/me/datasets?per_page=100')).body['datasets']).toHaveLength(10);
  expect(idsOf(await ask(simulator, '/v2/users/me/apps'), 'apps')).toEqual(['plants', 'other']);
});

test('only GetApp tells the marker, and names in camelCase are not understood', async () => {
  const one = (await ask(simulator, '')).body['app'] as {extra_info: {search_revision_marker: string; counts: unknown}};
  expect(one.extra_info.search_revision_marker).toBe(simulator.marker());
  expect(JSON.stringify((await ask(simulator, '/v2/users/me/apps')).body)).not.toContain('marker');
  expect(idsOf(await ask(simulator, '/inputs?perPage=5'), 'inputs')).toHaveLength(128);
});

test('by default annotations are the trusted ones, of an input when asked, and pairs must match', async () => {
  const input = [...simulator.truth('annotations')].find(({raw}) => (raw as {trusted?: boolean}).trusted !== true)
    ?.key as string[];
  const trusted = await askAll(simulator, '/annotations', 'annotations', 50);
  const all = Array.from(
    simulator.truth('annotations'),
    (record) => record.raw as {trusted?: boolean; input_id: string},
  );
  expect(trusted).toEqual(all.filter((annotation) => annotation.trusted === true));
  const ofInput = await ask(simulator, `/annotations?list_all_annotations=true&input_ids=${input[0]}`);
  expect(ofInput.body['annotations']).toEqual(all.filter((annotation) => annotation.input_id === input[0]));
  const pair = `input_ids=${input[0]}&ids=${input[1]}`;
  expect(idsOf(await ask(simulator, `/annotations?list_all_annotations=true&${pair}`), 'annotations')).toEqual([
    input[1],
  ]);
  expect(idsOf(await ask(simulator, `/annotations?${pair}`), 'annotations')).toEqual([]);
  expect((await ask(simulator, `/annotations?${pair}&ids=x`)).code).toBe(11102);
});

test('the eight counters add up to the number of inputs', async () => {
  const counts = (await ask(simulator, '/inputs/status')).body['counts'] as Record<string, number>;
  expect(Object.keys(counts)).toHaveLength(8);
  const {
    processed,
    to_process: waiting,
    errors,
    processing,
  } = counts as {processed: number; to_process: number; errors: number; processing: number};
  expect(processed + waiting + errors + processing).toBe([...simulator.truth('inputs')].length);
  expect((await ask(simulator, '/resource_counts')).body).toMatchObject({inputs: '232', datasets: '5'});
});

test('records are given one by one, and 11101 says which are not there', async () => {
  for (const [path, field] of [
    [`/inputs/${[...simulator.truth('inputs')][7]?.key[0]}`, 'input'],
    [`/inputs/${[...simulator.truth('annotations')][7]?.key.join('/annotations/')}`, 'annotation'],
    [`/datasets/${[...simulator.truth('datasets')][1]?.key[0]}`, 'dataset'],
    [`/datasets/${[...simulator.truth('dataset_versions')][1]?.key.join('/versions/')}`, 'dataset_version'],
    [`/datasets/${[...simulator.truth('dataset_inputs')][1]?.key.join('/inputs/')}`, 'dataset_input'],
    [`/bulk_operations/${[...simulator.truth('bulk_operations')][1]?.key[0]}`, 'bulk_operation'],
    [`/concepts/${[...simulator.truth('concepts')][1]?.key[0]}`, 'concept'],
  ] as const) {
    expect((await ask(simulator, path)).body).toHaveProperty(field);
    const missing = await ask(simulator, path.replace(/.$/, '~'));
    expect([missing.http, missing.code]).toEqual([404, 11101]);
  }
  expect((await ask(simulator, '/v2/users/me/apps/nothing/inputs')).code).toBe(11101);
  expect((await ask(simulator, '/v2/users/somebody/apps/plants/inputs')).code).toBe(11101);
  expect([(await ask(simulator, '/nothing')).code, (await ask(simulator, '/nothing')).http]).toEqual([10040, 404]);
});

test('a missing and a wrong credential are refused, and req_id begins with the prefix that was sent', async () => {
  const wrong = await ask(simulator, '/inputs', {headers: {authorization: 'Key nobody'}});
  expect([wrong.http, wrong.code]).toEqual([401, 11009]);
  const missing = await ask(simulator, '/inputs', {headers: {authorization: ''}});
  expect([missing.http, missing.code]).toEqual([401, 11008]);
  const {body} = await ask(simulator, '/inputs?per_page=1', {headers: {'X-Clarifai-Request-ID-Prefix': 'sync-42-'}});
  expect((body['status'] as {req_id: string}).req_id).toMatch(/^sync-42-./);
});

test('a page past the end is empty, one that is too large is refused, and empty bulk operations have no array', async () => {
  expect((await ask(simulator, '/inputs?page=1000')).body['inputs']).toEqual([]);
  expect((await ask(simulator, '/inputs?per_page=1001')).code).toBe(11102);
  expect((await ask(simulator, '/bulk_operations?page=1000')).body).not.toHaveProperty('bulk_operation');
});

test('pages that are kept are those that were written out, until something is changed', async () => {
  const size = {inputs: 300, annotations: 900};
  await using plain = await startSimulator(size);
  await using keeping = await startSimulator({...size, keepPages: true});
  const path = '/annotations?list_all_annotations=true';
  const written = await askAll(plain, path, 'annotations', 400);
  expect(await askAll(keeping, path, 'annotations', 400)).toEqual(written);
  expect(await askAll(keeping, path, 'annotations', 400)).toEqual(written);
  const [inputId, id] = [...keeping.truth('annotations')][7]?.key as [string, string];
  keeping.change({kind: 'deleteAnnotations', inputId, ids: [id]});
  const left = await askAll(keeping, path, 'annotations', 400);
  expect(left).toEqual(Array.from(keeping.truth('annotations'), (record) => record.raw));
  expect(left).toHaveLength(899);
});
