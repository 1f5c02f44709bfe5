import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {A_FEW} from '../../src/simulator/resources/all-resources.ts';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {ask, idsOf} from '../simulator/ask.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const SMALL = {inputs: 10, annotations: 20, datasets: 2, concepts: 6, resources: A_FEW};
const ALL = 'streams: all\n';

describe('of what the API hides or mixes up', () => {
  let harness: SyncHarness;

  beforeAll(async () => {
    harness = await syncHarness(SMALL, ALL);
    await harness.sync();
  });

  afterAll(async () => {
    await harness[Symbol.asyncDispose]();
  });

  const idsIn = async (table: string, condition: string): Promise<string[]> =>
    (await harness.query<{id: string}>(`select id from clarifai.${table} where ${condition} order by id`)).map(
      ({id}) => id,
    );

  test('bookmarked models, workflows and modules are there beside the others', async () => {
    for (const table of ['models', 'modules', 'workflows']) {
      const bookmarks = [...harness.simulator.truth(table)].filter(({raw}) => 'bookmark_origin' in (raw as object));
      expect(await idsIn(table, `raw ? 'bookmark_origin'`)).toEqual(bookmarks.map(({key}) => key[0]).sort());
    }
    expect(await idsIn('models', `raw ? 'bookmark_origin'`)).toEqual(['model-4']);
  });

  test('models and workflows of other apps are left out', async () => {
    expect(idsOf(await ask(harness.simulator, '/models'), 'models')).toContain('general-image-recognition');
    expect(idsOf(await ask(harness.simulator, '/workflows'), 'workflows')).toContain('General');
    expect(await idsIn('models', `id = 'general-image-recognition'`)).toEqual([]);
    expect(await idsIn('workflows', `id = 'General'`)).toEqual([]);
    const rejects = `select 1 from clarifai_sync.rejects where stream in ('models', 'workflows')`;
    expect(await harness.query(rejects)).toEqual([]);
  });

  test('tasks of label orders, failed evaluations and former collaborators are there', async () => {
    expect(await idsIn('tasks', 'label_order_id is not null')).toHaveLength(1);
    expect(await idsIn('evaluations', 'status_code = 21310')).toHaveLength(1);
    expect(await idsIn('collaborators', 'removed_at is not null')).toHaveLength(1);
  });

  test('saved searches are read, and not the hits beside them', async () => {
    expect(await idsIn('searches', 'true')).toHaveLength(4);
  });

  test('records that do not name their owner have the real one, and never the alias', async () => {
    for (const {name, scope} of CATALOGUE) {
      const owners = await harness.query(`select distinct user_id, app_id from clarifai.${name}`);
      const wanted = {app: ['acme', 'plants'], user: ['acme', ''], global: ['', '']}[scope];
      expect([name, owners]).toEqual([name, [{user_id: wanted[0], app_id: wanted[1]}]]);
    }
  });

  test('workers are told apart by kind and id, whichever of the three they are', async () => {
    const workers = await harness.query('select worker_kind, worker_id from clarifai.annotation_workers order by 1, 2');
    expect(workers).toEqual([
      {worker_kind: 'model', worker_id: 'mv-1'},
      {worker_kind: 'user', worker_id: 'maria'},
      {worker_kind: 'user', worker_id: 'omar'},
      {worker_kind: 'workflow', worker_id: 'wv-2'},
    ]);
  });

  test('groups of metrics have the canonical text of their value in the key', async () => {
    const values = await harness.query(
      'select distinct parent_path, type, value from clarifai.dataset_version_metrics_groups order by 2, 3',
    );
    expect(values).toEqual([
      {parent_path: '/INPUT_TYPE:image', type: '10', value: '{"concept_id":"leaf-3","user_id":"acme"}'},
      {parent_path: '/INPUT_TYPE:image', type: '11', value: '1'},
      {parent_path: '', type: '2', value: '"leaf"'},
      {parent_path: '/INPUT_TYPE:image', type: '31', value: '0.25'},
    ]);
  });

  test('the time of change of a copy is last_modified_at', async () => {
    const rows = await harness.query<{at: Date; raw: {last_modified_at: string}}>(
      'select modified_at as at, raw from clarifai.app_duplications',
    );
    for (const {at, raw} of rows)
      expect(at.toISOString().slice(0, 23)).toBe(new Date(raw.last_modified_at).toISOString().slice(0, 23));
  });

  test('tokens, key ids, signed addresses and personal data are nowhere', async () => {
    const secret = /pat-of-the-app|hook-secret|secret-signature|key-that-is-a-secret|@example\.org|"Ada"|Example Ltd/;
    for (const {name} of CATALOGUE.filter((each) => each.name !== 'apps')) {
      const rows = await harness.query<{row: string}>(`select to_jsonb(t)::text as row from clarifai.${name} t`);
      expect([name, rows.filter(({row}) => secret.test(row))]).toEqual([name, []]);
    }
  });

  test('a model with a new version, more stars or another replica is not written', async () => {
    harness.change(
      {kind: 'addRecord', stream: 'model_versions', parent: ['model-0']},
      {kind: 'addRecord', stream: 'workflow_versions', parent: ['workflow-0']},
      {
        kind: 'editRecord',
        stream: 'models',
        key: ['model-1'],
        fields: {star_count: 99, replica_count: 7, modified_at: '2024-01-01T07:00:00Z'},
      },
    );
    const before = await harness.query(`select id, _sync_sequence from clarifai.models where id = 'model-0'`);
    const result = await harness.sync();
    expect(await harness.query(`select id, _sync_sequence from clarifai.models where id = 'model-0'`)).toEqual(before);
    expect(result.stream('workflows')).toMatchObject({inserted: 0, updated: 0});
    expect(result.stream('model_versions').inserted).toBe(1);
    expect(result.stream('workflow_versions').inserted).toBe(1);
  });

  test('nothing that hands out work is ever asked for', () => {
    expect(harness.requests().filter((request) => /assignments|\/items/.test(request))).toEqual([]);
  });
});

