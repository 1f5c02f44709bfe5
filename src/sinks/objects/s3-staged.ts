import type {CompletedPart} from '@aws-sdk/client-s3';
import {randomUUID} from 'node:crypto';
import {assert, SyncError} from '../../core/errors.ts';
import {nextStep} from '../../core/retry.ts';
import {SinkRefusedError, StagedLostError} from '../errors.ts';
import {ContentDigest} from './content-digest.ts';
import type {StagedObject} from './object-store.ts';
import {storeCodeOf} from './s3-errors.ts';
import type {S3Objects} from './s3-objects.ts';
import {TOKEN} from './s3-requests.ts';
import type {S3Uploads} from './s3-uploads.ts';

/** S3 wants 5 MiB at least for all but the last part, and takes 10,000 of them. */
const PART_BYTES = 8 * 1024 * 1024;
/** Fewer bytes are held back and put at once: one request, and nothing that could be left behind. */
const SMALL_BYTES = 1024 * 1024;
/** Member of the metadata by which an object is known to come of this very upload. */
const UPLOAD = 'upload';

/**
 * A multipart upload that is completed by `publish`, or a few bytes in memory that are put then. While one part is on
 * its way the next one is filled. The upload's id never leaves this process (facts-s3.md, section 7).
 */
export class S3StagedObject implements StagedObject {
  readonly #objects: S3Objects;
  readonly #uploads: S3Uploads;
  readonly #key: string;
  readonly #metadata: Record<string, string>;
  readonly #digest = new ContentDigest();
  readonly #stopped = new AbortController();
  /** Filled from the start; `#filled` bytes of it count. */
  #buffer = Buffer.alloc(0);
  #filled = 0;
  #upload: Promise<string> | null = null;
  #onItsWay: Promise<void> = Promise.resolve();
  readonly #parts: CompletedPart[] = [];
  #partCount = 0;
  #ready: Promise<void> | null = null;

  constructor(objects: S3Objects, uploads: S3Uploads, key: string, token: string) {
    this.#objects = objects;
    this.#uploads = uploads;
    this.#key = key;
    this.#metadata = {[TOKEN]: token, [UPLOAD]: randomUUID()};
  }

  async write(bytes: Buffer): Promise<void> {
    assert(this.#ready === null, 'bytes after the end of a staged object', {key: this.#key});
    this.#digest.add(bytes);
    for (let from = 0; from < bytes.length;) {
      this.#makeRoom(bytes.length - from);
      const taken = bytes.copy(this.#buffer, this.#filled, from);
      this.#filled += taken;
      from += taken;
      if (this.#filled === PART_BYTES) await this.#sendPart();
    }
  }

  /** Few bytes take little memory, and many a whole part's at once. */
  #makeRoom(wanted: number): void {
    if (this.#filled + wanted <= this.#buffer.length || this.#buffer.length === PART_BYTES) return;
    const doubled = Math.max(2 * this.#buffer.length, this.#filled + wanted);
    const larger = Buffer.allocUnsafe(doubled > SMALL_BYTES ? PART_BYTES : doubled);
    this.#buffer.copy(larger, 0, 0, this.#filled);
    this.#buffer = larger;
  }

  /** Sets the filled part going, once the one before has arrived. */
  async #sendPart(): Promise<void> {
    await this.#onItsWay;
    const part = this.#buffer.subarray(0, this.#filled);
    this.#buffer = Buffer.alloc(0);
    this.#filled = 0;
    const number = ++this.#partCount;
    this.#onItsWay = this.#uploadPart(number, part);
    // Whoever comes next, `write` or `ready`, hears of it.
    this.#onItsWay.catch(() => undefined);
  }

  async #uploadPart(number: number, part: Buffer): Promise<void> {
    this.#upload ??= this.#uploads.create(this.#key, this.#metadata);
    const id = await this.#upload;
    this.#parts.push(await this.#uploads.part(this.#key, id, number, part, this.#stopped.signal));
  }

  async ready(): Promise<{readonly contentLength: number; readonly sha256: string}> {
    this.#ready ??= this.#store();
    await this.#ready;
    return this.#digest.end();
  }

  async #store(): Promise<void> {
    if (this.#partCount > 0 || this.#filled >= SMALL_BYTES) {
      if (this.#filled > 0) await this.#sendPart();
      await this.#onItsWay;
    } else {
      this.#buffer = Buffer.from(this.#buffer.subarray(0, this.#filled));
    }
  }

  async publish(): Promise<void> {
    await this.ready();
    if (this.#upload === null) {
      await this.#objects.put(this.#key, this.#buffer, {metadata: this.#metadata});
    } else if (!(await this.#isPublished())) {
      await this.#complete(await this.#upload);
    }
  }

  /**
   * A completion whose answer was lost, or that was repeated, is told from one that failed by the object that is there:
   * stores answer a second completion with 200, 404 or 500 (facts-s3.md, section 1).
   */
  async #complete(id: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#uploads.complete(this.#key, id, this.#parts);
      } catch (error) {
        if (await this.#isPublished()) return;
        if (LOST.has(storeCodeOf(error) ?? '')) throw this.#lost(error);
        if (error instanceof SinkRefusedError) throw error;
        if (!(await this.#uploads.isOpen(this.#key, id))) {
          // Another completion of ours may have come to its end between the two questions.
          if (await this.#isPublished()) return;
          throw this.#lost(error);
        }
        const step = nextStep(error, attempt, this.#uploads.calls.options.retry, Math.random);
        if (step.do !== 'wait') throw error;
        await this.#uploads.calls.pause(step.ms);
      }
    }
  }

  async #isPublished(): Promise<boolean> {
    const head = await this.#objects.head(this.#key);
    return head?.Metadata?.[UPLOAD] === this.#metadata[UPLOAD] && head?.ContentLength === this.#digest.length;
  }

  #lost(cause: unknown): StagedLostError {
    const {name, bucket} = this.#uploads.calls.options;
    const code = storeCodeOf(cause);
    const context = {...(cause instanceof SyncError ? cause.context : {})};
    return new StagedLostError(
      `sink ${name}: s3://${bucket}/${this.#key}: the upload is gone before its completion (${code ?? 'no code'}): it was aborted or has expired`,
      {cause, context},
    );
  }

  async abandon(): Promise<void> {
    this.#stopped.abort();
    this.#buffer = Buffer.alloc(0);
    // A part that arrives after the abort would stay: none is on its way any more when it is asked for.
    await this.#onItsWay.catch(() => undefined);
    // One that was never created is nothing to abort.
    const id = await this.#upload?.catch(() => null);
    if (id !== undefined && id !== null) await this.#uploads.abort(this.#key, id);
  }
}

/** The store has other parts than ours under this upload, or none. */
const LOST = new Set(['NoSuchUpload', 'InvalidPart', 'InvalidPartOrder', 'EntityTooSmall']);
