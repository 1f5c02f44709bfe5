import {readFile} from 'node:fs/promises';
import {describe, expect, test} from 'vitest';
import {ConfigError} from '../../src/config/problem.ts';
import {COMPLETE, load, refusal} from './load-for-test.ts';

describe('the environment alone', () => {
  test('gives every default of the contract and the embedded store', async () => {
    expect(await load({})).toEqual({
      file: null,
      source: {
        baseUrl: 'https://api.clarifai.com',
        pat: 'token-of-test',
        requestsPerSecond: 15,
        headroom: 0.07,
        maxConcurrency: 16,
        pageSize: 1000,
      },
      apps: [{userId: 'me', appId: 'my-app'}],
      streams: {kind: 'default'},
      streamOptions: {},
      store: {kind: 'embedded', dataDir: '/work/.clarifai-sync', schema: 'clarifai', history: false},
      sinks: [],
      queueUrl: null,
      dataDir: '/work/.clarifai-sync',
      schedules: [],
      run: {
        maxDeleteRatio: 0.3,
        proofRequests: 1000,
        settleMs: 600_000,
        sweepMs: 86_400_000,
        maxRecordBytes: 8_388_608,
        stallMs: 300_000,
        leaseMs: 15_000,
        drainTimeoutMs: 25_000,
        retainRunsMs: 7_776_000_000,
        purgeDeletedAfterMs: null,
      },
      http: {host: '127.0.0.1', port: 8080, token: null},
      notify: null,
      notes: [],
    });
  });

  test('makes the database of DATABASE_URL the store, as the sink warehouse', async () => {
    const {store, sinks} = await load({env: {...COMPLETE, DATABASE_URL: 'postgres://u:p@h/d'}});
    expect(store).toEqual({
      kind: 'url',
      url: 'postgres://u:p@h/d',
      schema: 'clarifai',
      history: false,
      sinkName: 'warehouse',
    });
    expect(sinks).toEqual([]);
  });

  test('takes the address of the API without its trailing slash', async () => {
    const {source} = await load({env: {...COMPLETE, CLARIFAI_API_BASE: 'http://127.0.0.1:9000/'}});
    expect(source.baseUrl).toBe('http://127.0.0.1:9000');
  });

  test('names the variable when its value is wrong', async () => {
    expect(await refusal({env: {...COMPLETE, CLARIFAI_API_BASE: 'ftp://x'}})).toContain(
      'CLARIFAI_API_BASE source.base_url: expected an http:// or https:// URL without a user or password, found "ftp://x" (text)',
    );
  });

  test('says that an app id alone is not enough', async () => {
    expect(await refusal({env: {CLARIFAI_PAT: 'x', CLARIFAI_APP_ID: 'a'}})).toContain('found CLARIFAI_APP_ID alone');
  });

  test('counts an empty variable as not set', async () => {
    expect(await refusal({env: {...COMPLETE, CLARIFAI_PAT: ''}})).toContain(
      'source.pat: expected a personal access token',
    );
  });

  test('is enough without token and apps for a command that needs neither', async () => {
    const config = await load({env: {}, options: {needs: []}});
    expect([config.source.pat, config.apps]).toEqual([null, []]);
  });

  test('puts the queue into the Redis that REDIS_URL names', async () => {
    const {queueUrl} = await load({env: {...COMPLETE, REDIS_URL: 'redis://h'}});
    expect(queueUrl).toBe('redis://h');
  });
});

test('the configuration that docker-compose.yml mounts is complete with its environment', async () => {
  const yaml = await readFile(new URL('../../deploy/clarifai-sync.yaml', import.meta.url), 'utf8');
  const given = {DATABASE_URL: 'postgres://u:p@h/d', S3_SECRET_KEY: 'k', CLARIFAI_SYNC_TOKEN: 'a-token-of-the-test'};
  const {http, schedules, sinks, store} = await load({yaml, env: {...COMPLETE, ...given, REDIS_URL: 'redis://h'}});
  expect([http.host, schedules.length, sinks.length, store.kind]).toEqual(['0.0.0.0', 2, 1, 'url']);
});

