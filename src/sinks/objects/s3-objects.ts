import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type HeadObjectCommandOutput,
} from '@aws-sdk/client-s3';
import {addAbortSignal, Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import type {S3Calls} from './s3-calls.ts';
import {httpStatusOf, storeCodeOf} from './s3-errors.ts';
import {bodyOf, keeping} from './s3-requests.ts';

/** Whole objects of a bucket by their full keys, prefix included. */
export class S3Objects {
  readonly calls: S3Calls;
  readonly #bucket: string;

  constructor(calls: S3Calls) {
    this.calls = calls;
    this.#bucket = calls.options.bucket;
  }

  /**
   * @param put.metadata makes it a staged object
   * @param put.conditions passed on as they are; a 412 or 501 is thrown as it comes
   */
  async put(
    key: string,
    bytes: Buffer,
    put: {metadata?: Record<string, string>; conditions?: {IfNoneMatch?: string; IfMatch?: string}} = {},
  ): Promise<{readonly etag: string | null}> {
    const {options} = this.calls;
    const {metadata, conditions} = put;
    const command = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      ...bodyOf(options, bytes),
      ...keeping(options, {staged: metadata !== undefined}),
      ...(metadata === undefined ? {} : {Metadata: metadata}),
      ...conditions,
    });
    const {ETag} = await this.calls.send('PutObject', key, (client, opts) => client.send(command, opts));
    return {etag: ETag ?? null};
  }

  /** null when there is none. */
  async get(key: string): Promise<Buffer | null> {
    return (await this.read(key))?.bytes ?? null;
  }

  /** The same with the mark of this very content, for a condition. */
  async read(key: string): Promise<{readonly bytes: Buffer; readonly etag: string | null} | null> {
    const command = new GetObjectCommand({Bucket: this.#bucket, Key: key});
    try {
      return await this.calls.send('GetObject', key, async (client, opts) => {
        const {Body, ETag} = await client.send(command, opts);
        // Limits and signal end with the headers as far as the client is concerned: the body gets them again.
        const bytes = Body instanceof Readable ? await buffer(addAbortSignal(opts.abortSignal, Body)) : Buffer.alloc(0);
        return {bytes, etag: ETag ?? null};
      });
    } catch (error) {
      if (storeCodeOf(error) === 'NoSuchKey') return null;
      throw error;
    }
  }

  /** null when there is none. An answer to HEAD has no body, so a missing bucket looks the same. */
  async head(key: string): Promise<HeadObjectCommandOutput | null> {
    const command = new HeadObjectCommand({Bucket: this.#bucket, Key: key});
    try {
      return await this.calls.send('HeadObject', key, (client, opts) => client.send(command, opts));
    } catch (error) {
      if (httpStatusOf(error) === 404) return null;
      throw error;
    }
  }

  async *list(prefix: string, after?: string): AsyncGenerator<{readonly key: string; readonly contentLength: number}> {
    for (let cursor: string | undefined; ;) {
      const command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        ...(after === undefined ? {} : {StartAfter: after}),
        ...(cursor === undefined ? {} : {ContinuationToken: cursor}),
      });
      const page = await this.calls.send('ListObjectsV2', prefix, (client, opts) => client.send(command, opts));
      for (const {Key, Size} of page.Contents ?? []) {
        // Not all stores know StartAfter.
        if (Key !== undefined && (after === undefined || Key > after)) yield {key: Key, contentLength: Size ?? 0};
      }
      if (page.IsTruncated !== true || page.NextContinuationToken === undefined) return;
      cursor = page.NextContinuationToken;
    }
  }

  /** One by one: DeleteObjects wants a checksum on which stores do not agree, and hides errors in a good answer. */
  async delete(key: string): Promise<void> {
    const command = new DeleteObjectCommand({Bucket: this.#bucket, Key: key});
    try {
      await this.calls.send('DeleteObject', key, (client, opts) => client.send(command, opts));
    } catch (error) {
      if (storeCodeOf(error) !== 'NoSuchKey') throw error;
    }
  }
}
