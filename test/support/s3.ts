import {CreateBucketCommand, S3Client} from '@aws-sdk/client-s3';
import {execFile} from 'node:child_process';
import {randomBytes, randomInt} from 'node:crypto';
import {existsSync} from 'node:fs';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createServer} from 'node:net';
import {once} from 'node:events';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {startFauxqs} from 'fauxqs';

const run = promisify(execFile);
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

/** An S3 server for tests. Disposing stops it, unless it was given. */
export interface TestS3 extends AsyncDisposable {
  /** `fauxqs` lists no uploads, ignores conditions and credentials; a `real` one does as S3 (facts-s3.md). */
  readonly kind: 'fauxqs' | 'real';
  readonly endpoint: string;
  readonly credentials: {readonly accessKeyId: string; readonly secretAccessKey: string};
  /** Makes an empty bucket of the test's own, and gives its name. */
  bucket(): Promise<string>;
}

/** Starts a server within this process; good for what goes well. */
export async function startFauxS3(): Promise<TestS3> {
  const server = await startFauxqs({port: 0, logger: false});
  return {
    kind: 'fauxqs',
    endpoint: `http://127.0.0.1:${server.port}`,
    credentials: {accessKeyId: 'fauxqs-key', secretAccessKey: 'fauxqs-secret'},
    bucket: async () => server.createBucket(bucketName()).bucketName,
    [Symbol.asyncDispose]: async () => await server.stop(),
  };
}

const CEPH = new URL('../../../shared/s3/', import.meta.url);
const CEPH_CREDENTIALS = {accessKeyId: 'AKIATESTACCESSKEY000', secretAccessKey: 'testsecret/key+0'};
const CEPH_PORTS = 41;
const CEPH_STARTS = 3;

/**
 * Is there a real server to test against? Either TEST_S3_URL names one, `http://KEY:SECRET@host:port` (percent-encoded;
 * without key and secret: those of start-ceph.sh); or TEST_CEPH is 1, and root may start one by ../shared/s3.
 */
export function hasRealS3(): boolean {
  if (given() !== undefined) return true;
  if (process.env['TEST_CEPH'] !== '1') return false;
  if (!existsSync(new URL('start-ceph.sh', CEPH)) || process.getuid?.() !== 0) {
    throw new Error('TEST_CEPH=1 needs ../shared/s3/start-ceph.sh and root; or set TEST_S3_URL');
  }
  return true;
}

/** The server that TEST_S3_URL names, else a Ceph of its own, which takes some seconds. */
export async function openRealS3(): Promise<TestS3> {
  const url = given();
  return url === undefined ? await startCeph() : realS3(new URL(url), async () => undefined);
}

const given = (): string | undefined => process.env['TEST_S3_URL'] || undefined;

async function startCeph(): Promise<TestS3> {
  const failures: unknown[] = [];
  for (let attempt = 1; attempt <= CEPH_STARTS; attempt++) {
    const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-ceph-'));
    const stop = async (): Promise<void> => {
      await run(fileURLToPath(new URL('stop.sh', CEPH)), [folder]);
      await rm(folder, {recursive: true, force: true});
    };
    try {
      const script = fileURLToPath(new URL('start-ceph.sh', CEPH));
      // One after the other, for the first one may have to install it; `-o`: the servers do not keep the lock.
      const lock = join(tmpdir(), 'clarifai-sync-ceph.lock');
      const {stdout} = await run('flock', ['-o', lock, script, folder, String(await freePorts(CEPH_PORTS))]);
      return realS3(new URL(stdout.trim().split('\n').at(-1) ?? ''), stop);
    } catch (error) {
      const log = await readFile(join(folder, 'log', 'setup.log'), 'utf8').catch(() => '');
      failures.push(new Error(`start ${attempt} of Ceph: ${log.slice(-2_000)}`, {cause: error}));
      await stop();
    }
  }
  throw new AggregateError(failures, `Ceph did not start, ${CEPH_STARTS} times`);
}

function realS3(url: URL, stop: () => Promise<void>): TestS3 {
  const [accessKeyId, secretAccessKey] = [url.username, url.password].map(decodeURIComponent);
  const credentials = accessKeyId && secretAccessKey ? {accessKeyId, secretAccessKey} : CEPH_CREDENTIALS;
  const endpoint = url.origin;
  const client = new S3Client({endpoint, region: 'us-east-1', forcePathStyle: true, credentials});
  return {
    kind: 'real',
    endpoint,
    credentials,
    bucket: async () => {
      const name = bucketName();
      await client.send(new CreateBucketCommand({Bucket: name}));
      return name;
    },
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      await stop();
    },
  };
}

const bucketName = (): string => `test-${randomBytes(6).toString('hex')}`;

/**
 * First of so many free ports in a row. They lie below those that Linux gives to connections and to servers that ask for
 * any port (32768 and up): of those, one in the middle of the row may be taken before Ceph comes to it.
 */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = randomInt(10_000, 32_768 - count);
    const ports = Array.from({length: count}, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch {
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}
