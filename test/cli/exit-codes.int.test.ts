import {mkdir, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {runCli} from '../support/process.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

interface Case {
  readonly what: string;
  readonly args: readonly string[];
  /** Lies over the surroundings of the harness; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Text of the file that `--config` names. */
  readonly config?: string;
  readonly code: number;
  /** What is said, on whichever stream. */
  readonly says: RegExp;
}

const SECRET = 'not-to-be-seen';
const NOWHERE = `postgresql://someone:${SECRET}@127.0.0.1:1/nothing`;

const CASES: readonly Case[] = [
  {what: 'no command', args: [], code: 2, says: /Usage: clarifai-sync/},
  {what: 'an unknown command', args: ['sink'], code: 2, says: /unknown command 'sink'/},
  {what: 'an unknown flag', args: ['sync', '--fulll'], code: 2, says: /unknown option '--fulll'[^]*--full\?/},
  {
    what: 'two ways to verify at once',
    args: ['verify', '--sample', '5', '--full'],
    code: 2,
    says: /--sample and --full: expected one of them/,
  },
  {
    what: 'an unknown stream',
    args: ['sync', '--stream', 'input'],
    code: 2,
    says: /unknown stream "input": expected one of .*inputs/,
  },
  {
    what: 'an app that is no USER/APP',
    args: ['sync', '--app', 'plants'],
    code: 2,
    says: /--app: expected USER\/APP, found "plants"/,
  },
  {
    what: 'a limit that is no number',
    args: ['runs', '--limit', 'all'],
    code: 2,
    says: /--limit: expected a whole number above 0, found "all"/,
  },
  {
    what: 'a run that never was',
    args: ['runs', 'show', 'latest'],
    code: 2,
    says: /expected the id of a run .* found "latest"/,
  },
  {
    what: 'a missing credential',
    args: ['sync'],
    env: {CLARIFAI_PAT: undefined},
    code: 2,
    says: /source\.pat: expected a personal access token/,
  },
  {
    what: 'keys that are wrong or unknown, all at once',
    args: ['sync'],
    config: 'source: {page_sise: 3, max_concurrency: many}\nfoo: 1\n',
    code: 2,
    says: /3 problems:[^]*:1:10 source\.page_sise: .*page_size\?[^]*max_concurrency: expected .* found "many"[^]*:2:1 foo: /,
  },
  {
    what: 'a configuration file that is not there',
    args: ['check', '--config', 'absent.yaml'],
    code: 2,
    says: /absent\.yaml: expected a configuration file .* no such file/,
  },
  {
    what: 'an unknown app',
    args: ['sync'],
    env: {CLARIFAI_APP_ID: 'plant'},
    code: 2,
    says: /app acme\/plant does not exist, or this credential may not see it/,
  },
  {what: 'a wrong credential', args: ['sync'], env: {CLARIFAI_PAT: SECRET}, code: 3, says: /API key not found/},
  {
    what: 'a wrong credential that is checked',
    args: ['check'],
    env: {CLARIFAI_PAT: SECRET},
    code: 3,
    says: /^FAIL credential .*API key not found[^]*^ok +store /m,
  },
  {
    what: 'a database that is not there',
    args: ['sync'],
    env: {DATABASE_URL: NOWHERE},
    code: 4,
    says: /the store .*cannot be opened: connect ECONNREFUSED 127\.0\.0\.1:1/,
  },
  {
    what: 'a database that is not there, when asked',
    args: ['status'],
    env: {DATABASE_URL: NOWHERE},
    code: 4,
    says: /the store someone@127\.0\.0\.1:1\/nothing cannot be opened/,
  },
  {
    what: 'a data directory of something else',
    args: ['sync'],
    env: {DATABASE_URL: undefined},
    config: 'data_dir: foreign\n',
    code: 4,
    says: /foreign is not a folder of an embedded Postgres: it holds letters/,
  },
  {
    what: 'a data directory that cannot be made',
    args: ['check'],
    env: {DATABASE_URL: undefined},
    config: 'data_dir: file/below\n',
    code: 4,
    says: /^FAIL store +the folder .*file\/below for the embedded Postgres/m,
  },
];

let harness: SyncHarness;
let folder: string;

beforeAll(async () => {
  harness = await syncHarness({inputs: 5, annotations: 5, datasets: 1});
  folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-codes-'));
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await rm(folder, {recursive: true, force: true});
});

test.each(CASES)('$what ends with $code and one message, without a stack or a secret', async (each) => {
  const cwd = await mkdtemp(join(folder, 'case-'));
  await mkdir(join(cwd, 'foreign'));
  await writeFile(join(cwd, 'foreign/letters'), '');
  await writeFile(join(cwd, 'file'), '');
  const file = join(cwd, 'case.yaml');
  if (each.config !== undefined) await writeFile(file, each.config);
  const args = each.config === undefined ? each.args : [...each.args, '--config', file];
  const env = Object.entries({...harness.env, ...each.env}).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );

  const {code, stdout, stderr} = await runCli(args, {cwd, env: Object.fromEntries(env)});
  const said = `${stdout}\n${stderr}`;
  expect(said).toMatch(each.says);
  expect(code, said).toBe(each.code);
  expect(said).not.toMatch(/\bat .*\.[jt]s:\d+/);
  expect(said).not.toContain(SECRET);
  expect((await readdir(cwd)).filter((name) => !['foreign', 'file', 'case.yaml'].includes(name))).toEqual([]);
});
