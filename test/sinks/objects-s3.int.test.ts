import {AbortMultipartUploadCommand, GetObjectCommand, ListMultipartUploadsCommand, S3Client} from '@aws-sdk/client-s3';
import {randomBytes} from 'node:crypto';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {SinkRefusedError, SinkUnavailableError, StagedLostError} from '../../src/sinks/errors.ts';
import {S3Calls} from '../../src/sinks/objects/s3-calls.ts';
import type {S3Options} from '../../src/sinks/objects/s3-options.ts';
import {S3Store} from '../../src/sinks/objects/s3-store.ts';
import {startProcess} from '../support/process.ts';
import {until} from '../support/until.ts';
import {startS3Proxy, type S3Proxy} from '../support/s3-proxy.ts';
import {hasRealS3, openRealS3, startFauxS3, type TestS3} from '../support/s3.ts';
import {keys, staged} from './object-store-contract.ts';
import {s3Options} from './objects-options.ts';

const MIB = 1024 * 1024;
const COMPLETE = /^POST .*[?&]uploadId=/;
const UPLOAD_PART = /^PUT .*[?&]partNumber=/;

/** A store behind a proxy that fails as it is told. */
interface Behind extends AsyncDisposable {
  readonly store: S3Store;
  readonly proxy: S3Proxy;
  readonly bucket: string;
}

