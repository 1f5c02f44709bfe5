import type {S3Client} from '@aws-sdk/client-s3';
import {setTimeout as delay} from 'node:timers/promises';
import {nextStep} from '../../core/retry.ts';
import {SinkRefusedError, SinkUnavailableError} from '../errors.ts';
import {openClient} from './s3-client.ts';
import {abortedError, s3Error, storeCodeOf, type S3Call} from './s3-errors.ts';
import type {S3Options} from './s3-options.ts';

/** How one call is made. */
export interface CallOptions {
  /** Ends it early: the object that it was for is not wanted any more. */
  readonly signal?: AbortSignal;
  /** Tried once only (by the client's own few attempts): the caller decides what follows. */
  readonly once?: boolean;
  /** Longest time that one try may take, the client's own attempts included, ms; then it is not tried again. */
  readonly limitMs?: number;
}

const CALL_LIMIT_MS = 120_000;
/** Of calls that carry a part, or put parts together: S3 may take minutes for it. */
export const LONG_CALL_LIMIT_MS = 600_000;

/**
 * Calls of one bucket, each with a time limit, retried where it is safe and may help, and with errors of our own. Every
 * call that goes through here may be repeated harmlessly.
 */
export class S3Calls implements AsyncDisposable {
  readonly options: S3Options;
  readonly #client: S3Client;
  readonly #closed = new AbortController();
  readonly #underWay = new Set<AbortController>();

  constructor(options: S3Options) {
    this.options = options;
    this.#client = openClient(options);
  }

  /**
   * @param call sends one command and reads the whole answer; run again for each try
   * @throws SinkUnavailableError, SinkRefusedError
   */
  async send<Result>(
    name: string,
    key: string,
    call: (client: S3Client, options: {abortSignal: AbortSignal}) => Promise<Result>,
    {signal, once = false, limitMs = CALL_LIMIT_MS}: CallOptions = {},
  ): Promise<Result> {
    const {name: sink, bucket, retry} = this.options;
    const at: S3Call = {sink, name, bucket, key};
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#try(at, call, limitMs, signal);
      } catch (error) {
        const step = nextStep(error, attempt, retry, Math.random);
        // Ended by us: it was tried for as long as it may take, or is not wanted any more.
        if (once || step.do !== 'wait' || storeCodeOf(error) === 'AbortError') throw error;
        await this.pause(step.ms, signal);
      }
    }
  }

  /** Waits, unless the store is closed or the signal is aborted meanwhile. */
  async pause(ms: number, signal: AbortSignal = this.#closed.signal): Promise<void> {
    try {
      await delay(ms, undefined, {signal});
    } catch (cause) {
      throw new SinkUnavailableError(`sink ${this.options.name}: given up while waiting for the store`, {cause});
    }
  }

  async #try<Result>(
    at: S3Call,
    call: (client: S3Client, options: {abortSignal: AbortSignal}) => Promise<Result>,
    limitMs: number,
    signal?: AbortSignal,
  ): Promise<Result> {
    const abort = new AbortController();
    const onAbort = (): void => abort.abort('it was given up');
    const timer = setTimeout(() => abort.abort(`it took longer than ${limitMs / 1000} s`), limitMs);
    signal?.addEventListener('abort', onAbort, {once: true});
    if (signal?.aborted || this.#closed.signal.aborted) onAbort();
    this.#underWay.add(abort);
    try {
      await this.#knowsRegion(at);
      return await call(this.#client, {abortSignal: abort.signal});
    } catch (error) {
      throw abort.signal.aborted ? abortedError(String(abort.signal.reason), at) : s3Error(error, at);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.#underWay.delete(abort);
    }
  }

  /** The client throws a nameless error for this. It remembers the answer, so asking costs nothing. */
  async #knowsRegion(at: S3Call): Promise<void> {
    try {
      await this.#client.config.region();
    } catch (cause) {
      const message = `sink ${at.sink}: no region is set for bucket ${at.bucket}: set region, or AWS_REGION`;
      throw new SinkRefusedError(message, {cause, context: {sink: at.sink, bucket: at.bucket}});
    }
  }

  /** Ends the calls under way and closes the connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    for (const abort of this.#underWay) abort.abort('the store was closed');
    this.#client.destroy();
  }
}
