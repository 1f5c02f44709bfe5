import {randomUUID} from 'node:crypto';
import {SinkRefusedError} from '../errors.ts';
import type {StoreTraits} from './object-store.ts';
import {putIf} from './s3-conditions.ts';
import type {S3Objects} from './s3-objects.ts';
import {TOKEN} from './s3-requests.ts';
import type {S3Uploads} from './s3-uploads.ts';

/**
 * Tries all that publishing needs on scratch keys below `_check/`, which readers skip, and removes them. About 45 small
 * requests; order and meaning of those for conditions: facts-s3.md, section 2.
 * @throws SinkUnavailableError, SinkRefusedError, naming the call that failed
 */
export async function checkS3(objects: S3Objects, uploads: S3Uploads, prefix: string): Promise<StoreTraits> {
  const scratch = `${prefix}_check/${randomUUID()}/`;
  try {
    await checkObject(objects, scratch);
    const {listsUploads} = await checkUpload(objects, uploads, scratch);
    const conditions = {if_none_match: await ifNoneMatch(objects, scratch), if_match: await ifMatch(objects, scratch)};
    await clear(objects, uploads, scratch);
    return {...conditions, lists_unfinished_uploads: listsUploads};
  } catch (error) {
    // What failed is reported. Clearing up fails for the same reason, as a rule; a probe left behind is harmless.
    await clear(objects, uploads, scratch).catch(() => undefined);
    throw error;
  }
}

async function checkObject(objects: S3Objects, scratch: string): Promise<void> {
  const key = `${scratch}object`;
  const bytes = Buffer.from(key);
  await objects.put(key, bytes);
  await expectBytes(objects, key, bytes);
  const listed: string[] = [];
  for await (const each of objects.list(scratch)) listed.push(each.key);
  expect(objects, listed.length === 1 && listed[0] === key, 'ListObjectsV2', key, 'a list does not show what was put');
  await objects.delete(key);
  expect(objects, (await objects.head(key)) === null, 'DeleteObject', key, 'an object is there after it was deleted');
}

/** One upload is completed, and one aborted: both rights are needed. */
async function checkUpload(objects: S3Objects, uploads: S3Uploads, scratch: string): Promise<{listsUploads: boolean}> {
  const key = `${scratch}upload`;
  const bytes = Buffer.from(key);
  const {signal} = new AbortController();
  const id = await uploads.create(key, {[TOKEN]: key});
  const part = await uploads.part(key, id, 1, bytes, signal);
  let listsUploads = false;
  for await (const each of uploads.listUnfinished(scratch)) listsUploads ||= each.id === id;
  const isEarly = (await objects.head(key)) !== null;
  expect(objects, !isEarly, 'UploadPart', key, 'an upload shows before its completion');
  await uploads.complete(key, id, [part]);
  await expectBytes(objects, key, bytes);
  const token = (await objects.head(key))?.Metadata?.[TOKEN];
  expect(objects, token === key, 'HeadObject', key, 'the store does not keep the metadata of an upload');
  await uploads.abort(key, await uploads.create(key, {}));
  return {listsUploads};
}

const AT_ONCE = 8;
const ROUNDS = 3;

async function ifNoneMatch(objects: S3Objects, scratch: string): Promise<string> {
  const key = `${scratch}if-none-match`;
  const condition = {IfNoneMatch: '*'};
  const first = await putIf(objects, key, Buffer.from('first'), condition);
  if (first === 'not offered') return 'refused';
  const second = await putIf(objects, key, Buffer.from('second'), condition);
  if (second === 'ok') return 'ignored';
  for (let round = 0; round < ROUNDS; round++) {
    const tries = Array.from({length: AT_ONCE}, (_, i) =>
      putIf(objects, `${key}-${round}`, Buffer.from(`${i}`), condition),
    );
    const answers = await Promise.all(tries);
    if (answers.filter((answer) => answer === 'ok').length > 1) return 'honoured, but not under competition';
  }
  return 'honoured';
}

async function ifMatch(objects: S3Objects, scratch: string): Promise<string> {
  const key = `${scratch}if-match`;
  const {etag} = await objects.put(key, Buffer.from('first'));
  if (etag === null) return 'refused';
  const wrong = await putIf(objects, key, Buffer.from('second'), {IfMatch: '"00000000000000000000000000000000"'});
  if (wrong === 'not offered') return 'refused';
  if (wrong === 'ok') return 'ignored';
  if ((await putIf(objects, key, Buffer.from('third'), {IfMatch: etag})) === 'ok') return 'honoured';
  const bare = etag.replaceAll('"', '');
  return (await putIf(objects, key, Buffer.from('third'), {IfMatch: bare})) === 'ok'
    ? 'honoured without quotes'
    : 'refused';
}

async function expectBytes(objects: S3Objects, key: string, bytes: Buffer): Promise<void> {
  const read = await objects.get(key);
  expect(objects, read?.equals(bytes) === true, 'GetObject', key, 'what was put does not come back as it was');
}

function expect(objects: S3Objects, holds: boolean, call: string, key: string, what: string): void {
  if (holds) return;
  const {name, bucket} = objects.calls.options;
  throw new SinkRefusedError(`sink ${name}: ${call} s3://${bucket}/${key}: ${what}`, {
    context: {sink: name, bucket, key, call},
  });
}

async function clear(objects: S3Objects, uploads: S3Uploads, scratch: string): Promise<void> {
  for await (const {key, id} of uploads.listUnfinished(scratch)) await uploads.abort(key, id);
  const keys: string[] = [];
  for await (const {key} of objects.list(scratch)) keys.push(key);
  for (const key of keys) await objects.delete(key);
}
