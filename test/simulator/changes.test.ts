import {afterEach, beforeEach, expect, test} from 'vitest';
import type {Change} from '../../src/simulator/changes.ts';
import type {Simulator} from '../../src/simulator/simulator.ts';
import {startSimulator} from '../../src/simulator/simulator.ts';
import {ask, idsOf, search} from './ask.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
let simulator: Simulator;
let inputs: string[];
let annotation: [string, string];
let dataset: string;

beforeEach(async () => {
  simulator = await startSimulator({inputs: 40, annotations: 120, now: NOW});
  inputs = Array.from(simulator.truth('inputs'), ({key}) => key[0] as string);
  annotation = [...simulator.truth('annotations')][4]?.key as [string, string];
  dataset = [...simulator.truth('datasets')][0]?.key[0] as string;
});

afterEach(async () => {
  await simulator.close();
});

test('every change of inputs, annotations and membership moves the marker, those of lists do not', () => {
  const moves = (change: Change): boolean => {
    const before = simulator.marker();
    simulator.change(change);
    return simulator.marker() !== before;
  };
  const [a, b, c, d] = inputs.slice(10) as [string, string, string, string];
  expect(
    [
      {kind: 'addInputs'},
      {kind: 'editInput', id: a},
      {kind: 'setInputStatus', id: b, statusCode: 30002},
      {kind: 'addAnnotations', inputId: a},
      {kind: 'editAnnotation', inputId: annotation[0], id: annotation[1]},
      {kind: 'deleteAnnotations', inputId: annotation[0], ids: [annotation[1]]},
      {kind: 'addDatasetInputs', datasetId: dataset, inputIds: inputs},
      {kind: 'removeDatasetInputs', datasetId: dataset, inputIds: [a]},
      {kind: 'deleteInputs', ids: [c]},
      {kind: 'restoreInput', id: c},
      {kind: 'deleteInputs', ids: [d], lingerRequests: 2},
    ].filter((change) => !moves(change as Change)),
  ).toEqual([]);
  expect(
    [
      {kind: 'addConcept'},
      {kind: 'addDataset'},
      {kind: 'addBulkOperation'},
      {kind: 'editDataset', id: dataset, starCount: 5},
    ].filter((change) => moves(change as Change)),
  ).toEqual([]);
});

test('an input goes with its annotations and memberships, and comes back alone at the end', () => {
  const id = ([...simulator.truth('dataset_inputs')][0]?.key as [string, string])[1];
  simulator.change({kind: 'deleteInputs', ids: [id]});
  const streams = ['inputs', 'annotations', 'dataset_inputs'] as const;
  const mentions = (): number[] =>
    streams.map((stream) => [...simulator.truth(stream)].filter(({key}) => key.includes(id)).length);
  expect(mentions()).toEqual([0, 0, 0]);
  simulator.change({kind: 'restoreInput', id});
  expect(mentions()).toEqual([1, 0, 0]);
  expect([...simulator.truth('inputs')].at(-1)?.key).toEqual([id]);
});

test('a lingering input is there for as many requests as was said', async () => {
  const id = inputs[3] as string;
  simulator.change({kind: 'deleteInputs', ids: [id], lingerRequests: 2});
  expect((await ask(simulator, `/inputs/${id}`)).code).toBe(10000);
  expect(idsOf(await ask(simulator, '/inputs'), 'inputs')).toContain(id);
  expect((await ask(simulator, `/inputs/${id}`)).code).toBe(11101);
});

test('an input added before another stands there, and is older', async () => {
  const added = simulator.change({kind: 'addInputs', count: 3, before: inputs[5] as string}).ids;
  const page = await ask(simulator, '/inputs/stream?per_page=10');
  expect(idsOf(page, 'inputs').slice(4, 9)).toEqual([inputs[4], ...added, inputs[5]]);
});

test('a pending input that is finished leaves the list of pending ones', async () => {
  const [id] = simulator.change({kind: 'addInputs', statusCode: 30003}).ids;
  expect(idsOf(await ask(simulator, '/inputs?status.code=30003'), 'inputs')).toContain(id);
  simulator.change({kind: 'setInputStatus', id: id as string, statusCode: 30000});
  expect(idsOf(await ask(simulator, '/inputs?status.code=30003'), 'inputs')).not.toContain(id);
});

