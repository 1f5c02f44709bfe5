import {execFile} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {expect, test} from 'vitest';
import {folderPlace, Lake} from '../support/lake.ts';
import {expectPublished, fatten} from '../support/lake-truth.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const run = promisify(execFile);

async function folderSync(folder: string): Promise<SyncHarness> {
  return await syncHarness(
    {inputs: 30, annotations: 40, datasets: 2},
    `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: lake, type: s3, url: "file://${folder}"}]\n`,
  );
}

test.skipIf(process.getuid?.() !== 0)('a full disk is told, nothing shows, and the next run goes on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-full-'));
  await run('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder]);
  try {
    await using harness = await folderSync(folder);
    const lake = new Lake(folderPlace(folder));
    fatten(harness, () => randomBytes(60_000).toString('base64'));
    const refused = await harness.sync();
    expect(refused.code).toBe(4);
    expect(refused.document.outcome).toBe('partial');
    expect(refused.said).toContain('there is no room left (ENOSPC)');
    expect(refused.said).toContain(`sink lake: ${folder}/inputs/user=acme/app=plants/`);
    expect((await lake.place.names()).filter((name) => name.includes('app=plants'))).toEqual([]);
    expect(await lake.place.unfinished()).toEqual([]);
    await run('mount', ['-o', 'remount,size=64m', folder]);
    const {code, said} = await harness.sync();
    expect(code, said).toBe(0);
    await expectPublished(harness, lake);
  } finally {
    await run('umount', [folder]);
    await rm(folder, {recursive: true});
  }
});

test('a manifest of a newer version is refused by name, and left as it is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-newer-'));
  try {
    await using harness = await folderSync(folder);
    const manifests = join(folder, '_manifests/user=acme/app=plants');
    await mkdir(manifests, {recursive: true});
    await writeFile(join(manifests, '000000000001.json'), '{"version":2}');
    const {code, said} = await harness.sync();
    expect(code).toBe(4);
    expect(said).toContain(`file://${manifests}/000000000001.json: expected manifest version 1, found 2`);
    const names = await folderPlace(folder).names();
    expect(names.filter((name) => name.includes('app=plants'))).toEqual([
      '_manifests/user=acme/app=plants/000000000001.json',
    ]);
  } finally {
    await rm(folder, {recursive: true});
  }
});
