import {access, mkdtemp, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest';
import {loadConfig} from '../../src/config/load.ts';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {runCli, startCli, startProcess} from '../support/process.ts';
import {syncHarness} from '../support/sync-harness.ts';

vi.setConfig({testTimeout: 120_000});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-cli-'));
});
afterEach(() => rm(folder, {recursive: true, force: true}));

describe('init', () => {
  test('writes a file that is complete, valid with every default uncommented, and never overwritten', async () => {
    const args = ['init', '--app', 'me/plants', 'acme/roses', '--database'];
    const first = await runCli(args, {cwd: folder});
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toMatch(/set CLARIFAI_PAT and DATABASE_URL, then: clarifai-sync check/);
    const file = join(folder, 'clarifai-sync.yaml');
    const text = await readFile(file, 'utf8');

    const [, schema = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
    await access(resolve(dirname(file), schema));
    const env = {CLARIFAI_PAT: 'pat', DATABASE_URL: 'postgresql://a@b/c'};
    const load = async (content: string) =>
      await loadConfig({cwd: folder, env, knownStreams: CATALOGUE, readFile: () => Promise.resolve(content)});
    const config = await load(text);
    expect(config.apps).toEqual([
      {userId: 'me', appId: 'plants'},
      {userId: 'acme', appId: 'roses'},
    ]);
    expect(config.store).toMatchObject({kind: 'url', sinkName: 'warehouse'});
    // A default that is spelt out must mean what leaving it out means.
    const spelt = text
      .replaceAll(/^( *)# {1,3}(?=[a-z_]+: )/gm, (_, indent: string) => indent || '')
      .replace(/^# run:$/m, 'run:');
    const indented = spelt.replace(
      /^run:\n([^]*)$/m,
      (_, body: string) => `run:\n${body.replaceAll(/^(?=\w)/gm, '  ')}`,
    );
    expect(indented).not.toBe(text);
    expect(await load(indented)).toEqual(config);

    const second = await runCli(['init', '--app', 'other/app'], {cwd: folder});
    expect([second.code, second.stderr]).toEqual([2, expect.stringContaining('is there already, and was not changed')]);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test('asks nothing where there is no terminal, and says what it needs', async () => {
    const ended = await runCli(['init'], {cwd: folder});
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining('init needs --app USER/APP')]);
    expect(await readdir(folder)).toEqual([]);
  });
});

test('a question makes no database: status says what to do next', async () => {
  const {code, stdout} = await runCli(['status'], {cwd: folder});
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^nothing was ever synced here: .*"clarifai-sync sync"/)]);
  const {stdout: json} = await runCli(['status', '--json'], {cwd: folder});
  expect(JSON.parse(json)).toEqual({scopes: [], sinks: [], next_runs: [], drift: []});
  expect(await readdir(folder)).toEqual([]);
});

test('demo shows a first, an incremental and a full run, ends with equal tables, and leaves nothing', async () => {
  const {code, stdout, stderr} = await runCli(['demo'], {
    cwd: folder,
    env: {TMPDIR: folder, DATABASE_URL: 'postgresql://a@127.0.0.1:1/b'},
  });
  expect(code, stderr).toBe(0);
  const [first = '', second = '', third = ''] = stdout.split(/^\d\. /m).slice(1);
  expect(first).toMatch(/inputs +succeeded +300 read, 300 inserted/);
  expect(second).toMatch(/incremental run succeeded[^]*inputs +succeeded +.* 5 inserted, 1 updated/);
  const hasLost = [
    'inputs',
    'annotations',
    'datasets',
    'dataset_inputs',
    'dataset_versions',
    'concepts',
    'bulk_operations',
  ];
  for (const name of hasLost) {
    expect(third).toMatch(new RegExp(`${name} +succeeded .*\\d deleted`));
  }
  expect(third).toMatch(/stream +at the source +live rows[^]*inputs +304 +304 +1\n/);
  expect(third).toMatch(/from clarifai\.annotations_current/);
  expect(await readdir(folder)).toEqual([]);
});

