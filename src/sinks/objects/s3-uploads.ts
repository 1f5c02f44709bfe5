import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import {SinkUnavailableError} from '../errors.ts';
import {LONG_CALL_LIMIT_MS, type S3Calls} from './s3-calls.ts';
import {httpStatusOf, storeCodeOf} from './s3-errors.ts';
import {bodyOf, keeping} from './s3-requests.ts';

/** Multipart uploads of a bucket: the calls, with what stores answer for an upload that is gone made alike. */
export class S3Uploads {
  readonly calls: S3Calls;
  readonly #bucket: string;

  constructor(calls: S3Calls) {
    this.calls = calls;
    this.#bucket = calls.options.bucket;
  }

  /** A lost answer leaves an upload that nobody knows; `listUnfinished` finds it. */
  async create(key: string, metadata: Record<string, string>): Promise<string> {
    const kept = keeping(this.calls.options, {staged: true});
    const command = new CreateMultipartUploadCommand({Bucket: this.#bucket, Key: key, Metadata: metadata, ...kept});
    const answer = await this.calls.send('CreateMultipartUpload', key, (client, opts) => client.send(command, opts));
    if (answer.UploadId !== undefined) return answer.UploadId;
    throw new SinkUnavailableError(`CreateMultipartUpload s3://${this.#bucket}/${key}: the answer names no upload`);
  }

  /** Sends one part; again under the same number, it takes the place of the first. */
  async part(key: string, id: string, number: number, bytes: Buffer, signal: AbortSignal): Promise<CompletedPart> {
    const command = new UploadPartCommand({
      Bucket: this.#bucket,
      Key: key,
      UploadId: id,
      PartNumber: number,
      ...bodyOf(this.calls.options, bytes),
    });
    const {ETag, ChecksumCRC32} = await this.calls.send(
      'UploadPart',
      key,
      (client, opts) => client.send(command, opts),
      {
        signal,
        limitMs: LONG_CALL_LIMIT_MS,
      },
    );
    // A store that has made a checksum of the part's bytes may want it back.
    return {PartNumber: number, ETag, ...(ChecksumCRC32 === undefined ? {} : {ChecksumCRC32})};
  }

  /** Tried once: after an error the caller must look whether the object is there. */
  async complete(key: string, id: string, parts: readonly CompletedPart[]): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      Bucket: this.#bucket,
      Key: key,
      UploadId: id,
      MultipartUpload: {Parts: [...parts]},
    });
    await this.calls.send('CompleteMultipartUpload', key, (client, opts) => client.send(command, opts), {
      once: true,
      limitMs: LONG_CALL_LIMIT_MS,
    });
  }

  /** Does the upload still wait for its completion? Stores answer 404 with different words for one that is gone. */
  async isOpen(key: string, id: string): Promise<boolean> {
    const command = new ListPartsCommand({Bucket: this.#bucket, Key: key, UploadId: id, MaxParts: 1});
    try {
      await this.calls.send('ListParts', key, (client, opts) => client.send(command, opts));
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  /** Ends the upload and frees its parts; false when it is gone already. */
  async abort(key: string, id: string): Promise<boolean> {
    const command = new AbortMultipartUploadCommand({Bucket: this.#bucket, Key: key, UploadId: id});
    try {
      await this.calls.send('AbortMultipartUpload', key, (client, opts) => client.send(command, opts));
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  /** Uploads below a prefix that were begun and not ended, whoever did. Some stores list none (`check` says so). */
  async *listUnfinished(prefix: string): AsyncGenerator<{readonly key: string; readonly id: string}> {
    let markers: {KeyMarker?: string; UploadIdMarker?: string} = {};
    for (;;) {
      const command = new ListMultipartUploadsCommand({Bucket: this.#bucket, Prefix: prefix, ...markers});
      const page = await this.calls.send('ListMultipartUploads', prefix, (client, opts) => client.send(command, opts));
      for (const {Key, UploadId} of page.Uploads ?? []) {
        if (Key?.startsWith(prefix) && UploadId !== undefined) yield {key: Key, id: UploadId};
      }
      if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return;
      markers = {
        KeyMarker: page.NextKeyMarker,
        ...(page.NextUploadIdMarker === undefined ? {} : {UploadIdMarker: page.NextUploadIdMarker}),
      };
    }
  }
}

const isGone = (error: unknown): boolean => httpStatusOf(error) === 404 && storeCodeOf(error) !== 'NoSuchBucket';
