import pLimit from 'p-limit';
import {setTimeout as delay} from 'node:timers/promises';
import {assertKey} from './object-key.ts';
import type {ObjectHead, ObjectStore, StagedObject, StoreTraits} from './object-store.ts';
import {S3Calls} from './s3-calls.ts';
import {checkS3} from './s3-check.ts';
import {advance, isNotOffered} from './s3-conditions.ts';
import {httpStatusOf} from './s3-errors.ts';
import {S3Objects} from './s3-objects.ts';
import type {S3Options} from './s3-options.ts';
import {TOKEN} from './s3-requests.ts';
import {S3StagedObject} from './s3-staged.ts';
import {S3Uploads} from './s3-uploads.ts';

/** Longer than a competitor needs from seeing that there is nothing to having put his own. */
const SETTLE_MS = 500;
const DELETES_AT_ONCE = 8;

/** A bucket and prefix, by the raw calls of the S3 client. Nothing is asked of the server before the first call. */
export class S3Store implements ObjectStore {
  readonly #options: S3Options;
  readonly #calls: S3Calls;
  readonly #objects: S3Objects;
  readonly #uploads: S3Uploads;

  constructor(options: S3Options) {
    this.#options = options;
    this.#calls = new S3Calls(options);
    this.#objects = new S3Objects(this.#calls);
    this.#uploads = new S3Uploads(this.#calls);
  }

  urlOf(key: string): string {
    return `s3://${this.#options.bucket}/${this.#options.prefix}${key}`;
  }

  stage(key: string, {token}: {readonly token: string}): StagedObject {
    return new S3StagedObject(this.#objects, this.#uploads, this.#full(key), token);
  }

  async put(key: string, bytes: Buffer): Promise<void> {
    await this.#objects.put(this.#full(key), bytes);
  }

  async putIfAbsent(key: string, bytes: Buffer): Promise<boolean> {
    const there = await this.get(key);
    if (there !== null) return there.equals(bytes);
    try {
      await this.#objects.put(this.#full(key), bytes, {conditions: {IfNoneMatch: '*'}});
    } catch (error) {
      if (isNotOffered(error)) await this.put(key, bytes);
      // 412 may also be the answer to our own second try, when that to the first was lost: reading back tells.
      else if (httpStatusOf(error) !== 412) throw error;
    }
    // Stores that ignore the condition, or do not honour it under competition, let several through. The last one wins,
    // and after the pause all of them see who that is.
    await delay(SETTLE_MS);
    return (await this.get(key))?.equals(bytes) ?? false;
  }

  async advance(key: string, bytes: Buffer, isOlder: (there: Buffer | null) => boolean): Promise<boolean> {
    return await advance(this.#objects, this.#full(key), bytes, isOlder);
  }

  async get(key: string): Promise<Buffer | null> {
    return await this.#objects.get(this.#full(key));
  }

  async head(key: string): Promise<ObjectHead | null> {
    const head = await this.#objects.head(this.#full(key));
    return head && {contentLength: head.ContentLength ?? 0, token: head.Metadata?.[TOKEN] ?? null};
  }

  async *list(prefix: string, after?: string): AsyncGenerator<{readonly key: string; readonly contentLength: number}> {
    const {prefix: root} = this.#options;
    const listed = this.#objects.list(`${root}${prefix}`, after === undefined ? undefined : `${root}${after}`);
    for await (const {key, contentLength} of listed) yield {key: key.slice(root.length), contentLength};
  }

  async delete(keys: readonly string[]): Promise<void> {
    const limit = pLimit(DELETES_AT_ONCE);
    const results = await Promise.allSettled(
      keys.map((key) => limit(async () => await this.#objects.delete(this.#full(key)))),
    );
    const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    // They share their cause nearly always; the first one says it, and which key.
    if (errors.length > 0) throw errors[0];
  }

  async sweep(prefix: string): Promise<number> {
    let count = 0;
    for await (const {key, id} of this.#uploads.listUnfinished(`${this.#options.prefix}${prefix}`)) {
      if (await this.#uploads.abort(key, id)) count++;
    }
    return count;
  }

  async check(): Promise<StoreTraits> {
    return await checkS3(this.#objects, this.#uploads, this.#options.prefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls[Symbol.asyncDispose]();
  }

  #full(key: string): string {
    assertKey(key);
    return `${this.#options.prefix}${key}`;
  }
}