describe('a list that the API no longer has', () => {
  const GONE = ['modules', 'module_versions', 'installed_module_versions', 'collectors', 'annotation_search_metrics'];

  test('is unavailable, no failure, and asked for again only after a week', async () => {
    await using harness = await syncHarness(SMALL, ALL);
    harness.simulator.settings.notOffered = GONE;
    const first = await harness.sync();
    expect(first.code).toBe(0);
    expect(GONE.map((name) => first.stream(name).outcome)).toEqual([
      'unavailable',
      'skipped',
      'unavailable',
      'unavailable',
      'unavailable',
    ]);
    harness.forgetRequests();
    const second = await harness.sync();
    const asked = (): string[] =>
      harness.requests().filter((request) => /modules|module_versions|collectors|searches\/metrics/.test(request));
    expect([second.code, second.stream('collectors').outcome, asked()]).toEqual([0, 'unavailable', []]);

    harness.simulator.settings.notOffered = [];
    await harness.query(`update clarifai_sync.stream_states set refused_at = refused_at - interval '8 days'`);
    expect((await harness.sync()).stream('collectors').outcome).toBe('succeeded');
    expect(await harness.differences()).toEqual([]);
  });

  test('has failed when it was read before, and nothing of it is marked deleted', async () => {
    await using harness = await syncHarness(SMALL, ALL);
    await harness.sync();
    harness.simulator.settings.notOffered = GONE;
    const gone = await harness.sync({full: true});
    expect([gone.code, gone.document.outcome]).toEqual([5, 'partial']);
    for (const name of GONE)
      expect([name, gone.stream(name).outcome, gone.stream(name).deleted]).toEqual([name, 'failed', 0]);
    harness.simulator.settings.notOffered = [];
    expect(await harness.differences()).toEqual([]);
  });

  test('below many parents is asked for under few of them', async () => {
    await using harness = await syncHarness({...SMALL, resources: {models: 40}}, 'streams: default\n');
    harness.simulator.settings.notOffered = ['model_references'];
    const result = await harness.sync();
    expect([result.code, result.stream('model_references').outcome]).toEqual([0, 'unavailable']);
    expect(harness.requests().filter((request) => request.includes('/references')).length).toBeLessThanOrEqual(6);
  });
});

test('a stream that is never read is refused by its name, with the reason', async () => {
  await using harness = await syncHarness(SMALL);
  await expect(harness.sync({stream: ['next_task_assignments']})).rejects.toThrow(
    'stream "next_task_assignments" is never read: asking for it hands labelling work out to whoever asks',
  );
  harness.config = 'streams: [inputs, app_keys]\n';
  await expect(harness.sync()).rejects.toThrow('which is never read: the id of a key is the secret itself');
  expect(harness.requests()).toEqual([]);
});
