import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {check} from '../../src/cli/check.ts';
import {scratchDatabase, type ScratchDatabase} from '../support/postgres.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

let folder: string;
let replica: ScratchDatabase;
let config: string;
let first: SyncHarness;

// Two sinks that one store feeds; other stores are checked against them.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-check-'));
  replica = await scratchDatabase();
  config = [
    'state: {url: "${DATABASE_URL}"}',
    'sinks:',
    `  - {name: copy, type: postgres, url: "${replica.url}"}`,
    `  - {name: lake, type: s3, url: "file://${folder}"}`,
    '',
  ].join('\n');
  first = await syncHarness({inputs: 5, annotations: 10}, config);
  await first.sync();
});

afterAll(async () => {
  await first[Symbol.asyncDispose]();
  await replica.drop();
  await rm(folder, {recursive: true});
});

const checked = (harness: SyncHarness) => harness.command((context) => check(context));

const failures = (out: string): string[] => out.split('\n').flatMap((line) => /^FAIL sink +(.*)/.exec(line)?.[1] ?? []);

test('check is content with the sinks of its own store', async () => {
  const {code, out} = await checked(first);
  expect(code, out).toBe(0);
  expect(out).toMatch(/^ok +sink +copy, .*\nok +sink +lake, /m);
});

test('check refuses sinks that another store feeds, in the words of sync, and changes nothing there', async () => {
  await using second = await syncHarness({inputs: 7, annotations: 14, seed: 2}, config);
  const before = await readdir(folder, {recursive: true});
  const {code, out} = await checked(second);
  expect(code, out).toBe(4);
  const [copy = '', lake = ''] = failures(out);
  expect(copy).toMatch(/^sink copy: .* expected a clarifai-sync replica of store .*--take-over$/);
  expect(lake).toMatch(/^sink lake: .* is fed by store .*--take-over$/);
  expect(await readdir(folder, {recursive: true})).toEqual(before);
  const {said} = await second.sync();
  for (const message of [copy, lake]) expect(said).toContain(JSON.stringify(message).slice(1, -1));
});

test('check tells nothing of who feeds a sink when the store cannot be opened', async () => {
  await using second = await syncHarness({inputs: 7, annotations: 14, seed: 2}, config);
  second.env['DATABASE_URL'] = 'postgres://nobody@127.0.0.1:1/none';
  const {code, out} = await checked(second);
  expect(code, out).toBe(4);
  expect(out).toMatch(/^FAIL store /m);
  expect(failures(out)).toEqual([]);
});
