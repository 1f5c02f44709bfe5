import {access, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {expect, test} from 'vitest';
import {exportRecords} from '../../src/cli/export.ts';
import {verify} from '../../src/cli/verify.ts';
import {folderPlace, Lake} from '../support/lake.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const SCOPE = 'user=u%3D%C3%BC/app=a%25b%2B%C3%BC';

/** A user, an app and a folder whose names have to be encoded, some of them twice. */
async function withFolder(work: (harness: SyncHarness, lake: Lake, root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'clarifai-sync a b#c%20-'));
  const lake = new Lake(folderPlace(join(root, 'feed')));
  try {
    await using harness = await syncHarness(
      {inputs: 5, annotations: 10, datasets: 1, userId: 'u=ü', appId: 'a%b+ü'},
      `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: lake, type: s3, url: "${lake.url}"}]\n`,
    );
    await work(harness, lake, root);
  } finally {
    await rm(root, {recursive: true});
  }
}

/** A manifest or pointer as earlier versions wrote it: paths as they are, behind `file://`. */
const unencoded = (text: string): string =>
  text.replace(/"file:[^"]+"/g, (url) => JSON.stringify(`file://${fileURLToPath(JSON.parse(url) as string)}`));

async function expectWhole(harness: SyncHarness, lake: Lake): Promise<void> {
  expect(await lake.faults()).toEqual([]);
  const folded = await lake.fold('inputs', ['id'], SCOPE, 'start');
  expect([...folded.keys()].sort()).toEqual(await harness.storedKeys('inputs'));
  const verdict = await harness.command((context) => verify(context, {}));
  expect(verdict.code, verdict.out).toBe(0);
}

test('URLs of a folder’s manifests and pointers lead to files that are there, of names that are encoded too', async () => {
  await withFolder(async (harness, lake) => {
    await harness.sync();
    harness.change({kind: 'addInputs', count: 2});
    await harness.sync({snapshot: true});
    const manifests = [...(await lake.manifests('changes', SCOPE)), ...(await lake.manifests('snapshot', SCOPE))];
    expect(manifests).toHaveLength(3);
    for (const {entries} of manifests) for (const {url} of entries) await access(fileURLToPath(url));
    const latest = await lake.json<Record<'manifest' | 'snapshot_manifest', string>>(`_latest/${SCOPE}.json`);
    for (const url of [latest.manifest, latest.snapshot_manifest]) await access(fileURLToPath(url));
    await expectWhole(harness, lake);
  });
});

test('a folder whose manifests have their URLs as they were, without encoding, is gone on from', async () => {
  await withFolder(async (harness, lake) => {
    await harness.sync();
    const folder = fileURLToPath(lake.url);
    for (const name of (await lake.place.names()).filter((each) => /^_(manifests|latest)\//.test(each))) {
      const text = await readFile(join(folder, name), 'utf8');
      const old = unencoded(text);
      expect(old).not.toBe(text);
      await writeFile(join(folder, name), old);
    }
    harness.change({kind: 'addInputs', count: 2});
    expect((await harness.sync()).code).toBe(0);
    const [first, second] = await lake.manifests('changes', SCOPE);
    expect(second?.previous_sequence).toBe(first?.sequence);
    const verdict = await harness.command((context) => verify(context, {}));
    expect(verdict.code, verdict.out).toBe(0);
  });
});

test('an export keeps parts that an earlier manifest lists by URLs without encoding', async () => {
  await withFolder(async (harness, _, root) => {
    await harness.sync();
    const place = folderPlace(join(root, 'export'));
    const to = pathToFileURL(join(root, 'export')).href;
    const exported = (stream: string) =>
      harness.command((context) => exportRecords(context, {to, format: 'jsonl', stream: [stream]}));
    await exported('inputs');
    const name = (await place.names()).find((each) => each.endsWith('.snapshot.json')) ?? '';
    const text = (await place.read(name)).toString();
    const old = unencoded(text);
    await place.damage(name, Buffer.from(old));
    await exported('concepts');
    const parts = (await place.names()).filter((each) => each.includes('/part-'));
    expect(parts.map((each) => each.split('/')[0])).toEqual(['concepts', 'inputs']);
  });
});
