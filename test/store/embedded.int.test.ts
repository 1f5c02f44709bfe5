import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readdir, readFile, rename, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {afterAll, beforeAll, beforeEach, afterEach, expect, test} from 'vitest';
import {runningServer} from '../../src/store/embedded/lock-files.ts';
import {openEmbedded} from '../../src/store/embedded/open-embedded.ts';
import {embeddedProject, ready, type EmbeddedProject} from '../support/embedded-project.ts';
import type {TestProcess} from '../support/process.ts';
import {until} from '../support/until.ts';

let project: EmbeddedProject;
let outer: string;
let dataDir: string;
let users: TestProcess[];

beforeAll(async () => {
  project = await embeddedProject();
});
afterAll(async () => {
  await project[Symbol.asyncDispose]();
});
beforeEach(async () => {
  outer = await mkdtemp(join(tmpdir(), 'clarifai-sync-embedded-'));
  dataDir = join(outer, 'postgres');
  users = [];
});
afterEach(async () => {
  for (const user of users) await user[Symbol.asyncDispose]();
  await serverGone();
  await rm(outer, {recursive: true, force: true});
});

function startUser(options: Parameters<EmbeddedProject['user']>[1] = {}): TestProcess {
  const user = project.user(dataDir, options);
  users.push(user);
  return user;
}

/** Makes the cluster, so that what follows finds one. */
async function existing(): Promise<void> {
  await (await openEmbedded({dataDir})).close();
}

function serverGone(): Promise<boolean> {
  return until('the server stopped', async () => (await runningServer(cluster())) === undefined);
}

function cluster(): string {
  return join(dataDir, 'cluster');
}

