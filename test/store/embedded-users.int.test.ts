import {randomUUID} from 'node:crypto';
import {chmod, chown, mkdir, mkdtemp, readdir, readlink, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {COPY_PREFIX} from '../../src/store/embedded/copy-binaries.ts';
import {runningServer} from '../../src/store/embedded/lock-files.ts';
import {embeddedProject, ready, refusal, type EmbeddedProject} from '../support/embedded-project.ts';
import type {TestProcess} from '../support/process.ts';
import {until} from '../support/until.ts';

// Only root can become the users that these tests need; as anyone else, the whole suite runs as an ordinary user.
const asRoot = test.runIf(process.geteuid?.() === 0);
const NOBODY = {uid: 65534, gid: 65534};

let outer: string;

beforeEach(async () => {
  outer = await mkdtemp(join(tmpdir(), 'clarifai-sync-users-'));
  await chmod(outer, 0o755);
});
afterEach(async () => {
  await rm(outer, {recursive: true, force: true});
});

/** Uses the server once, to its orderly end. */
async function useOnce(project: EmbeddedProject, dataDir: string, options = {}): Promise<number> {
  await using user = project.user(dataDir, options);
  const {openMs} = await ready(user);
  await count(user);
  await close(user);
  return openMs;
}

async function count(user: TestProcess): Promise<number> {
  user.kill('SIGUSR2');
  return Number((await user.said(/^counted {"n":(\d+)}$/m))[1]);
}

async function close(user: TestProcess): Promise<void> {
  user.kill('SIGTERM');
  await user.said(/^closed/m);
  expect((await user.ended).stderr).toBe('');
}

/** Copies of this project's binaries outside of it, known by a file that no other project has. */
async function copiesOutside(mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ['/var/cache', '/var/tmp', '/tmp']) {
    for (const name of await readdir(folder)) {
      if (!name.startsWith(COPY_PREFIX)) continue;
      const share = await readdir(join(folder, name, 'share')).catch((): string[] => []);
      if (share.includes(mark)) found.push(join(folder, name));
    }
  }
  return found;
}

async function ownedFolder(name: string, mode: number): Promise<string> {
  const folder = join(outer, name);
  await mkdir(folder);
  await chmod(folder, mode);
  await chown(folder, NOBODY.uid, NOBODY.gid);
  return folder;
}

asRoot('works for root in a project that only root may enter, and leaves nothing outside of it', async () => {
  await using project = await embeddedProject({mode: 0o700});
  const dataDir = join(project.folder, '.clarifai-sync/postgres');
  await using first = project.user(dataDir);
  const {serverPid} = await ready(first);
  const copy = await readlink(join(dataDir, 'runtime'));
  expect(await readlink(`/proc/${serverPid}/exe`)).toBe(join(copy, 'bin/postgres'));
  await count(first);
  await close(first);
  await expect(stat(copy)).rejects.toThrow('ENOENT');
  expect((await readdir(dataDir)).sort()).toEqual(['cluster', 'server.log']);
  await using second = project.user(dataDir);
  await ready(second);
  expect(await count(second)).toBe(2);
  await close(second);
});

asRoot('lets nobody but root change the binaries that it copied', async () => {
  await using project = await embeddedProject({mode: 0o700});
  const dataDir = join(project.folder, 'postgres');
  await using user = project.user(dataDir);
  await ready(user);
  const copy = await readlink(join(dataDir, 'runtime'));
  for (const path of [
    '.',
    'bin',
    'lib',
    'bin/postgres',
    'lib/libpq.so.5.18',
    'share/postgresql/timezonesets/Default',
  ]) {
    const {uid, mode} = await stat(join(copy, path));
    expect([path, uid, mode & 0o022]).toEqual([path, 0, 0]);
  }
  await close(user);
});

asRoot('takes up the copy that a killed process left, and removes it in the end', async () => {
  await using project = await embeddedProject({mode: 0o700});
  const dataDir = join(project.folder, 'postgres');
  await using killed = project.user(dataDir);
  await ready(killed);
  const copy = await readlink(join(dataDir, 'runtime'));
  killed.kill('SIGKILL');
  await until('the server stopped', async () => (await runningServer(join(dataDir, 'cluster'))) === undefined);
  await using next = project.user(dataDir);
  await ready(next);
  expect(await readlink(join(dataDir, 'runtime'))).toBe(copy);
  await close(next);
  await expect(stat(copy)).rejects.toThrow('ENOENT');
});

