import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {S3Client, GetObjectCommand, ListObjectsV2Command} from '@aws-sdk/client-s3';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {keyNames} from '../../src/streams/stream.ts';
import {askDuckDb} from '../support/part-file.ts';
import {runCli, type Ended} from '../support/process.ts';
import {startFauxS3} from '../support/s3.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

interface Exported {
  readonly exports: {
    readonly app_id: string;
    readonly run_id: string;
    readonly streams: Record<string, {rows: number}>;
    readonly files: {url: string; stream: string; rows: number; content_length: number}[];
  }[];
}

let harness: SyncHarness;
let folder: string;

// One app, synced, with a deletion; the tests only export it.
beforeAll(async () => {
  harness = await syncHarness({}, 'streams: default\n');
  await harness.sync();
  const [gone] = harness.truthKeys('inputs') as [string];
  harness.change({kind: 'deleteInputs', ids: [gone]}, {kind: 'addInputs', count: 2});
  await harness.sync({full: true});
});
afterAll(() => harness[Symbol.asyncDispose]());

const ask = (...args: string[]): Promise<Ended> => runCli(['export', ...args], {cwd: '/', env: harness.env});

async function exported(...args: string[]): Promise<Exported> {
  const ended = await ask(...args, '--json');
  expect(ended.code, ended.stderr).toBe(0);
  return JSON.parse(ended.stdout) as Exported;
}

async function filesIn(place: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(place, {withFileTypes: true, recursive: true});
  const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(names.sort().map(async (name) => [name, await readFile(name)] as const)));
}

/** Keys of the records in a part, by DuckDB. */
async function keysIn(bytes: Buffer, name: string, stream: string): Promise<string[]> {
  const keys = keyNames(CATALOGUE.find((each) => each.name === stream)!).map((key) => `"${key}"`);
  const from = name.endsWith('.parquet') ? 'part' : "read_json(part, format='newline_delimited')";
  const rows = await askDuckDb(bytes, name, `select concat_ws('/', ${keys.join(', ')}) as key from ${from}`);
  return rows.map((row) => String(row['key']));
}

/** Streams that the simulated app has records of. */
const FILLED = [
  'apps',
  'inputs',
  'annotations',
  'datasets',
  'bulk_operations',
  'dataset_versions',
  'dataset_inputs',
  'concepts',
];

