import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {afterAll, beforeAll, expect, test, vi} from 'vitest';
import {bucketPlace, folderPlace, Lake} from '../support/lake.ts';
import {lakeDifferences} from '../support/lake-truth.ts';
import {replicaFaults} from '../support/killed-world.ts';
import {backUp, scratchDatabase, type ScratchDatabase} from '../support/postgres.ts';
import {startFauxS3, type TestS3} from '../support/s3.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

// Nine or ten runs with three sinks each.
vi.setConfig({testTimeout: 180_000});

const STREAMS = ['inputs', 'annotations', 'datasets', 'dataset_versions', 'concepts'];

let server: TestS3;
beforeAll(async () => {
  server = await startFauxS3();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** A store with a replica, a folder and a bucket beside it. */
class Feeds implements AsyncDisposable {
  readonly harness: SyncHarness;
  readonly lakes: readonly Lake[];
  readonly #other: ScratchDatabase;
  readonly #replica: pg.Pool;
  readonly #folder: string;

  private constructor(harness: SyncHarness, lakes: readonly Lake[], other: ScratchDatabase, folder: string) {
    this.harness = harness;
    this.lakes = lakes;
    this.#other = other;
    this.#replica = new pg.Pool({connectionString: other.url, max: 1});
    this.#folder = folder;
  }

  static async open(): Promise<Feeds> {
    const other = await scratchDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-restore-'));
    const bucket = await server.bucket();
    const {accessKeyId, secretAccessKey} = server.credentials;
    const config = [
      'state: {url: "${DATABASE_URL}"}',
      'sinks:',
      `  - {name: copy, type: postgres, url: "${other.url}", history: true}`,
      `  - {name: folder, type: s3, url: "file://${folder}", format: jsonl}`,
      `  - {name: bucket, type: s3, url: "s3://${bucket}/feed", endpoint: "${server.endpoint}", force_path_style: true,`,
      `     access_key_id: "${accessKeyId}", secret_access_key: "${secretAccessKey}"}`,
    ];
    const app = {inputs: 12, annotations: 20, datasets: 2, versionsPerDataset: 1};
    const harness = await syncHarness(app, `${config.join('\n')}\n`, await scratchDatabase());
    const lakes = [new Lake(folderPlace(folder)), new Lake(bucketPlace(server, bucket, 'feed'))];
    return new Feeds(harness, lakes, other, folder);
  }

  /** Something of each kind happens, and a full run brings it. */
  async live(): Promise<void> {
    this.change();
    const {code, said} = await this.harness.sync({full: true});
    expect(code, said).toBe(0);
  }

  change(): void {
    const {harness} = this;
    const [edited, gone] = harness.truthKeys('inputs') as [string, string];
    const [concept] = harness.truthKeys('concepts') as [string];
    harness.change({kind: 'addInputs', count: 2}, {kind: 'deleteInputs', ids: [gone]});
    harness.change({kind: 'editInput', id: edited, metadata: {at: Math.random()}, annotationToo: false});
    harness.change({kind: 'editConcept', id: concept, name: `name ${Math.random()}`});
  }

  /** What in the mirror or in a sink is not the source, is there twice, or is not there though listed. */
  async faults(): Promise<string[]> {
    const {harness} = this;
    const found = [...(await harness.differences()), ...(await replicaFaults(harness.pool, this.#replica, STREAMS))];
    for (const lake of this.lakes) {
      // What was published before is of another history: readers begin with the snapshot that makes the sink anew.
      found.push(...(await lakeDifferences(harness, lake, 'snapshot')), ...(await lake.faults()));
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#replica.end();
    await this.harness[Symbol.asyncDispose]();
    await this.#other[Symbol.asyncDispose]();
    await rm(this.#folder, {recursive: true});
  }
}

test('a store that was restored from an older backup fills all its sinks anew, and nothing of the lost runs is left', async () => {
  await using feeds = await Feeds.open();
  const {harness} = feeds;
  await feeds.live();
  await using backup = await backUp(harness.database);
  await feeds.live();
  await feeds.live();
  await backup.restore();
  feeds.change();

  const first = await harness.sync({full: true});
  expect(first.code).toBe(4);
  expect(first.document.outcome).toBe('partial');
  expect(first.said).toContain('was it restored from a backup?');
  expect(await harness.differences()).toEqual([]);

  const second = await harness.sync();
  expect(second.code, second.said).toBe(0);
  expect(await feeds.faults()).toEqual([]);
  await feeds.live();
  expect(await feeds.faults()).toEqual([]);
});

test('a restored store that gives the numbers of the lost runs to others, before its sinks are back, is found out', async () => {
  await using feeds = await Feeds.open();
  const {harness} = feeds;
  await feeds.live();
  await using backup = await backUp(harness.database);
  await feeds.live();
  await backup.restore();
  const {config} = harness;
  harness.config = config.slice(0, config.indexOf('sinks:'));
  await feeds.live();
  await feeds.live();
  harness.config = config;

  const {code, said} = await harness.sync();
  expect(code, said).toBe(0);
  expect(await feeds.faults()).toEqual([]);
});

test('a store that was lost is begun anew, and takes its sinks over when it is told to', async () => {
  await using feeds = await Feeds.open();
  const {harness} = feeds;
  await using empty = await backUp(harness.database);
  await feeds.live();
  await feeds.live();
  await empty.restore();
  feeds.change();

  const refused = await harness.sync();
  expect(refused.code).toBe(4);
  expect(refused.said).toContain('--take-over');
  const taken = await harness.sync({takeOver: true});
  expect(taken.code, taken.said).toBe(0);
  expect(await feeds.faults()).toEqual([]);
  await feeds.live();
  expect(await feeds.faults()).toEqual([]);
});