asRoot('serves root processes that come and go in a project that only root may enter', async () => {
  await using project = await embeddedProject({mode: 0o700});
  const dataDir = join(project.folder, 'postgres');
  const mark = `mark-${randomUUID()}`;
  await writeFile(join(project.native, 'share', mark), '');
  await using first = project.user(dataDir);
  await ready(first);
  expect(await copiesOutside(mark)).toHaveLength(1);
  await close(first);
  const all = [project.churn(dataDir, 8), project.churn(dataDir, 8), project.churn(dataDir, 8)];
  for (const churn of all) expect(await churn.ended).toMatchObject({code: 0, stdout: 'done\n', stderr: ''});
  expect((await readdir(dataDir)).filter((name) => name.startsWith('runtime'))).toEqual([]);
  expect(await copiesOutside(mark)).toEqual([]);
});

asRoot('works for an ordinary user in a folder that only that user may enter', async () => {
  await using project = await embeddedProject();
  const folder = await ownedFolder('closed', 0o700);
  await useOnce(project, join(folder, 'postgres'), NOBODY);
  expect((await stat(join(folder, 'postgres/cluster'))).uid).toBe(NOBODY.uid);
});

asRoot('works for an ordinary user with binaries that root installed without their links', async () => {
  await using project = await embeddedProject({links: false});
  const folder = await ownedFolder('closed', 0o700);
  const dataDir = join(folder, 'postgres');
  await useOnce(project, dataDir, NOBODY);
  expect(dirname(await readlink(join(dataDir, 'runtime')))).toBe(dataDir);
  await useOnce(project, dataDir, NOBODY);
  expect((await readdir(dataDir)).filter((name) => name.startsWith('clarifai-sync-postgres-'))).toHaveLength(1);
});

asRoot('makes the missing links of the binaries in their own folder', async () => {
  await using project = await embeddedProject({links: false});
  await useOnce(project, join(outer, 'postgres'));
  expect(await readlink(join(project.native, 'lib/libpq.so.5'))).toBe('libpq.so.5.18');
});

asRoot('runs as the folder’s owner when root opens what an ordinary user made', async () => {
  await using project = await embeddedProject();
  const dataDir = join(await ownedFolder('theirs', 0o700), 'postgres');
  await useOnce(project, dataDir, NOBODY);
  await useOnce(project, dataDir);
  await using user = project.user(dataDir, NOBODY);
  await ready(user);
  expect(await count(user)).toBe(3);
  await close(user);
});

asRoot('lets root and the folder’s owner use one server at the same time', async () => {
  await using project = await embeddedProject();
  const dataDir = join(await ownedFolder('theirs', 0o755), 'postgres');
  await using theirs = project.user(dataDir, NOBODY);
  const {serverPid} = await ready(theirs);
  await using roots = project.user(dataDir);
  expect(await ready(roots)).toMatchObject({serverPid, isOwner: false});
  await close(theirs);
  expect(await count(roots)).toBe(1);
  await close(roots);
});

asRoot('refuses an ordinary user what root made', async () => {
  await using project = await embeddedProject();
  const dataDir = join(outer, 'roots');
  await mkdir(dataDir, {mode: 0o777});
  await chmod(dataDir, 0o777);
  await useOnce(project, dataDir);
  await using user = project.user(dataDir, NOBODY);
  expect(await refusal(user)).toMatchObject({
    code: 'SYNC_STORE_EMBEDDED',
    message: expect.stringMatching(/belongs to user \d+, and we run as user 65534/) as string,
  });
});

asRoot('says so and leaves nothing when the system does not know the user', async () => {
  await using project = await embeddedProject();
  const folder = await ownedFolder('unknown', 0o777);
  await using user = project.user(join(folder, 'postgres'), {uid: 54321, gid: 54321});
  expect(await refusal(user)).toMatchObject({
    code: 'SYNC_STORE_EMBEDDED',
    message: expect.stringContaining('could not look up effective user ID 54321') as string,
  });
  expect(await readdir(join(folder, 'postgres'))).toEqual([]);
});
