import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {A_FEW} from '../../src/simulator/resources/all-resources.ts';
import {VIEWS} from '../../src/streams/views.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

type Json = Readonly<Record<string, unknown>>;

let harness: SyncHarness;

beforeAll(async () => {
  harness = await syncHarness({inputs: 80, annotations: 300, datasets: 3, resources: A_FEW}, 'streams: default\n');
  await harness.sync();
});

afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

const recordsOf = (stream: string): Json[] => [...harness.simulator.truth(stream)].map(({raw}) => raw as Json);

/** Members of a list, wherever there is one. */
const listAt = (value: unknown, ...path: string[]): Json[] => {
  const found = path.reduce<unknown>((at, name) => (at as Json | undefined)?.[name], value);
  return Array.isArray(found) ? (found as Json[]) : [];
};

/** Everything in an annotation that can carry concepts. */
const placesIn = (annotation: Json): Json[] => {
  const regions = listAt(annotation, 'data', 'regions');
  const frames = listAt(annotation, 'data', 'frames');
  const inFrames = frames.flatMap((frame) => listAt(frame, 'data', 'regions'));
  return [annotation, ...regions, ...frames, ...inFrames, ...listAt(annotation, 'data', 'time_segments')];
};

const countOf = async (view: string): Promise<number> =>
  Number((await harness.query<{n: string}>(`select count(*) as n from clarifai.${view}`))[0]?.n);

describe('a view has a row for each', () => {
  test('concept of each annotation, region and frame', async () => {
    const concepts = recordsOf('annotations')
      .flatMap(placesIn)
      .flatMap((place) => listAt(place, 'data', 'concepts'));
    expect(concepts.length).toBeGreaterThan(100);
    expect(await countOf('annotation_concepts')).toBe(concepts.length);
    const sum = concepts.reduce((total, concept) => total + Number(concept['value'] ?? 0), 0);
    const [row] = await harness.query<{sum: string}>('select sum(value) as sum from clarifai.annotation_concepts');
    expect(Number(row?.sum)).toBeCloseTo(sum, 6);
  });

  test('region, of its kind and with its box', async () => {
    const regions = recordsOf('annotations').flatMap((annotation) => [
      ...listAt(annotation, 'data', 'regions'),
      ...listAt(annotation, 'data', 'frames').flatMap((frame) => listAt(frame, 'data', 'regions')),
    ]);
    const boxes = regions.filter(({region_info: info}) => (info as Json | undefined)?.['bounding_box'] !== undefined);
    expect(await countOf('annotation_regions')).toBe(regions.length);
    const found = await harness.query<{kind: string; n: number; boxed: number}>(
      'select kind, count(*)::int as n, count(top_row)::int as boxed from clarifai.annotation_regions group by kind order by kind',
    );
    expect(found.find(({kind}) => kind === 'box')).toEqual({kind: 'box', n: boxes.length, boxed: boxes.length});
    expect(found.map(({kind}) => kind)).toEqual(expect.arrayContaining(['box', 'polygon', 'span']));
  });

  test('input, with its kind and its addresses by size', async () => {
    const inputs = recordsOf('inputs');
    expect(await countOf('input_media')).toBe(inputs.length);
    const [image] = await harness.query<{input_id: string; width: string; orig_url: string}>(
      `select input_id, width, orig_url from clarifai.input_media where kind = 'image' and orig_url is not null order by 1 limit 1`,
    );
    const record = inputs.find(({id}) => id === image?.input_id) as Json;
    const media = (record['data'] as Json)['image'] as {
      hosted: {prefix: string; suffix: string};
      image_info: {width: number};
    };
    expect(image).toEqual({
      input_id: record['id'],
      width: String(media.image_info.width),
      orig_url: `${media.hosted.prefix}/orig/${media.hosted.suffix}`,
    });
  });

  test('group of metrics of a dataset version, with counts that are integers', async () => {
    const groups = recordsOf('dataset_versions').flatMap(({metrics}) => Object.keys((metrics ?? {}) as Json));
    expect(await countOf('dataset_version_metrics')).toBe(groups.length);
    const [type] = await harness.query<{type: string; n: string}>(
      `select pg_typeof(inputs_count)::text as type, inputs_count as n from clarifai.dataset_version_metrics where path = '/' limit 1`,
    );
    expect(type?.type).toBe('bigint');
    expect(Number(type?.n)).toBeGreaterThan(0);
  });

  test('version of a model with metrics, worker of a task, and evaluation', async () => {
    const measured = recordsOf('model_versions').filter(({metrics}) => metrics !== undefined);
    expect(await countOf('model_version_metrics')).toBe(measured.length);
    const people = recordsOf('tasks').flatMap((task) => [
      ...listAt(task, 'worker', 'workers').map(
        (worker) => `worker ${String((worker['user'] as Json)['id'])} ${String(task['id'])}`,
      ),
      ...listAt(task, 'review', 'users').map((user) => `reviewer ${String(user['id'])} ${String(task['id'])}`),
    ]);
    expect(await countOf('task_workers')).toBe(new Set(people).size);
    const states = await harness.query(
      `select state, count(*)::int as n from clarifai.evaluation_summary group by 1 order by 1`,
    );
    expect(states).toEqual([
      {state: 'failed', n: 1},
      {state: 'pending', n: 1},
      {state: 'succeeded', n: 2},
    ]);
  });
});

test.each(VIEWS.map((view) => [view.name, view.example]))('the example of %s gives rows', async (_, example) => {
  expect((await harness.query(example.replaceAll('{schema}', 'clarifai'))).length).toBeGreaterThan(0);
});

test('a record with nonsense in the place of numbers and lists breaks no view', async () => {
  await harness.query(`insert into clarifai.inputs (user_id, app_id, id, raw, _sync_run_id, _sync_sequence, _sync_first_sequence, _sync_hash)
    values ('acme', 'plants', 'odd', '{"data":{"image":{"image_info":{"width":"wide","height":1e400},"hosted":7}}}', gen_random_uuid(), 1, 1, '')`);
  await harness.query(`insert into clarifai.annotations (user_id, app_id, input_id, id, raw, _sync_run_id, _sync_sequence, _sync_first_sequence, _sync_hash)
    values ('acme', 'plants', 'odd', 'odd', '{"data":{"concepts":[1,null,{"id":5,"value":"much"}],"regions":[{"region_info":{"polygon":{"points":[3]},"bounding_box":[]}}],"frames":{"data":4}}}',
      gen_random_uuid(), 1, 1, '')`);
  for (const {name} of VIEWS) await harness.query(`select * from clarifai.${name}`);
  const [odd] = await harness.query(`select kind, width, orig_url from clarifai.input_media where input_id = 'odd'`);
  expect(odd).toEqual({kind: 'image', width: null, orig_url: null});
});
