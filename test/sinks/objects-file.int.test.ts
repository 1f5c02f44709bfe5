import {execFile} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {describe, expect, test} from 'vitest';
import {SinkRefusedError, StagedLostError} from '../../src/sinks/errors.ts';
import {FileStore} from '../../src/sinks/objects/file-store.ts';
import {startProcess} from '../support/process.ts';
import {keys, staged} from './object-store-contract.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;

interface ScratchFolder extends AsyncDisposable {
  readonly root: string;
  readonly store: FileStore;
  /** Everything that is there, folders too. */
  all(): Promise<string[]>;
}

async function scratchFolder(): Promise<ScratchFolder> {
  const root = await mkdtemp(join(tmpdir(), 'clarifai-sync-objects-'));
  return {
    root,
    store: new FileStore({name: 'folder', root}),
    all: async () => (await readdir(root, {recursive: true})).sort(),
    [Symbol.asyncDispose]: async () => await rm(root, {recursive: true}),
  };
}

describe('file store', () => {
  test('a publisher that is killed shows nothing, and what it left can be swept', async () => {
    await using folder = await scratchFolder();
    await using child = startProcess(process.execPath, ['--input-type=module', '-e', PUBLISHER], {
      env: {ROOT: folder.root},
    });
    await child.said(/stored/);
    child.kill('SIGKILL');
    await child.ended;
    expect(await keys(folder.store, '')).toEqual([]);
    expect(await readdir(folder.root)).toEqual(['_staging']);
    expect(await folder.store.sweep('a/run=1/')).toBe(1);
    expect(await folder.all()).toEqual([]);
  });

  test('the URL of a key leads to its file, whatever signs are in folder and key', async () => {
    await using folder = await scratchFolder();
    const root = join(folder.root, 'a b#c?d%20ü');
    const store = new FileStore({name: 'folder', root});
    const key = 'inputs/user=u%3D%C3%BC/app=a%25b%2B%C3%BC/run=1/part';
    await store.put(key, Buffer.from('x'));
    expect(fileURLToPath(store.urlOf(key))).toBe(join(root, key));
    expect(await readFile(new URL(store.urlOf(key)), 'utf8')).toBe('x');
  });

  test('a folder goes with the last file in it, and the root stays', async () => {
    await using folder = await scratchFolder();
    await (await staged(folder.store, 'a/b/c/part', randomBytes(10))).publish();
    await folder.store.put('a/d', Buffer.from('x'));
    expect(await folder.all()).toEqual(['a', 'a/b', 'a/b/c', 'a/b/c/part', 'a/d']);
    await folder.store.delete(['a/b/c/part']);
    expect(await folder.all()).toEqual(['a', 'a/d']);
    await folder.store.delete(['a/d']);
    expect(await folder.all()).toEqual([]);
  });

  test('the same content published by another is taken for ours when our file was swept', async () => {
    await using folder = await scratchFolder();
    const bytes = randomBytes(MIB);
    const slow = await staged(folder.store, 'a/part', bytes);
    await folder.store.sweep('a/');
    await (await staged(folder.store, 'a/part', bytes)).publish();
    await slow.publish();
    expect((await folder.store.get('a/part'))?.equals(bytes)).toBe(true);
  });

  test('other content published by another is left as it is when our file was swept', async () => {
    await using folder = await scratchFolder();
    const slow = await staged(folder.store, 'a/part', randomBytes(MIB));
    await folder.store.sweep('a/');
    const bytes = randomBytes(MIB);
    await (await staged(folder.store, 'a/part', bytes)).publish();
    await expect(slow.publish()).rejects.toThrow(StagedLostError);
    expect((await folder.store.get('a/part'))?.equals(bytes)).toBe(true);
  });

  test('publishers and sweepers of neighbouring folders do not fall over each other', async () => {
    await using folder = await scratchFolder();
    const publish = async (name: string): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        await (await staged(folder.store, `${name}/run=${i}/part`, randomBytes(100))).publish();
        await folder.store.delete([`${name}/run=${i}/part`]);
        await folder.store.sweep(`${name}/run=${i}/`);
      }
    };
    await Promise.all(['a/x', 'a/y', 'b'].map(publish));
    expect(await folder.all()).toEqual([]);
  });

  test('a file in the place of a folder is refused, and named', async () => {
    await using folder = await scratchFolder();
    await writeFile(join(folder.root, 'a'), 'x');
    await expect(folder.store.put('a/b', Buffer.from('x'))).rejects.toThrow(SinkRefusedError);
    await expect(folder.store.put('a/b', Buffer.from('x'))).rejects.toThrow(
      /sink folder: .*\/a\/b: .*\((EEXIST|ENOTDIR)\)/,
    );
    await expect(folder.store.check()).resolves.toBeDefined();
  });

  test('a name that is too long is refused', async () => {
    await using folder = await scratchFolder();
    await expect(folder.store.put(`a/${'x'.repeat(300)}/b`, Buffer.from('x'))).rejects.toThrow(/ENAMETOOLONG/);
    expect(await folder.all()).toEqual([]);
  });

  test.runIf(process.getuid?.() !== 0)('a folder that one may not write is refused', async () => {
    await using folder = await scratchFolder();
    await mkdir(join(folder.root, 'locked'), {mode: 0o500});
    const store = new FileStore({name: 'folder', root: join(folder.root, 'locked')});
    await expect(store.check()).rejects.toThrow(/this user may not do that there \(EACCES\)/);
  });

  test.runIf(process.getuid?.() === 0 && process.platform === 'linux')(
    'a full disk is refused, and nothing shows',
    async () => {
      await using folder = await scratchFolder();
      await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder.root]);
      try {
        const object = folder.store.stage('a/part');
        await expect(object.write(randomBytes(2 * MIB))).rejects.toThrow(SinkRefusedError);
        await object.abandon();
        await expect(folder.store.put('a/b', randomBytes(2 * MIB))).rejects.toThrow(/no room left \(ENOSPC\)/);
        expect(await folder.all()).toEqual([]);
      } finally {
        await run('umount', [folder.root]);
      }
    },
  );
});

/** Writes a file and waits for ever. */
const PUBLISHER = `
  const {FileStore} = await import(${JSON.stringify(new URL('../../dist/src/sinks/objects/file-store.js', import.meta.url))});
  const store = new FileStore({name: 'folder', root: process.env.ROOT});
  const object = store.stage('a/run=1/part', {token: 't'});
  await object.write(Buffer.alloc(${MIB}));
  await object.ready();
  console.log('stored');
  setInterval(() => undefined, 1000);
`;
