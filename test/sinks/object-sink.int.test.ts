import {createHash} from 'node:crypto';
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gunzipSync} from 'node:zlib';
import {parquetReadObjects} from 'hyparquet';
import {expect, test} from 'vitest';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {keyNames} from '../../src/streams/stream.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

interface Manifest {
  readonly run_id: string;
  readonly sequence: number;
  readonly previous_sequence: number;
  readonly kind: 'changes' | 'snapshot';
  readonly streams: Record<string, {rows: number; inserted: number; updated: number; deleted: number}>;
  readonly entries: {url: string; stream: string; meta: {content_length: number; rows: number; sha256: string}}[];
}

type Row = Record<string, unknown>;

/** A folder sink of one test, and what has been published in it. */
class Lake implements AsyncDisposable {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get url(): string {
    return `file://${this.folder}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, {recursive: true, force: true});
  }

  async files(): Promise<string[]> {
    const entries = await readdir(this.folder, {withFileTypes: true, recursive: true});
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.folder.length + 1))
      .sort();
  }

  async manifests(kind: 'changes' | 'snapshot', app = 'plants'): Promise<Manifest[]> {
    const pattern = kind === 'changes' ? /\/\d{12}\.json$/ : /\/\d{12}\.snapshot\.json$/;
    const names = (await this.files()).filter(
      (name) => name.startsWith(`_manifests/user=acme/app=${app}/`) && pattern.test(name),
    );
    return await Promise.all(
      names.map(async (name) => JSON.parse(await readFile(join(this.folder, name), 'utf8')) as Manifest),
    );
  }

  /** Rows of a part, checked against what its manifest says of it. */
  async rows(entry: Manifest['entries'][number]): Promise<Row[]> {
    const bytes = await readFile(fileURLToPath(entry.url));
    expect(bytes.length).toBe(entry.meta.content_length);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(entry.meta.sha256);
    const rows = entry.url.endsWith('.parquet')
      ? ((await parquetReadObjects({
          compressors: {GZIP: (input) => gunzipSync(input)},
          file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
        })) as Row[])
      : gunzipSync(bytes)
          .toString('utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Row);
    expect(rows.length).toBe(entry.meta.rows);
    return rows;
  }

  /** Current records by what is published: the newest snapshot, and the changes behind it; or all changes. */
  async fold(stream: string, from: 'start' | 'snapshot', app = 'plants'): Promise<Map<string, Row>> {
    const keys = keyNames(CATALOGUE.find(({name}) => name === stream)!);
    const snapshot = from === 'snapshot' ? (await this.manifests('snapshot', app)).at(-1) : undefined;
    const changes = (await this.manifests('changes', app)).filter(({sequence}) => sequence > (snapshot?.sequence ?? 0));
    const found = new Map<string, Row>();
    for (const manifest of [...(snapshot === undefined ? [] : [snapshot]), ...changes]) {
      for (const entry of manifest.entries.filter((each) => each.stream === stream)) {
        for (const row of await this.rows(entry)) {
          const id = keys.map((key) => String(row[key])).join('/');
          if (row['_sync_op'] === 'delete') found.delete(id);
          else found.set(id, row);
        }
      }
    }
    return found;
  }
}

async function lake(): Promise<Lake> {
  return new Lake(await mkdtemp(join(tmpdir(), 'clarifai-sync-lake-')));
}

async function expectTruth(harness: SyncHarness, published: Lake, from: 'start' | 'snapshot' = 'start'): Promise<void> {
  for (const {name, scope} of CATALOGUE) {
    const folded = await published.fold(name, from, scope === 'user' ? '_' : 'plants');
    expect([...folded.keys()].sort(), name).toEqual(await harness.storedKeys(name));
    const [row] = folded.values();
    if (row !== undefined)
      expect(typeof row['raw'] === 'string' ? JSON.parse(row['raw']) : row['raw'], name).toBeTypeOf('object');
  }
}

test.each(['parquet', 'jsonl'])(
  'folding the manifests gives the records of the store after first, incremental and full runs (%s)',
  async (format) => {
    await using published = await lake();
    await using harness = await syncHarness(
      {},
      `sinks: [{name: w, type: postgres, url: "\${DATABASE_URL}"}, {name: lake, type: s3, url: "${published.url}", format: ${format}}]\n`,
    );
    expect((await harness.sync()).code).toBe(0);
    await expectTruth(harness, published);
    const [gone] = harness.truthKeys('inputs') as [string];
    harness.change({kind: 'addInputs', count: 3}, {kind: 'deleteInputs', ids: [gone]});
    await harness.sync();
    expect((await harness.sync({full: true})).code).toBe(0);
    await expectTruth(harness, published);
    harness.change({kind: 'restoreInput', id: gone});
    await harness.sync({full: true});
    await expectTruth(harness, published);
  },
);

test('a run without changes publishes nothing, and publishing goes on after it', async () => {
  await using published = await lake();
  await using harness = await syncHarness(
    {},
    `sinks: [{name: lake, type: s3, url: "${published.url}"}]\nstate: {url: "\${DATABASE_URL}"}\n`,
  );
  await harness.sync();
  const before = await published.files();
  await harness.sync();
  expect(await published.files()).toEqual(before);
  harness.change({kind: 'addInputs', count: 1});
  await harness.sync();
  const manifests = await published.manifests('changes');
  expect(manifests.at(-1)?.previous_sequence).toBe(manifests.at(0)?.sequence);
  expect(manifests.at(-1)?.streams['inputs']).toMatchObject({rows: 1, inserted: 1});
});

test('a sink that is added later is filled, and one that was away catches up in one manifest', async () => {
  await using published = await lake();
  await using harness = await syncHarness({}, `state: {url: "\${DATABASE_URL}"}\n`);
  await harness.sync();
  const without = harness.config;
  harness.config = `${without}sinks: [{name: lake, type: s3, url: "${published.url}"}]\n`;
  const withSink = harness.config;
  expect((await harness.sync()).code).toBe(0);
  await expectTruth(harness, published);
  harness.config = without;
  for (let i = 0; i < 3; i++) {
    harness.change({kind: 'addInputs', count: 1});
    await harness.sync();
  }
  harness.config = withSink;
  const count = (await published.manifests('changes')).length;
  await harness.sync();
  expect(await published.manifests('changes')).toHaveLength(count + 1);
  await expectTruth(harness, published);
});

test('a snapshot that is asked for holds all current records beside the changes', async () => {
  await using published = await lake();
  await using harness = await syncHarness(
    {},
    `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: lake, type: s3, url: "${published.url}"}]\n`,
  );
  await harness.sync();
  harness.change({kind: 'addInputs', count: 2});
  expect((await harness.sync({snapshot: true})).code).toBe(0);
  expect(await published.manifests('snapshot')).toHaveLength(1);
  await expectTruth(harness, published, 'snapshot');
  harness.change({kind: 'addInputs', count: 2});
  await harness.sync();
  await expectTruth(harness, published, 'snapshot');
  await expectTruth(harness, published, 'start');
});

test('no part is under a stream’s prefix that no manifest lists', async () => {
  await using published = await lake();
  await using harness = await syncHarness(
    {},
    `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: lake, type: s3, url: "${published.url}"}]\n`,
  );
  await harness.sync({snapshot: true});
  const parts = (await published.files())
    .filter((name) => !name.startsWith('_'))
    .map((name) => `${published.url}/${name}`);
  const manifests = [
    ...(await published.manifests('changes')),
    ...(await published.manifests('snapshot')),
    ...(await published.manifests('changes', '_')),
    ...(await published.manifests('snapshot', '_')),
  ];
  expect(parts.sort()).toEqual(manifests.flatMap(({entries}) => entries.map(({url}) => url)).sort());
  expect((await published.files()).filter((name) => name.startsWith('_staging'))).toEqual([]);
});

test('a prefix that another store feeds is refused until it is taken over', async () => {
  await using published = await lake();
  const config = `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: lake, type: s3, url: "${published.url}"}]\n`;
  await using first = await syncHarness({inputs: 5, annotations: 10}, config);
  await first.sync();
  await using second = await syncHarness({inputs: 7, annotations: 14, seed: 2}, config);
  const refused = await second.sync();
  expect(refused.code).toBe(4);
  expect(refused.said).toContain('--take-over');
});