describe('a file', () => {
  test('wins over the environment, which fills only what the file leaves out', async () => {
    const {source, apps} = await load({
      yaml: 'source: {pat: of-the-file}\napps: [{user_id: u, app_id: a}]',
      env: {...COMPLETE, CLARIFAI_API_BASE: 'http://h'},
    });
    expect([source.pat, source.baseUrl, apps]).toEqual(['of-the-file', 'http://h', [{userId: 'u', appId: 'a'}]]);
  });

  test('may have nothing but comments and empty sections', async () => {
    expect(await load({yaml: '# nothing\nsinks:\nrun:\n  # settle: 1m\n'})).toEqual({
      ...(await load({})),
      file: '/work/clarifai-sync.yaml',
    });
  });

  test('is where relative paths of the configuration start', async () => {
    const files = {'/etc/sync/c.yaml': 'data_dir: db'};
    expect((await load({files, options: {file: '/etc/sync/c.yaml'}})).dataDir).toBe('/etc/sync/db');
  });

  test('that was named must be there', async () => {
    expect(await refusal({options: {file: 'nope.yaml'}})).toContain('nope.yaml: expected a configuration file');
  });

  test('gives units to its durations and sizes', async () => {
    const {run} = await load({yaml: 'run: {settle: 90s, sweep_hours: 0.5, max_record_bytes: 1MiB, stall_seconds: 7}'});
    expect([run.settleMs, run.sweepMs, run.maxRecordBytes, run.stallMs]).toEqual([90_000, 1_800_000, 1_048_576, 7_000]);
  });

  test('sets the page size of one stream', async () => {
    const {streamOptions} = await load({yaml: 'stream_options: {annotations: {page_size: 500}}'});
    expect(streamOptions).toEqual({annotations: {pageSize: 500, strategy: null, redact: [], exclude: []}});
  });

  test('names streams', async () => {
    expect((await load({yaml: 'streams: [inputs]'})).streams).toEqual({kind: 'named', names: ['inputs']});
    expect((await load({yaml: 'streams: all'})).streams).toEqual({kind: 'all'});
  });

  test.each([
    ['state: {url: "postgres://h/s"}\nsinks: [{name: w, type: postgres, url: "postgres://h/d", history: true}]', true],
    ['state: {url: "postgres://h/s"}\nsinks: [{name: w, type: postgres, url: "postgres://h/d"}]', false],
    [
      'sinks: [{name: w, type: postgres, url: "postgres://h/d"}, {name: x, type: postgres, url: "postgres://h/e", history: true}]',
      true,
    ],
  ])('the store keeps history where any sink does: %s', async (yaml, history) => {
    expect((await load({yaml, env: COMPLETE})).store).toMatchObject({history});
  });

  test('puts the first postgres sink in the place of the store, with its schema and history', async () => {
    const {store} = await load({
      yaml: 'sinks: [{name: w, type: postgres, url: "postgres://h/d", schema: s, history: true}]',
    });
    expect(store).toEqual({kind: 'url', url: 'postgres://h/d', schema: 's', history: true, sinkName: 'w'});
  });

  test('puts state.url before everything else', async () => {
    const {store, notes} = await load({
      yaml: 'state: {url: "postgres://h/state", schema: s}',
      env: {...COMPLETE, DATABASE_URL: 'postgres://h/other'},
    });
    expect(store).toEqual({kind: 'url', url: 'postgres://h/state', schema: 's', history: false, sinkName: null});
    expect(notes).toEqual(['DATABASE_URL is set but not used: the file names the store in state.url']);
  });

  test.each([
    'state: {url: "postgres://h/d", schema: s}\nsinks: [{name: w, type: postgres, url: "postgres://u:p@h:5432/d", schema: s}]',
    'state: {url: "postgres://h/d"}\nsinks: [{name: w, type: postgres, url: "postgres://h/d/", schema: s}]',
    'state: {url: "postgres://h/d", schema: s}\nsinks: [{name: o, type: postgres, url: "postgres://o/d", schema: s}, {name: w, type: postgres, url: "postgres://h/d", schema: s}]',
  ])('takes the sink that is where state.url leads for the store: %s', async (yaml) => {
    const {store, sinks} = await load({yaml, env: COMPLETE});
    expect(store).toEqual({kind: 'url', url: 'postgres://h/d', schema: 's', history: false, sinkName: 'w'});
    expect(sinks.map(({name}) => name)).not.toContain('w');
  });

  test('notes that state.url names a variable without a value, because the store is another then', async () => {
    const {store, notes} = await load({yaml: 'state: {url: "${STATE_URL}"}'});
    expect(store.kind).toBe('embedded');
    expect(notes.join()).toContain('STATE_URL, which is not set');
  });
});

test('the configuration is frozen to its depths', async () => {
  const config = await load({});
  const isFrozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen));
  expect(isFrozen(config)).toBe(true);
});

test('a configuration that cannot be used is a usage error', async () => {
  const error = await load({yaml: 'x: 1'}).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({exit: 'usage', code: 'SYNC_CONFIG_INVALID'});
});
