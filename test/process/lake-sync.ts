import {randomBytes} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {bucketPlace, folderPlace, Lake} from '../support/lake.ts';
import {fatten} from '../support/lake-truth.ts';
import {startS3Proxy, type S3Proxy} from '../support/s3-proxy.ts';
import type {TestS3} from '../support/s3.ts';
import {cliSync, type CliSync} from './cli-sync.ts';

/** The real executable, and a place that it publishes to. */
export class LakeSync implements AsyncDisposable {
  readonly sync: CliSync;
  readonly lake: Lake;
  readonly #close: () => Promise<void>;

  constructor(sync: CliSync, lake: Lake, close: () => Promise<void>) {
    this.sync = sync;
    this.lake = lake;
    this.#close = close;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sync[Symbol.asyncDispose]();
    await this.#close();
  }
}

const SMALL_APP = {inputs: 40, annotations: 100, datasets: 2, versionsPerDataset: 1};

/** The processes read their configuration from a file; the harness, for syncs in this process, gets the same. */
async function lakeSync(sink: string, rest: string): Promise<CliSync> {
  const config = configOf(sink, rest);
  const sync = await cliSync(SMALL_APP, config);
  sync.harness.config = config;
  return sync;
}

const configOf = (sink: string, rest: string): string =>
  `source: {requests_per_second: 0}\nstate: {url: "\${DATABASE_URL}"}\n${rest}sinks: [{name: lake, type: s3, ${sink}}]\n`;

/** Settings of a sink that publishes to a bucket by way of `endpoint`. */
export function s3Sink({credentials}: TestS3, endpoint: string, bucket: string): string {
  const {accessKeyId, secretAccessKey} = credentials;
  return (
    `url: "s3://${bucket}/feed", endpoint: "${endpoint}", force_path_style: true, ` +
    `access_key_id: "${accessKeyId}", secret_access_key: "${secretAccessKey}"`
  );
}

/** @param rest further lines of the configuration */
export async function syncToS3(server: TestS3, rest = ''): Promise<LakeSync & {readonly proxy: S3Proxy}> {
  const bucket = await server.bucket();
  const proxy = await startS3Proxy(server.endpoint);
  const sync = await lakeSync(s3Sink(server, proxy.endpoint, bucket), rest);
  fatten(sync.harness, () => randomBytes(60_000).toString('base64'));
  const lake = new Lake(bucketPlace(server, bucket, 'feed'));
  return Object.assign(new LakeSync(sync, lake, async () => await proxy[Symbol.asyncDispose]()), {proxy});
}

export async function syncToFolder(rest = ''): Promise<LakeSync> {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-lake-'));
  const sync = await lakeSync(`url: "file://${folder}"`, rest);
  return new LakeSync(sync, new Lake(folderPlace(folder)), () => rm(folder, {recursive: true}));
}

/**
 * Environment of a process that sends itself a signal right after its n-th call of a function of node:fs/promises on a
 * path that matches.
 */
export function signalAt(signal: NodeJS.Signals, call: 'rename' | 'open', path: RegExp, n = 1): Record<string, string> {
  const script = `
    import fs from 'node:fs/promises';
    import {syncBuiltinESMExports} from 'node:module';
    const real = fs[${JSON.stringify(call)}];
    let left = ${n};
    fs[${JSON.stringify(call)}] = async (...args) => {
      const result = await real(...args);
      if (${String(path)}.test(String(args[${call === 'rename' ? 1 : 0}])) && --left === 0) process.kill(process.pid, ${JSON.stringify(signal)});
      return result;
    };
    syncBuiltinESMExports();`;
  return {NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`};
}