test('demo --keep leaves a store that status can be asked about, and takes no folder with something in it', async () => {
  const ended = await runCli(['demo', '--keep', 'kept'], {cwd: folder});
  expect(ended.code, ended.stderr).toBe(0);
  const config = join(folder, 'kept/clarifai-sync.yaml');
  const {stdout} = await runCli(['status', '--config', config], {cwd: folder});
  expect(stdout).toMatch(/^acme\/plants: full run .* succeeded/);
  const again = await runCli(['demo', '--keep', 'kept'], {cwd: folder});
  expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/expected a new or an empty folder/)]);
});

test('simulate prints what to set, answers until it is told to stop, and says when its port is taken', async () => {
  await using simulator = startCli(['simulate', '--port', '0', '--inputs', '7'], {cwd: folder});
  await simulator.said(/until you press/);
  const exports = (await simulator.said(/^(export .*\n)+/m))[0].trimEnd().split('\n');
  const env = Object.fromEntries(exports.map((line) => line.replace('export ', '').split('=')) as [string, string][]);
  const {stdout} = await runCli(['estimate', '--json'], {cwd: folder, env});
  expect((JSON.parse(stdout) as {streams: object[]}).streams).toContainEqual(
    expect.objectContaining({stream: 'inputs', records: 7}),
  );
  const {port} = new URL(env['CLARIFAI_API_BASE'] ?? '');
  const other = await runCli(['simulate', '--port', port], {cwd: folder});
  expect([other.code, other.stderr]).toEqual([2, expect.stringMatching(/cannot listen on .*EADDRINUSE/)]);
  simulator.kill('SIGINT');
  expect((await simulator.ended).code).toBe(130);
});

test('reset asks or wants --yes; the next run then reads all of the stream and finds it unchanged', async () => {
  await using harness = await syncHarness({}, 'streams: default\n');
  await harness.sync();
  const reset = ['reset', '--app', 'acme/plants', '--stream', 'annotations'];
  const refused = await runCli(reset, {cwd: folder, env: harness.env});
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('add --yes')]);
  expect((await harness.sync()).stream('annotations').read).toBeLessThan(240);
  const done = await runCli([...reset, '--yes'], {cwd: folder, env: harness.env});
  expect(done.code, done.stderr).toBe(0);
  expect((await harness.sync()).stream('annotations')).toMatchObject({read: 240, unchanged: 240, inserted: 0});

  const elsewhere = ['reset', '--app', 'acme/other', '--stream', 'annotations', '--yes'];
  const unknown = await runCli(elsewhere, {cwd: folder, env: harness.env});
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('acme/other was never synced here')]);
});

test('check names a stream that the credential may not read, and ends with 3', async () => {
  await using harness = await syncHarness({}, 'streams: default\n');
  harness.simulator.faults.add({match: '/concepts', kind: 'status', http: 403, code: 11007});
  const {code, stdout} = await runCli(['check'], {cwd: folder, env: harness.env});
  expect(stdout).toMatch(/^FAIL streams +concepts of acme\/plants: /m);
  expect(stdout).toMatch(/^ok +streams +\d+ of 29 /m);
  expect(code).toBe(3);
});

test('output that nobody reads to its end is no failure', async () => {
  const main = resolve(import.meta.dirname, '../../dist/src/main.js');
  const piped = `set -o pipefail; "$0" "$1" streams show annotations --schema | head -n 1 > first`;
  await using shell = startProcess('bash', ['-c', piped, process.execPath, main], {cwd: folder});
  const {code, stderr} = await shell.ended;
  expect([code, stderr]).toEqual([0, '']);
  expect((await stat(join(folder, 'first'))).size).toBeGreaterThan(0);
});

test('the token may come from a file', async () => {
  await using harness = await syncHarness({}, 'streams: default\n');
  await writeFile(join(folder, 'pat'), `${harness.simulator.pat}\n`);
  const {CLARIFAI_PAT: _, ...env} = harness.env;
  const {code, stdout} = await runCli(['check'], {cwd: folder, env: {...env, CLARIFAI_PAT_FILE: 'pat'}});
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^ok +credential of user acme/m)]);
});
