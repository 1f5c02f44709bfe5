import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {RunDocument} from '../../src/store/run-document.ts';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {runCli, type Ended} from '../support/process.ts';
import {syncHarness, type SyncHarness, type SyncResult} from '../support/sync-harness.ts';

/** Streams that are read unless others are named. */
const DEFAULTS = CATALOGUE.filter(({isDefault}) => isDefault)
  .map(({name}) => name)
  .sort();

let harness: SyncHarness;
let synced: SyncResult;

// One app that was synced once, with a concept that cannot be stored; the tests only look at it.
beforeAll(async () => {
  harness = await syncHarness({}, 'streams: default\n');
  harness.change({kind: 'setRaw', stream: 'concepts', key: ['broken'], text: '{"name":"no id","value":1}'});
  synced = await harness.sync();
});
afterAll(() => harness[Symbol.asyncDispose]());

async function ask(...args: string[]): Promise<Ended> {
  const ended = await runCli(args, {cwd: '/', env: harness.env});
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

async function askJson<Document>(...args: string[]): Promise<Document> {
  const {stdout} = await ask(...args, '--json');
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(stdout) as Document;
}

test('status tells of every stream the last run, its counts, its lag, and what could not be stored', async () => {
  const {scopes} = await askJson<{
    scopes: {
      app_id: string;
      run_id: string;
      outcome: string;
      lag_seconds: number | null;
      streams: {
        stream: string;
        outcome: string;
        inserted: number;
        lag_seconds: number;
        open_rejects: number;
        search_gaps: string[] | null;
      }[];
    }[];
  }>('status');
  expect(scopes.map((scope) => scope.app_id)).toEqual(['plants', '']);
  const [app, user] = scopes;
  expect(app).toMatchObject({run_id: synced.document.run_id, outcome: 'partial', lag_seconds: null});
  expect(user?.lag_seconds).toBeGreaterThan(0);
  const streams = scopes.flatMap((scope) => scope.streams);
  expect(streams.map(({stream}) => stream).sort()).toEqual(DEFAULTS);
  for (const {stream, outcome, inserted, lag_seconds: lag} of streams) {
    expect([stream, outcome, inserted]).toEqual([stream, 'succeeded', synced.stream(stream).inserted]);
    expect(lag).toBeGreaterThan(0);
  }
  expect(streams.find(({stream}) => stream === 'concepts')?.open_rejects).toBe(1);
  expect(streams.find(({stream}) => stream === 'annotations')?.search_gaps).toEqual([]);

  const {stdout} = await ask('status');
  expect(stdout).toMatch(/^acme\/plants: incremental run of .* partial; no run has succeeded yet/m);
  expect(stdout).toMatch(/concepts: 1 records could not be stored: "clarifai-sync rejects list --stream concepts"/);
});

test('runs lists them newest first, a document a line, and show gives the document of sync and what else is known', async () => {
  const {stdout} = await ask('runs', '--json');
  const listed = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RunDocument);
  expect(listed).toHaveLength(2);
  expect(listed.map(({started_at: at}) => at)).toEqual(
    listed
      .map(({started_at: at}) => at)
      .sort()
      .reverse(),
  );
  expect((await ask('runs', '--limit', '1', '--json')).stdout.trimEnd().split('\n')).toHaveLength(1);

  const {run_id: id} = synced.document;
  const shown = await askJson<RunDocument>('runs', 'show', id);
  expect(shown).toMatchObject(listed.find((run) => run.run_id === id) ?? {});
  expect(shown).toMatchObject({outcome: 'partial', user_id: 'acme', app_id: 'plants', mode: 'incremental'});
  expect(shown.streams.find(({stream}) => stream === 'inputs')).toMatchObject(synced.stream('inputs'));
  expect((await ask('runs', 'show', id)).stdout).toMatch(/inputs +succeeded +60 read, 60 inserted/);
});

test('rejects lists what could not be stored, and show gives the record as it came', async () => {
  const listed = await askJson<{id: string; stream: string; kind: string; reason: string}[]>(
    'rejects',
    'list',
    '--stream',
    'concepts',
  );
  expect(listed).toMatchObject([{stream: 'concepts', kind: 'rejected', reason: 'key_missing'}]);
  const id = listed[0]?.id ?? '';
  expect(await askJson('rejects', 'show', id)).toMatchObject({...listed[0], raw: '{"name":"no id","value":1}'});
  expect((await ask('rejects', 'list', '--stream', 'inputs')).stdout).toBe('no record was rejected or repaired\n');
});

test('streams shows of each stream the columns that its table has', async () => {
  const streams = await askJson<{stream: string; key: string[]; default: boolean}[]>('streams');
  expect(streams.map(({stream}) => stream)).toEqual(CATALOGUE.map(({name}) => name));
  const {columns} = await askJson<{columns: {name: string; type: string}[]}>(
    'streams',
    'show',
    'annotations',
    '--schema',
  );
  const inTable = await harness.query<{name: string; type: string}>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = 'clarifai.annotations'::regclass and attnum > 0 order by attnum`,
  );
  const short = (type: string): string =>
    type.replace(/ not null.*/, '').replace('timestamptz', 'timestamp with time zone');
  expect(columns.map(({name, type}) => ({name, type: short(type)}))).toEqual(inTable);
});

test('check tries everything, a line each, and leaves nothing behind', async () => {
  const tables = 'select relname from pg_class where relnamespace = $1::regnamespace order by 1';
  const before = await harness.query(tables, ['clarifai']);
  const {stdout} = await ask('check');
  const lines = stdout.trimEnd().split('\n');
  expect(lines.map((line) => line.split(/ +/).slice(0, 2).join(' '))).toEqual(
    ['config', 'credential', 'app', 'streams', 'store', 'sessions', 'queue'].map((name) => `ok ${name}`),
  );
  expect(stdout).toMatch(/^ok +store +PostgreSQL \d+\S*, schema clarifai$/m);
  expect(stdout).toMatch(
    /^ok +streams +24 of 29 selected streams of acme\/plants can be read; not tried, .*: model_versions, /m,
  );
  expect(await harness.query(tables, ['clarifai'])).toEqual(before);
});

test('estimate counts what is stored, and the requests that a run then really makes', async () => {
  const {streams} = await askJson<{streams: {stream: string; records: number; first_requests: number}[]}>('estimate');
  for (const {stream, records, first_requests: requests} of streams) {
    const {inserted, rejected} = synced.stream(stream);
    expect([stream, records]).toEqual([stream, inserted + (stream === 'inputs' ? rejected : 0)]);
    expect(requests).toBeGreaterThanOrEqual(synced.stream(stream).pages);
  }
});

describe('help', () => {
  test('lists the commands', async () => {
    const {stdout} = await ask('--help');
    for (const name of [
      'init',
      'check',
      'streams',
      'sync',
      'estimate',
      'status',
      'runs',
      'verify',
      'rejects',
      'reset',
      'purge',
      'demo',
      'simulate',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
  });

  test('of a command gives examples', async () => {
    expect((await ask('sync', '--help')).stdout).toMatch(/Examples:\n {2}clarifai-sync sync +# /);
  });
});