test.each([
  ['error', 11101, []],
  ['empty', 10000, []],
  ['continue', 10000, [5, 6, 7]],
  ['jump', 10000, [12, 13, 14]],
  ['restart', 10000, [0, 1, 2]],
] as const)('a deleted last_id is answered as set: %s', async (behaviour, code, expected) => {
  simulator.settings.lastIdDeleted = behaviour;
  simulator.change({kind: 'deleteInputs', ids: [inputs[4] as string]});
  const left = inputs.filter((id) => id !== inputs[4]);
  const page = await ask(simulator, `/inputs/stream?per_page=3&last_id=${inputs[4]}`);
  expect(page.code === 10010 ? 10000 : page.code).toBe(code);
  expect(idsOf(page, 'inputs')).toEqual(expected.map((i) => (i < 4 ? left[i] : left[i - 1])));
});

test('search finds an edit within inclusive ends, and not beside them', async () => {
  simulator.change({kind: 'editAnnotation', inputId: annotation[0], id: annotation[1]});
  const hits = async (start_time: string, end_time: string): Promise<number> => {
    return ((await search(simulator, {start_time, end_time}, {page: 1, per_page: 100})).body['hits'] as unknown[])
      .length;
  };
  expect(await hits('2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z')).toBe(1);
  expect(await hits('2026-01-02T03:04:05.000000001Z', '2027-01-01T00:00:00Z')).toBe(0);
  expect(await hits('2026-01-01T00:00:00Z', '2026-01-02T03:04:04.999999999Z')).toBe(0);
});

test('search over all time finds every annotation as the list gives it, but no page past the cap', async () => {
  const everything = {start_time: '2020-01-01T00:00:00Z', end_time: '2030-01-01T00:00:00Z'};
  simulator.change({kind: 'editAnnotation', inputId: annotation[0], id: annotation[1]});
  simulator.change({kind: 'addAnnotations', inputId: inputs[0] as string, count: 2});
  const hits = (await search(simulator, everything, {page: 1, per_page: 1000})).body['hits'] as {
    annotation: {id: string};
  }[];
  const byId = (records: unknown[]): unknown[] =>
    (records as {id: string}[]).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  expect(byId(hits.map((hit) => hit.annotation))).toEqual(
    byId(Array.from(simulator.truth('annotations'), ({raw}) => raw)),
  );
  simulator.settings.pagingCap = 100;
  const capped = await search(simulator, everything, {page: 11, per_page: 10});
  expect(JSON.stringify(capped.body)).toContain('page * perPage cannot exceed 100');
  expect((await search(simulator, everything, {page: 10, per_page: 10})).code).toBe(10000);
});

test.each([1, 180])(
  'search finds in any window what the truth has there, the app being filled in %i days',
  async (spanDays) => {
    const startMs = Date.UTC(2024, 0, 1);
    await using dense = await startSimulator({inputs: 300, annotations: 900, spanDays, startMs});
    for (const {key} of [...dense.truth('annotations')].filter((_, i) => i % 7 === 0)) {
      dense.change({
        kind: 'editAnnotation',
        inputId: key[0] as string,
        id: key[1] as string,
        modifiedAt: '2024-01-01T12:00:00.25Z',
      });
    }
    const truth = Array.from(dense.truth('annotations'), ({raw}) => raw as {id: string; modified_at: string});
    const micros = (text: string): number => Date.parse(text.replace(/(\.\d{3})\d*/, '$1'));
    for (let i = 0; i < 24; i++) {
      const from = startMs + ((i * 7919) % 24) * spanDays * 3_600_000;
      const to = from + (1 + (i % 3)) * spanDays * 1_800_000;
      const range = {start_time: new Date(from).toISOString(), end_time: new Date(to).toISOString()};
      const hits = (await search(dense, range, {page: 1, per_page: 1000})).body['hits'] as {annotation: {id: string}}[];
      const expected = truth.filter(({modified_at}) => micros(modified_at) >= from && micros(modified_at) < to);
      expect(hits.map((hit) => hit.annotation.id).toSorted()).toEqual(expected.map(({id}) => id).toSorted());
    }
  },
);

test('search shows an edit, and an added annotation, only after its delay', async () => {
  simulator.settings.searchDelayMs = 60_000;
  const recent = {start_time: '2026-01-01T00:00:00Z', end_time: '2027-01-01T00:00:00Z'};
  const old = {start_time: '2020-01-01T00:00:00Z', end_time: '2025-01-01T00:00:00Z'};
  const count = async (range: typeof old): Promise<number> => {
    return ((await search(simulator, range, {page: 1, per_page: 1000})).body['hits'] as unknown[]).length;
  };
  simulator.change({kind: 'editAnnotation', inputId: annotation[0], id: annotation[1]});
  simulator.change({kind: 'addAnnotations', inputId: inputs[0] as string});
  expect([await count(recent), await count(old)]).toEqual([0, 120]);
  simulator.clock.advance(60_000);
  expect([await count(recent), await count(old)]).toEqual([2, 119]);
});