describe('an export to a folder', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-export-'));
  });
  afterAll(() => rm(folder, {recursive: true, force: true}));

  test.each([
    ['parquet', 'part-00000.parquet'],
    ['jsonl', 'part-00000.jsonl.gz'],
  ])('as %s has every living record of the store, and nothing else', async (format, part) => {
    const place = join(folder, format);
    const {exports} = await exported('--to', `file://${place}`, '--format', format);
    expect(exports.map(({app_id: app}) => app)).toEqual(['', 'plants']);
    // What has no record has no file; what was never asked for is not in the store.
    for (const {name, scope} of CATALOGUE.filter(({name: each}) => FILLED.includes(each))) {
      const document = exports.find(({app_id: app}) => (app === '') === (scope === 'user'))!;
      const app = scope === 'user' ? '_' : 'plants';
      const path = join(place, name, 'user=acme', `app=${app}`, `snapshot=${document.run_id}`, part);
      const found = await keysIn(await readFile(path), part, name);
      expect(found.sort(), name).toEqual(await harness.storedKeys(name));
      expect(document.streams[name]?.rows).toBe(found.length);
    }
  });

  test('that is repeated changes no byte, and one of other streams leaves these in the manifest', async () => {
    const place = join(folder, 'again');
    await exported('--to', `file://${place}`, '--stream', 'inputs', '--stream', 'concepts');
    const before = await filesIn(place);
    await exported('--to', `file://${place}`, '--stream', 'inputs', '--stream', 'concepts');
    expect(await filesIn(place)).toEqual(before);
    const {exports} = await exported('--to', `file://${place}`, '--stream', 'datasets');
    expect(exports[0]?.files.map(({stream}) => stream)).toEqual(['concepts', 'datasets', 'inputs']);
    const after = await filesIn(place);
    for (const [name, bytes] of before) if (name.includes('/part-')) expect(after.get(name), name).toEqual(bytes);
  });

  test('removes what an export that was killed has shown or left half done, and keeps an earlier one', async () => {
    const place = join(folder, 'killed');
    const {exports} = await exported('--to', `file://${place}`, '--stream', 'concepts');
    const part = fileURLToPath(exports[0]!.files[0]!.url);
    const left = part.replace(/snapshot=[^/]+/, 'snapshot=dead');
    await exported('--to', `file://${place}`, '--stream', 'concepts');
    await mkdir(join(left, '..'), {recursive: true});
    await writeFile(left, 'of an export that died');
    await exported('--to', `file://${place}`, '--stream', 'concepts');
    const names = [...(await filesIn(place)).keys()];
    expect(names.filter((name) => name.includes('dead') || name.includes('_staging'))).toEqual([]);
    expect(names).toContain(part);
  });

  test('where a feed or anything else is, is refused, and so is a feed where an export is', async () => {
    const feed = join(folder, 'feed');
    const sinks = (place: string): string =>
      `sinks: [{name: w, type: postgres, url: "\${DATABASE_URL}"}, {name: lake, type: s3, url: "file://${place}"}]\n`;
    harness.config = `source: {requests_per_second: 0}\n${sinks(feed)}`;
    await harness.sync();
    const before = await filesIn(feed);
    const refused = await ask('--to', `file://${feed}`);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('found the feed of store')]);
    expect(await filesIn(feed)).toEqual(before);

    const other = join(folder, 'other');
    await exported('--to', `file://${other}`, '--stream', 'concepts');
    harness.config = `source: {requests_per_second: 0}\n${sinks(other)}`;
    const behind = await harness.sync();
    expect([behind.code, behind.said]).toEqual([5, expect.stringContaining('found an export')]);
    expect([...(await filesIn(other)).keys()].filter((name) => name.endsWith('_owner.json'))).toEqual([]);

    const stranger = await ask('--to', `file://${join(folder, 'parquet', 'inputs')}`);
    expect([stranger.code, stranger.stderr]).toEqual([4, expect.stringContaining('found user=acme/')]);
  });

  test('of what is not there, or to what is no place, says so and ends with 2', async () => {
    const to = `file://${join(folder, 'nothing')}`;
    for (const [args, says] of [
      [['--to', 'here'], '--to: expected s3://bucket/prefix or file:///folder'],
      [['--to', to, '--app', 'acme/other'], 'acme/other was never synced here'],
      [['--to', to, '--stream', 'no'], 'unknown stream "no"'],
      [['--to', to, '--format', 'csv'], 'Allowed choices are parquet, jsonl'],
    ] as const) {
      const ended = await ask(...args);
      expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining(says)]);
    }
    await expect(readdir(join(folder, 'nothing'))).rejects.toThrow('ENOENT');
  });
});

test('an export to S3 takes the settings of a sink of the same bucket, and has the same records', async () => {
  await using s3 = await startFauxS3();
  const bucket = await s3.bucket();
  const home = await mkdtemp(join(tmpdir(), 'clarifai-sync-export-s3-'));
  try {
    const {accessKeyId, secretAccessKey} = s3.credentials;
    await writeFile(
      join(home, 'clarifai-sync.yaml'),
      `sinks:\n  - {name: w, type: postgres, url: "\${DATABASE_URL}"}\n  - {name: lake, type: s3, url: "s3://${bucket}/feed", endpoint: "${s3.endpoint}", force_path_style: true, access_key_id: ${accessKeyId}, secret_access_key: ${secretAccessKey}}\n`,
    );
    const ended = await runCli(['export', '--to', `s3://${bucket}/copy`, '--json'], {cwd: home, env: harness.env});
    expect(ended.code, ended.stderr).toBe(0);
    const {exports} = JSON.parse(ended.stdout) as Exported;
    const client = new S3Client({
      endpoint: s3.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: s3.credentials,
    });
    const listed = await client.send(new ListObjectsV2Command({Bucket: bucket}));
    const files = exports.flatMap((each) => each.files);
    expect(listed.Contents?.map(({Key}) => Key).filter((key) => key?.includes('/part-'))).toEqual(
      files.map(({url}) => url.replace(`s3://${bucket}/`, '')).sort(),
    );
    const file = files.find(({stream}) => stream === 'annotations')!;
    const got = await client.send(new GetObjectCommand({Bucket: bucket, Key: file.url.replace(`s3://${bucket}/`, '')}));
    const found = await keysIn(Buffer.from(await got.Body!.transformToByteArray()), 'x.parquet', 'annotations');
    expect(found.sort()).toEqual(await harness.storedKeys('annotations'));
    client.destroy();
  } finally {
    await rm(home, {recursive: true, force: true});
  }
});