async function query<T extends pg.QueryResultRow>(connection: pg.ClientConfig, sql: string): Promise<T[]> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** The two shells of the server's keeper. */
async function keepersOf(serverPid: number): Promise<number[]> {
  const parent = Number(/^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${serverPid}/status`, 'utf8'))?.[1]);
  const children = (await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8')).trim().split(' ').map(Number);
  return [parent, ...children.filter((pid) => pid !== serverPid)];
}

test('keeps what was stored, in UTF-8, from one opening to the next', async () => {
  const first = await openEmbedded({dataDir});
  await query(first.connection, `create table words as select 'Größe €' as word`);
  await first.close();
  await using second = await openEmbedded({dataDir});
  expect(await query(second.connection, 'select word, octet_length(word) as bytes from words')).toEqual([
    {word: 'Größe €', bytes: 11},
  ]);
  expect(await query(second.connection, 'show server_encoding')).toEqual([{server_encoding: 'UTF8'}]);
});

test('flushes to disk what it commits', async () => {
  await using server = await openEmbedded({dataDir});
  expect(await query(server.connection, 'show fsync')).toEqual([{fsync: 'on'}]);
});

test('may be closed twice', async () => {
  const server = await openEmbedded({dataDir});
  await server.close();
  await server.close();
  expect(await runningServer(cluster())).toBeUndefined();
});

test('runs on while a second opening of the same process uses it', async () => {
  const first = await openEmbedded({dataDir});
  await using second = await openEmbedded({dataDir});
  expect([first.isOwner, second.isOwner]).toEqual([true, false]);
  await first.close();
  expect(await query(second.connection, 'select 1 as one')).toEqual([{one: 1}]);
});

test('becomes one server when five processes open a fresh folder at once', async () => {
  const all = await Promise.all(Array.from({length: 5}, () => ready(startUser())));
  expect(all.filter((user) => user.isOwner)).toHaveLength(1);
  expect(new Set(all.map((user) => user.serverPid)).size).toBe(1);
  expect((await readdir(dataDir)).sort()).toEqual(['cluster', 'server.log']);
});

test('becomes one server when five processes open an existing folder at once', async () => {
  await existing();
  const all = await Promise.all(Array.from({length: 5}, () => ready(startUser())));
  expect(all.filter((user) => user.isOwner)).toHaveLength(1);
  expect(new Set(all.map((user) => user.serverPid)).size).toBe(1);
});

test('serves the others on when the process that started it is killed, and ends with the last of them', async () => {
  const owner = startUser();
  const {serverPid} = await ready(owner);
  const other = startUser();
  await ready(other);
  owner.kill('SIGKILL');
  await owner.ended;
  const late = startUser();
  expect(await ready(late)).toMatchObject({serverPid, isOwner: false});
  other.kill('SIGUSR2');
  await other.said(/^counted {"n":1}$/m);
  for (const user of [other, late]) user.kill('SIGKILL');
  await serverGone();
});

test('is gone after kill -9 of its only user, and leaves no fifo', async () => {
  const user = startUser();
  await ready(user);
  user.kill('SIGKILL');
  await serverGone();
  await until(
    'the fifo was removed',
    async () => !(await readdir(cluster())).some((name) => name.startsWith('users-')),
  );
});

test('comes up again with all that was committed after kill -9 of the server', async () => {
  const user = startUser();
  const {serverPid} = await ready(user);
  user.kill('SIGUSR2');
  await user.said(/^counted/m);
  process.kill(serverPid, 'SIGKILL');
  await user.said(/^lost/m);
  const next = startUser();
  expect((await ready(next)).serverPid).not.toBe(serverPid);
  next.kill('SIGUSR2');
  await next.said(/^counted {"n":2}$/m);
});

test('starts over a lock file whose process number now belongs to some other program of the same user', async () => {
  await existing();
  const {uid, gid} = await stat(cluster());
  const stranger = spawn('sleep', ['600'], {uid, gid, stdio: 'ignore'});
  try {
    await once(stranger, 'spawn');
    const lock = `${stranger.pid}\n${cluster()}\n1700000000\n5432\n.\n\n  5432001 0\nready   \n`;
    await writeFile(join(cluster(), 'postmaster.pid'), lock);
    await writeFile(join(cluster(), '.s.PGSQL.5432.lock'), lock);
    await using server = await openEmbedded({dataDir});
    expect(await query(server.connection, 'select 1 as one')).toEqual([{one: 1}]);
    expect(stranger.exitCode).toBeNull();
  } finally {
    stranger.kill('SIGKILL');
  }
});

test('gets a new keeper from the next user when its keeper was killed', async () => {
  const first = startUser();
  const {serverPid} = await ready(first);
  for (const pid of await keepersOf(serverPid)) process.kill(pid, 'SIGKILL');
  const second = startUser();
  expect((await ready(second)).serverPid).toBe(serverPid);
  first.kill('SIGKILL');
  second.kill('SIGKILL');
  await serverGone();
});

test('serves on when its keeper gets a signal that was sent to everything', async () => {
  const first = startUser();
  const {serverPid} = await ready(first);
  for (const pid of await keepersOf(serverPid)) {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pid, signal);
  }
  const second = startUser();
  expect((await ready(second)).serverPid).toBe(serverPid);
  first.kill('SIGUSR2');
  await first.said(/^counted/m);
});

test('is stopped by the last user even when its keeper was killed', async () => {
  const user = startUser();
  const {serverPid} = await ready(user);
  for (const pid of await keepersOf(serverPid)) process.kill(pid, 'SIGKILL');
  user.kill('SIGTERM');
  await user.said(/^closed/m);
  expect(await runningServer(cluster())).toBeUndefined();
});

test('refuses nobody while processes come and go', async () => {
  await existing();
  const all = Array.from({length: 4}, () => project.churn(dataDir, 15));
  users.push(...all);
  for (const churn of all) expect(await churn.ended).toMatchObject({code: 0, stdout: 'done\n', stderr: ''});
});

test('passes no secret of its starter on to the server', async () => {
  const {serverPid} = await ready(startUser({env: {CLARIFAI_PAT: 'very-secret'}}));
  const keeper = /^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${serverPid}/status`, 'utf8'))?.[1];
  for (const pid of [serverPid, keeper]) {
    expect(await readFile(`/proc/${pid}/environ`, 'latin1')).toMatch(/LC_ALL=C/);
    expect(await readFile(`/proc/${pid}/environ`, 'latin1')).not.toContain('very-secret');
  }
});

test('is reached by a short way where the path is too long for a socket', async () => {
  dataDir = join(outer, 'long'.repeat(20), 'postgres');
  const server = await openEmbedded({dataDir});
  expect(await query(server.connection, 'select 1 as one')).toEqual([{one: 1}]);
  await server.close();
  await expect(stat(server.connection.host)).rejects.toThrow('ENOENT');
});

test('stays what it is when its folder is moved', async () => {
  const server = await openEmbedded({dataDir});
  await query(server.connection, 'create table moved as select 7 as n');
  await server.close();
  await rename(dataDir, join(outer, 'elsewhere'));
  await using again = await openEmbedded({dataDir: join(outer, 'elsewhere')});
  expect(await query(again.connection, 'select n from moved')).toEqual([{n: 7}]);
});

test('leaves nothing half made when it is given up while it is set up', async () => {
  const stop = new AbortController();
  const opening = openEmbedded({dataDir, signal: stop.signal});
  await until('initdb began', async () =>
    (await readdir(dataDir).catch(() => [])).some((name) => name.includes('init')),
  );
  stop.abort(new Error('given up'));
  await expect(opening).rejects.toThrow('given up');
  expect(await readdir(dataDir)).toEqual([]);
});
