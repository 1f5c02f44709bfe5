import {CreateBucketCommand, S3Client} from '@aws-sdk/client-s3';
import {execFile} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {existsSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
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
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-ceph-'));
  const stop = async (): Promise<void> => {
    await run(fileURLToPath(new URL('stop.sh', CEPH)), [folder]);
    await rm(folder, {recursive: true, force: true});
  };
  try {
    const script = fileURLToPath(new URL('start-ceph.sh', CEPH));
    // One after the other, for the first one may have to install it; `-o`: the servers do not keep the lock.
    const started = [
      '-o',
      join(tmpdir(), 'clarifai-sync-ceph.lock'),
      script,
      folder,
      String(await freePorts(CEPH_PORTS)),
    ];
    const {stdout} = await run('flock', started);
    return realS3(new URL(stdout.trim().split('\n').at(-1) ?? ''), stop);
  } catch (error) {
    await stop();
    throw error;
  }
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

/** First of so many ports in a row of which the first is free; the rest are seldom taken. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const address = probe.address();
    probe.close();
    await once(probe, 'close');
    if (address !== null && typeof address === 'object' && address.port + count < 65_536) return address.port;
  }
}