async function openBehind(server: TestS3, changed: Partial<S3Options> = {}): Promise<Behind> {
  const bucket = changed.bucket ?? (await server.bucket());
  const proxy = await startS3Proxy(server.endpoint);
  const store = new S3Store(s3Options({...server, endpoint: proxy.endpoint}, bucket, changed));
  return {
    store,
    proxy,
    bucket,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const servers = [
  {name: 'fauxqs', open: startFauxS3, is: true},
  {name: 'real', open: openRealS3, is: hasRealS3()},
];
describe.each(servers.filter(({is}) => is))('s3 ($name)', ({name, open}) => {
  const isReal = name === 'real';
  let server: TestS3;
  beforeAll(async () => {
    server = await open();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  /** What an upload with this fault in its way comes to. */
  const published = async ({store}: Behind, size: number): Promise<boolean> => {
    const bytes = randomBytes(size);
    await (await staged(store, 'part', bytes)).publish();
    return (await store.get('part'))?.equals(bytes) ?? false;
  };

  test('an upload whose completion was done, and the answer lost, is published', async () => {
    await using behind = await openBehind(server);
    behind.proxy.fail(COMPLETE, {kind: 'lose answer'});
    expect(await published(behind, 2 * MIB)).toBe(true);
  });

  test('an upload whose completion was done, and answered with 500 ever after, is published', async () => {
    await using behind = await openBehind(server);
    behind.proxy.fail(COMPLETE, {kind: 'answer after', status: 500, code: 'InternalError'}, 1000);
    expect(await published(behind, 2 * MIB)).toBe(true);
  });

  test('an upload whose parts lost their answers or were cut short is published', async () => {
    await using behind = await openBehind(server);
    behind.proxy.fail(UPLOAD_PART, {kind: 'lose answer'});
    behind.proxy.fail(UPLOAD_PART, {kind: 'cut body'});
    behind.proxy.fail(UPLOAD_PART, {kind: 'answer', status: 503, code: 'ServiceUnavailable'});
    expect(await published(behind, 17 * MIB)).toBe(true);
  });

  test('a store that fails longer than its client is patient is tried again', async () => {
    await using behind = await openBehind(server);
    behind.proxy.fail(/^PUT /, {kind: 'answer', status: 500, code: 'InternalError'}, 12);
    expect(await published(behind, 10)).toBe(true);
    expect(behind.proxy.calls.filter((line) => line.startsWith('PUT ')).length).toBe(13);
  });

  test('a store that goes on failing is unavailable', async () => {
    await using behind = await openBehind(server);
    behind.proxy.fail(/^PUT /, {kind: 'answer', status: 500, code: 'InternalError'}, 1000);
    const failed = behind.store.put('a', Buffer.from('x'));
    await expect(failed).rejects.toThrow(SinkUnavailableError);
    await expect(failed).rejects.toThrow(/sink lake: PutObject s3:\/\/.*\/feed\/a: .*InternalError 500/);
  });

  test('an upload that was aborted under us is lost, and no part of it shows', async () => {
    await using behind = await openBehind(server);
    const object = await staged(behind.store, 'part', randomBytes(9 * MIB));
    await abortAll(server, behind);
    await expect(object.publish()).rejects.toThrow(StagedLostError);
    expect(await keys(behind.store, '')).toEqual([]);
  });

  test('an older object under the same key with the same token is not taken for a published one', async () => {
    await using behind = await openBehind(server);
    await (await staged(behind.store, 'part', randomBytes(2 * MIB))).publish();
    const bytes = randomBytes(2 * MIB);
    const object = await staged(behind.store, 'part', bytes);
    behind.proxy.fail(COMPLETE, {kind: 'answer', status: 403, code: 'AccessDenied'});
    await expect(object.publish()).rejects.toThrow(SinkRefusedError);
    await object.publish();
    expect((await behind.store.get('part'))?.equals(bytes)).toBe(true);
  });

  test('more bytes are taken only once the part before has arrived', async () => {
    await using behind = await openBehind(server);
    const held = gate();
    const released = gate();
    behind.proxy.fail(UPLOAD_PART, {kind: 'hold', onHeld: held.open, release: released.isOpen});
    const object = behind.store.stage('part', {token: 't'});
    await object.write(randomBytes(8 * MIB));
    await held.isOpen;
    let isTaken = false;
    const second = object.write(randomBytes(8 * MIB)).then(() => (isTaken = true));
    await behind.store.head('anything');
    expect(isTaken).toBe(false);
    released.open();
    await second;
    await object.publish();
    expect((await behind.store.head('part'))?.contentLength).toBe(16 * MIB);
  });

  test('an object that is abandoned while a part is on its way leaves nothing', async () => {
    await using behind = await openBehind(server);
    const held = gate();
    const released = gate();
    behind.proxy.fail(UPLOAD_PART, {kind: 'hold', onHeld: held.open, release: released.isOpen});
    const object = behind.store.stage('part', {token: 't'});
    await object.write(randomBytes(8 * MIB));
    await held.isOpen;
    await object.abandon();
    released.open();
    expect(await behind.store.sweep('')).toBe(0);
    expect(behind.proxy.calls.filter((line) => /^DELETE .*uploadId=/.test(line)).length).toBe(1);
  });

  test('closing the store ends calls that hang', async () => {
    await using behind = await openBehind(server);
    const held = gate();
    const released = gate();
    behind.proxy.fail(/^PUT /, {kind: 'hold', onHeld: held.open, release: released.isOpen});
    const put = behind.store.put('a', Buffer.from('x'));
    put.catch(() => undefined);
    await held.isOpen;
    await behind.store[Symbol.asyncDispose]();
    await expect(put).rejects.toThrow(SinkUnavailableError);
    await expect(put).rejects.toThrow(/PutObject s3:.*: the store was closed/);
    released.open();
  });

  test('a call that takes too long is ended, and not begun again', async () => {
    await using behind = await openBehind(server);
    const released = gate();
    behind.proxy.fail(/^GET /, {kind: 'hold', onHeld: () => undefined, release: released.isOpen}, 1000);
    const calls = new S3Calls(s3Options({...server, endpoint: behind.proxy.endpoint}, behind.bucket));
    const command = new GetObjectCommand({Bucket: behind.bucket, Key: 'a'});
    const asked = calls.send('GetObject', 'a', (client, options) => client.send(command, options), {limitMs: 1000});
    await expect(asked).rejects.toThrow(/GetObject .*\/a: it took longer than 1 s/);
    expect(behind.proxy.calls).toHaveLength(1);
    released.open();
    await calls[Symbol.asyncDispose]();
  });

  test('an object put if absent whose answer was lost is told from a conflict', async () => {
    await using behind = await openBehind(server);
    behind.proxy.fail(/^PUT /, {kind: 'lose answer'});
    expect(await behind.store.putIfAbsent('_owner.json', Buffer.from('mine'))).toBe(true);
  });

  test('of two that put if absent, one learns that the other came after it', async () => {
    await using behind = await openBehind(server);
    await using direct = new S3Store(s3Options(server, behind.bucket));
    const [held, released] = [gate(), gate()];
    behind.proxy.fail(/^PUT /, {kind: 'hold', onHeld: held.open, release: released.isOpen});
    const late = behind.store.putIfAbsent('_owner.json', Buffer.from('late'));
    await held.isOpen;
    const early = direct.putIfAbsent('_owner.json', Buffer.from('early'));
    await until('the early one is there', async () => (await direct.head('_owner.json')) !== null);
    // Time enough for one that reads back without a pause to have done so.
    for (let i = 0; i < 5; i++) await direct.head('_owner.json');
    released.open();
    const winners = [(await early) ? 'early' : '', (await late) ? 'late' : ''].filter((winner) => winner !== '');
    expect(winners).toEqual([String(await direct.get('_owner.json'))]);
  });

  test('an object is put if absent on a store that refuses conditions', async () => {
    await using behind = await openBehind(server);
    behind.proxy.fail(/^PUT /, {kind: 'answer', status: 501, code: 'NotImplemented'});
    expect(await behind.store.putIfAbsent('_owner.json', Buffer.from('mine'))).toBe(true);
    expect(await behind.store.putIfAbsent('_owner.json', Buffer.from('theirs'))).toBe(false);
  });

  const advanceTo = (store: S3Store, text: string): Promise<boolean> =>
    store.advance('_latest.json', Buffer.from(text), (there) => there === null || String(there) < text);

  test.runIf(isReal)('a write that arrives when another has gone further changes nothing', async () => {
    await using behind = await openBehind(server);
    await using direct = new S3Store(s3Options(server, behind.bucket));
    await advanceTo(direct, '1');
    const [held, released] = [gate(), gate()];
    behind.proxy.fail(/^PUT /, {kind: 'hold', onHeld: held.open, release: released.isOpen});
    const late = advanceTo(behind.store, '2');
    await held.isOpen;
    expect(await advanceTo(direct, '3')).toBe(true);
    released.open();
    expect(await late).toBe(false);
    expect(String(await direct.get('_latest.json'))).toBe('3');
  });

  test.each([
    {what: 'refuses conditions', status: 501, code: 'NotImplemented', times: 1},
    {what: 'does not take them in the form that it gives', status: 412, code: 'PreconditionFailed', times: 2},
  ])('a pointer advances on a store that $what', async ({status, code, times}) => {
    await using behind = await openBehind(server);
    await behind.store.put('_latest.json', Buffer.from('1'));
    behind.proxy.fail(/^PUT /, {kind: 'answer', status, code}, times);
    expect(await advanceTo(behind.store, '2')).toBe(true);
    expect(String(await behind.store.get('_latest.json'))).toBe('2');
    expect(await advanceTo(behind.store, '1')).toBe(false);
  });

  test('a pointer whose answer was lost has advanced', async () => {
    await using behind = await openBehind(server);
    await behind.store.put('_latest.json', Buffer.from('1'));
    behind.proxy.fail(/^PUT /, {kind: 'lose answer'});
    expect(await advanceTo(behind.store, '2')).toBe(true);
  });

  test('old stores get a Content-MD5 and no checksum that they do not know', async () => {
    await using behind = await openBehind(server, {checksums: 'when_required'});
    expect(await published(behind, 2 * MIB)).toBe(true);
    expect(await published(behind, 10)).toBe(true);
    const uploads = behind.proxy.headers.filter(({method}) => method === 'PUT');
    expect(uploads.map((each) => [typeof each['content-md5'], each['x-amz-checksum-crc32']])).toEqual([
      ['string', undefined],
      ['string', undefined],
    ]);
  });

  test.skipIf(isReal)('encryption is asked for on all objects, a storage class on staged ones alone', async () => {
    await using behind = await openBehind(server, {sse: 'aws:kms', sseKmsKeyId: 'key-1', storageClass: 'STANDARD_IA'});
    await (await staged(behind.store, 'large', randomBytes(2 * MIB))).publish();
    await (await staged(behind.store, 'small', randomBytes(10))).publish();
    await behind.store.put('_latest.json', Buffer.from('{}'));
    const asked = behind.proxy.calls.flatMap((line, i) => {
      const headers = behind.proxy.headers[i] ?? {};
      const names = [
        'x-amz-server-side-encryption',
        'x-amz-server-side-encryption-aws-kms-key-id',
        'x-amz-storage-class',
      ];
      const begins = /[?&]uploads/.test(line) || (line.startsWith('PUT ') && !UPLOAD_PART.test(line));
      return begins ? [names.map((header) => headers[header])] : [];
    });
    expect(asked).toEqual([
      ['aws:kms', 'key-1', 'STANDARD_IA'],
      ['aws:kms', 'key-1', 'STANDARD_IA'],
      ['aws:kms', 'key-1', undefined],
    ]);
  });

  test('a missing bucket is refused by its name', async () => {
    await using behind = await openBehind(server, {bucket: 'no-such-bucket-here'});
    for (const call of [
      async () => await behind.store.put('a', Buffer.from('x')),
      async () => await behind.store.get('a'),
      async () => await keys(behind.store, 'a'),
      async () => await behind.store.check(),
    ]) {
      await expect(call()).rejects.toThrow(SinkRefusedError);
      await expect(call()).rejects.toThrow(/no-such-bucket-here.*NoSuchBucket 404/);
    }
  });

  test.each([
    {status: 403, code: 'AccessDenied', says: /lack the right to ListMultipartUploads.*AccessDenied 403/},
    {status: 403, code: 'RequestTimeTooSkewed', says: /the clock of this machine.*RequestTimeTooSkewed 403/},
    {status: 403, code: 'ExpiredToken', says: /expired.*ExpiredToken 403/},
    {status: 403, code: 'QuotaExceeded', says: /no room left.*QuotaExceeded 403/},
    {status: 301, code: 'PermanentRedirect', region: 'eu-north-1', says: /region eu-north-1.*PermanentRedirect 301/},
  ])('$code is refused, and the message says what to do', async ({status, code, region, says}) => {
    await using behind = await openBehind(server);
    const headers: Record<string, string> = region === undefined ? {} : {'x-amz-bucket-region': region};
    behind.proxy.fail(/[?&]uploads/, {kind: 'answer', status, code, headers}, 1000);
    await expect(behind.store.sweep('a/')).rejects.toThrow(SinkRefusedError);
    await expect(behind.store.sweep('a/')).rejects.toThrow(says);
  });

  test('a missing right to abort uploads is found by the check', async () => {
    await using behind = await openBehind(server);
    behind.proxy.fail(/^DELETE .*uploadId=/, {kind: 'answer', status: 403, code: 'AccessDenied'}, 1000);
    await expect(behind.store.check()).rejects.toThrow(/lack the right to AbortMultipartUpload/);
  });

  test('a server that is not there is unavailable', async () => {
    await using store = new S3Store(s3Options({...server, endpoint: 'http://127.0.0.1:1'}, 'bucket'));
    const asked = store.get('a');
    await expect(asked).rejects.toThrow(SinkUnavailableError);
    await expect(asked).rejects.toThrow(/ECONNREFUSED/);
  });

  test('a publisher that is killed shows nothing, and what it left can be swept', async () => {
    const bucket = await server.bucket();
    await using child = startProcess(process.execPath, ['--input-type=module', '-e', PUBLISHER], {
      env: {OPTIONS: JSON.stringify(s3Options(server, bucket))},
    });
    await child.said(/stored/);
    child.kill('SIGKILL');
    expect((await child.ended).stderr).toBe('');
    await using store = new S3Store(s3Options(server, bucket));
    expect(await keys(store, '')).toEqual([]);
    if (isReal) expect(await store.sweep('a/')).toBe(1);
    const bytes = randomBytes(2 * MIB);
    await (await staged(store, 'a/part', bytes)).publish();
    expect((await store.get('a/part'))?.equals(bytes)).toBe(true);
    expect(await store.sweep('')).toBe(0);
  });

  test.runIf(isReal)('credentials that are wrong are refused, and not shown', async () => {
    const bucket = await server.bucket();
    const {accessKeyId} = server.credentials;
    for (const credentials of [
      {accessKeyId, secretAccessKey: 'not-the-secret'},
      {accessKeyId: 'NOBODY0000000000', secretAccessKey: 'not-the-secret'},
    ]) {
      await using store = new S3Store(s3Options(server, bucket, {credentials}));
      const error: unknown = await store.put('a', Buffer.from('x')).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SinkRefusedError);
      expect(String(error)).toMatch(/does not accept the credentials \((SignatureDoesNotMatch|InvalidAccessKeyId) 403/);
      expect(shown(error)).not.toMatch(/not-the-secret|NOBODY/);
    }
  });
});

function gate(): {readonly isOpen: Promise<void>; readonly open: () => void} {
  let open = (): void => undefined;
  const isOpen = new Promise<void>((resolve) => (open = resolve));
  return {isOpen, open};
}

/** Writes a part and waits for ever. */
const PUBLISHER = `
  const {S3Store} = await import(${JSON.stringify(new URL('../../dist/src/sinks/objects/s3-store.js', import.meta.url))});
  const store = new S3Store(JSON.parse(process.env.OPTIONS));
  const object = store.stage('a/part', {token: 't'});
  await object.write(Buffer.alloc(9 * ${MIB}));
  await object.ready();
  console.log('stored');
  setInterval(() => undefined, 1000);
`;

/** Everything that a logger could find in an error. */
function shown(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = Object.getOwnPropertyNames(error).map((name) => {
    const value = (error as unknown as Record<string, unknown>)[name];
    return value instanceof Error ? shown(value) : `${name}=${JSON.stringify(value)}`;
  });
  return own.join(' ');
}

/** Aborts every upload of the bucket: those that the server lists, else those that the proxy has seen. */
async function abortAll(server: TestS3, {bucket, proxy}: Behind): Promise<void> {
  const {endpoint, credentials} = server;
  const client = new S3Client({endpoint, credentials, region: 'us-east-1', forcePathStyle: true});
  const listed = await client.send(new ListMultipartUploadsCommand({Bucket: bucket}));
  const seen = proxy.calls.flatMap((line) => /[?&]uploadId=([^&]+)/.exec(line)?.[1] ?? []);
  const ids = new Set(listed.Uploads?.map(({UploadId}) => UploadId) ?? seen.map(decodeURIComponent));
  for (const UploadId of ids) {
    await client.send(new AbortMultipartUploadCommand({Bucket: bucket, Key: 'feed/part', UploadId}));
  }
  client.destroy();
}