test('search leaves out what it is set not to cover', async () => {
  const everything = {start_time: '2020-01-01T00:00:00Z', end_time: '2030-01-01T00:00:00Z'};
  const found = async (): Promise<{trusted?: boolean; input_level?: boolean; status: {code: number}}[]> => {
    const {body} = await search(simulator, everything, {page: 1, per_page: 1000});
    return (body['hits'] as {annotation: {status: {code: number}}}[]).map((hit) => hit.annotation);
  };
  simulator.settings.searchCoversUntrusted = false;
  expect((await found()).filter((annotation) => annotation.trusted !== true)).toEqual([]);
  Object.assign(simulator.settings, {searchCoversUntrusted: true, searchCoversInputLevel: false});
  expect((await found()).filter((annotation) => annotation.input_level === true)).toEqual([]);
  Object.assign(simulator.settings, {searchCoversInputLevel: true, searchCoversPending: false});
  const codes = new Set((await found()).map((annotation) => annotation.status.code));
  expect(codes.has(24157) || codes.has(24151)).toBe(false);
});

test('an edit of an input moves its input-level annotation too, unless told not to', () => {
  const level = [...simulator.truth('annotations')].find(({raw}) => (raw as {input_level?: boolean}).input_level)
    ?.key as string[];
  const read = (): unknown => [...simulator.truth('annotations')].find(({key}) => key[1] === level[1])?.raw;
  const before = read();
  simulator.change({kind: 'editInput', id: level[0] as string, metadata: {n: 1}, annotationToo: false});
  expect(read()).toEqual(before);
  simulator.change({kind: 'editInput', id: level[0] as string, metadata: {n: 2}});
  expect(read()).toMatchObject({modified_at: '2026-01-02T03:04:05Z', data: {metadata: {n: 2}}});
});

test('a raw record is given as it is, bytes too', async () => {
  simulator.change({
    kind: 'setRaw',
    stream: 'inputs',
    key: ['odd'],
    text: '{"id":"odd","data":{"text":{"raw":"a\\u0000\\ud800"}}}',
  });
  const {body} = await ask(simulator, '/inputs/odd');
  expect(body['input']).toEqual({id: 'odd', data: {text: {raw: 'a\u0000\ud800'}}});
  const bytes = Buffer.from([...Buffer.from('{"id":"'), 0xff, ...Buffer.from('"}')]);
  simulator.change({kind: 'setRaw', stream: 'concepts', key: ['leaf-0'], base64: bytes.toString('base64')});
  const response = await fetch(`${simulator.url}/v2/users/me/apps/plants/concepts/leaf-0`, {
    headers: {authorization: `Key ${simulator.pat}`},
  });
  expect(Buffer.from(await response.arrayBuffer()).includes(bytes)).toBe(true);
});

test('what is not there is refused by name, and nothing has changed', () => {
  const before = simulator.marker();
  expect(() => simulator.change({kind: 'deleteInputs', ids: [inputs[0] as string, 'nobody']})).toThrow(
    "no input 'nobody'",
  );
  expect(() => simulator.change({kind: 'addInputs', ids: ['new', inputs[0] as string]})).toThrow('exists already');
  expect(simulator.marker()).toBe(before);
  expect(Array.from(simulator.truth('inputs'), ({key}) => key[0])).toEqual(inputs);
});

test('a dataset goes with its versions and members, and shows its newest version', () => {
  const [version] = simulator.change({kind: 'addDatasetVersion', datasetId: dataset}).ids;
  const raw = [...simulator.truth('datasets')][0]?.raw as {version: {id: string; status: {code: number}}};
  expect(raw.version).toMatchObject({id: version, status: {code: 64005}});
  simulator.change({kind: 'deleteDataset', id: dataset});
  const streams = ['datasets', 'dataset_versions', 'dataset_inputs'] as const;
  expect(streams.flatMap((stream) => [...simulator.truth(stream)].filter(({key}) => key[0] === dataset))).toEqual([]);
});

test('changes under way happen before every n-th answer', async () => {
  const seen: number[] = [];
  simulator.changeEvery(2, (count) => {
    seen.push(count);
    simulator.change({kind: 'addInputs'});
  });
  for (let i = 0; i < 5; i++) await ask(simulator, '/inputs?per_page=1');
  expect(seen).toEqual([2, 4]);
  expect([...simulator.truth('inputs')]).toHaveLength(42);
});
