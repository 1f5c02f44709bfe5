import {randomBytes} from 'node:crypto';
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import {bucketPlace, Lake} from '../support/lake.ts';
import {expectPublished, fatten} from '../support/lake-truth.ts';
import {listUploads} from '../support/edge-s3.ts';
import {startS3Proxy, type S3Fault, type S3Proxy} from '../support/s3-proxy.ts';
import {hasRealS3, openRealS3, startFauxS3, type TestS3} from '../support/s3.ts';
import {syncHarness, type SyncHarness, type SyncResult} from '../support/sync-harness.ts';

vi.setConfig({testTimeout: 120_000});

const PART = /^PUT .*\/inputs\/.*partNumber=1/;
const COMPLETE = /^POST .*\/inputs\/.*[?&]uploadId=/;
const ABORT = /^DELETE .*[?&]uploadId=/;
const MANIFEST = /^PUT .*plants\/000000000001\.json/;

interface Published extends AsyncDisposable {
  readonly harness: SyncHarness;
  readonly lake: Lake;
  readonly proxy: S3Proxy;
  readonly bucket: string;
}

/** A sync into a store and to a bucket, by way of a proxy. `sinks` is laid before the bucket's. */
async function open(server: TestS3, {sinks = '', changed = ''} = {}): Promise<Published> {
  const bucket = await server.bucket();
  const proxy = await startS3Proxy(server.endpoint);
  const {accessKeyId, secretAccessKey} = server.credentials;
  const store = sinks === '' ? 'state: {url: "${DATABASE_URL}"}\n' : '';
  const harness = await syncHarness(
    {inputs: 30, annotations: 40, datasets: 2},
    `${store}sinks:\n${sinks}  - {name: lake, type: s3, url: "s3://${bucket}/feed", endpoint: "${proxy.endpoint}", ` +
      `force_path_style: true, access_key_id: "${accessKeyId}", secret_access_key: "${secretAccessKey}"${changed}}\n`,
  );
  fatten(harness, () => randomBytes(60_000).toString('base64'));
  const lake = new Lake(bucketPlace(server, bucket, 'feed'));
  return {
    harness,
    lake,
    proxy,
    bucket,
    [Symbol.asyncDispose]: async () => {
      await harness[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const STORE_SINK = '  - {name: w, type: postgres, url: "${DATABASE_URL}"}\n';

describe('publishing to S3', () => {
  let server: TestS3;
  beforeAll(async () => {
    server = await startFauxS3();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const faults: {name: string; line: RegExp; fault: S3Fault; times?: number}[] = [
    {name: 'SlowDown', line: PART, fault: {kind: 'answer', status: 503, code: 'SlowDown'}, times: 2},
    {name: 'a reset in mid-part', line: PART, fault: {kind: 'cut body'}, times: 2},
    {
      name: 'a 500 for a completion that was done',
      line: COMPLETE,
      fault: {kind: 'answer after', status: 500, code: 'InternalError'},
      times: 1000,
    },
    {
      name: 'an upload that has expired',
      line: COMPLETE,
      fault: {kind: 'answer', status: 404, code: 'NoSuchUpload'},
    },
    {name: 'a lost answer to a manifest', line: MANIFEST, fault: {kind: 'lose answer'}},
    {name: 'slow answers', line: /./, fault: {kind: 'slow', ms: 40}, times: 1000},
  ];
  test.each(faults)('comes through $name', async ({line, fault, times = 1}) => {
    await using published = await open(server);
    published.proxy.fail(line, fault, times);
    const {code, said} = await published.harness.sync();
    expect(code, said).toBe(0);
    published.proxy.heal();
    await expectPublished(published.harness, published.lake);
  });

  test('a store that goes on failing leaves its sink behind, and the next run makes up for it', async () => {
    await using published = await open(server, {sinks: STORE_SINK});
    const {harness, proxy, lake} = published;
    proxy.fail(MANIFEST, {kind: 'answer', status: 500, code: 'InternalError'}, 1000);
    const failed = await harness.sync();
    expect(failed.code).toBe(5);
    expect(failed.document.outcome).toBe('partial');
    expect(failed.said).toMatch(/SYNC_SINK_UNAVAILABLE|SinkUnavailableError/);
    expect(await lake.manifests('changes', 'user=acme/app=plants')).toEqual([]);
    proxy.heal();
    harness.change({kind: 'addInputs', count: 2});
    const {code, said} = await harness.sync();
    expect(code, said).toBe(0);
    await expectPublished(harness, lake);
    expect((await lake.manifests('changes', 'user=acme/app=plants')).map(({sequence}) => sequence)).toEqual([2]);
  });

  const refusals: {name: string; line: RegExp; status: number; code: string; says: RegExp}[] = [
    {name: 'no right to put', line: PART, status: 403, code: 'AccessDenied', says: /lack the right to UploadPart/},
    {
      name: 'no right to list',
      line: /^GET .*[?&]list-type=2/,
      status: 403,
      code: 'AccessDenied',
      says: /lack the right to ListObjectsV2/,
    },
    {
      name: 'a clock that is wrong',
      line: /./,
      status: 403,
      code: 'RequestTimeTooSkewed',
      says: /the clock of this machine is not that of the store/,
    },
    {name: 'a wrong region', line: /./, status: 301, code: 'PermanentRedirect', says: /another region/},
    {
      name: 'a manifest that is refused',
      line: MANIFEST,
      status: 403,
      code: 'AccessDenied',
      says: /lack the right to PutObject/,
    },
  ];
  test.each(refusals)(
    '$name is told with bucket, key and code, nothing shows, and the next run goes on',
    async (each) => {
      await using published = await open(server);
      const {harness, proxy, lake, bucket} = published;
      proxy.fail(each.line, {kind: 'answer', status: each.status, code: each.code}, 1000);
      const refused = await harness.sync();
      expect(refused.code).toBe(4);
      expect(refused.document.outcome).toBe('partial');
      expect(refused.said).toMatch(each.says);
      expect(refused.said).toContain(`${each.code} ${each.status}`);
      expect(refused.said).toContain(`s3://${bucket}/feed/`);
      const shown = (await lake.place.names()).filter((name) => name.includes('app=plants'));
      expect(shown).toEqual([]);
      proxy.heal();
      harness.change({kind: 'addInputs', count: 1});
      const {code, said} = await harness.sync();
      expect(code, said).toBe(0);
      await expectPublished(harness, lake);
    },
  );

  describe('without the right to abort uploads', () => {
    const denied: S3Fault = {kind: 'answer', status: 403, code: 'AccessDenied'};
    let listNoMore: () => void;
    beforeAll(() => {
      listNoMore = listUploads();
    });
    afterAll(() => listNoMore());

    /** Says bucket, key and code, shows nothing, and has left the upload where it was. */
    async function expectAbortRefused({code, document, said}: SyncResult, {lake, bucket}: Published): Promise<void> {
      expect(code, said).toBe(4);
      expect(document.outcome).toBe('partial');
      expect(said).toContain('lack the right to AbortMultipartUpload there (AccessDenied 403');
      expect(said).toContain(`AbortMultipartUpload s3://${bucket}/feed/inputs/user=acme/app=plants/`);
      expect((await lake.place.names()).filter((name) => name.includes('app=plants'))).toEqual([]);
      expect(await lake.place.unfinished()).not.toEqual([]);
    }

    test('what an ended publication left is told until it can be removed; the run that can removes it and goes on', async () => {
      await using published = await open(server);
      const {harness, proxy, lake} = published;
      proxy.fail(ABORT, denied, 1000);
      proxy.fail(PART, denied, 1000);
      expect((await harness.sync()).said).toMatch(/lack the right to UploadPart/);
      proxy.heal();
      proxy.fail(ABORT, denied, 1000);
      harness.change({kind: 'addInputs', count: 1});
      await expectAbortRefused(await harness.sync(), published);
      await expectAbortRefused(await harness.sync(), published);
      proxy.heal();
      const {code, said} = await harness.sync();
      expect(code, said).toBe(0);
      await expectPublished(harness, lake);
    });

    test('a publication that is made anew does not hide what the first attempt left', async () => {
      await using published = await open(server);
      const {harness, proxy, lake} = published;
      proxy.fail(ABORT, denied, 1000);
      proxy.fail(COMPLETE, {kind: 'answer', status: 404, code: 'NoSuchUpload'});
      await expectAbortRefused(await harness.sync(), published);
      proxy.heal();
      harness.change({kind: 'addInputs', count: 1});
      const {code, said} = await harness.sync();
      expect(code, said).toBe(0);
      await expectPublished(harness, lake);
    });
  });

  test('a bucket that is not there is told by its name', async () => {
    await using published = await open(server);
    const {harness, bucket} = published;
    harness.config = harness.config.replace(`s3://${bucket}`, 's3://no-such-bucket-here');
    const {code, said} = await harness.sync();
    expect(code).toBe(4);
    expect(said).toMatch(/there is no such bucket \(NoSuchBucket 404/);
    expect(said).toContain('s3://no-such-bucket-here/feed/');
  });
});

test.runIf(hasRealS3())('credentials that are not accepted are told as such', async () => {
  await using server = await openRealS3();
  await using published = await open(server);
  const {harness} = published;
  harness.config = harness.config.replace(/secret_access_key: "[^"]*"/, 'secret_access_key: "wrong"');
  const {code, said} = await harness.sync();
  expect(code).toBe(4);
  expect(said).toMatch(/does not accept the credentials \(SignatureDoesNotMatch 403/);
});
