import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {showRun} from '../../src/cli/runs.ts';
import {status} from '../../src/cli/status.ts';
import {syncHarness, type SyncHarness, type SyncResult} from '../support/sync-harness.ts';

interface StatusDocument {
  readonly sinks: readonly {sink: string; app_id: string; sequence: number | null; runs_behind: number}[];
  readonly next_runs: readonly {name: string; mode: string; user_id: string; app_id: string; at: string}[];
}

let folder: string;
let harness: SyncHarness;
let synced: SyncResult;

// One app that was synced once, into a folder, and into a Postgres that is not there; the tests only look at it.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'status-'));
  harness = await syncHarness(
    {},
    [
      'streams: [concepts]',
      'state: {url: "${DATABASE_URL}"}',
      'sinks:',
      `  - {name: lake, type: s3, url: "${pathToFileURL(join(folder, 'lake')).href}"}`,
      '  - {name: away, type: postgres, url: "postgres://127.0.0.1:1/away"}',
      'schedules:',
      '  - {name: fresh, cron: "*/15 * * * *"}',
      '  - {name: nightly, cron: "30 2 * * *", timezone: Europe/Berlin, mode: full}',
      '',
    ].join('\n'),
  );
  synced = await harness.sync();
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await rm(folder, {recursive: true, force: true});
});

const json = async (): Promise<StatusDocument> =>
  JSON.parse((await harness.command((context) => status(context, true))).out) as StatusDocument;
const text = async (): Promise<string> => (await harness.command((context) => status(context, false))).out;

test('status tells how far each sink is', async () => {
  expect((await json()).sinks).toMatchObject([
    {sink: 'away', app_id: 'plants', sequence: null, runs_behind: 1},
    {sink: 'lake', app_id: 'plants', sequence: 1, runs_behind: 0},
  ]);
  expect(await text()).toMatch(/^acme\/plants: sink lake has all up to run 1$/m);
});

test('status says why a run is partial that only a sink has failed', async () => {
  expect(synced.document.outcome).toBe('partial');
  expect(await text()).toMatch(/^acme\/plants: sink away has no run yet, 1 run behind: .+ \[SYNC_\w+\]$/m);
});

test('status tells when each schedule will next have a run of each app', async () => {
  const {next_runs: next} = await json();
  expect(next).toMatchObject([
    {name: 'fresh', mode: 'incremental', user_id: 'acme', app_id: 'plants'},
    {name: 'nightly', mode: 'full', user_id: 'acme', app_id: 'plants'},
  ]);
  const [freshMs = 0, nightlyMs = 0] = next.map(({at}) => Date.parse(at));
  expect(freshMs % (15 * 60_000)).toBe(0);
  expect(freshMs).toBeGreaterThan(Date.now());
  expect(nightlyMs % 3_600_000).toBe(30 * 60_000);
  expect(await text()).toMatch(/^acme\/plants: schedule nightly: next full run at .+, by "clarifai-sync start"$/m);
});

test('runs show tells what came of each sink, and why the run is partial', async () => {
  const shown = await harness.command((context) => showRun(context, synced.document.run_id, true));
  const error = {code: expect.stringMatching(/^SYNC_/) as unknown, message: expect.any(String) as unknown};
  expect(JSON.parse(shown.out)).toMatchObject({
    outcome: 'partial',
    sinks: [
      {sink: 'away', error},
      {sink: 'lake', outcome: 'succeeded'},
    ],
    remarks: [{severity: 'failure', about: 'away', ...error}],
  });
});

test('runs show tells how long requests have waited for the budget', async () => {
  await using slow = await syncHarness();
  slow.config = 'streams: [concepts]\nsource: {requests_per_second: 2, headroom: 0}\n';
  const {document} = await slow.sync();
  const [asked, id] = [document.requests, document.run_id];
  const show = async (isJson: boolean): Promise<string> =>
    (await slow.command((context) => showRun(context, id, isJson))).out;
  const {waited_seconds: seconds} = JSON.parse(await show(true)) as {waited_seconds: number};
  // Each request but the first, half a second after the one before; some of that it takes to answer.
  expect(seconds).toBeGreaterThan((asked - 1) * 0.25);
  expect(await show(false)).toMatch(/^ {2}waited \S+ s for the budget and retries, all requests together$/m);
});
