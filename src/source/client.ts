import {setMaxListeners} from 'node:events';
import type {ApiClass} from '../core/api-codes.ts';
import type {ApiStatus, RecordPlace} from '../core/envelope.ts';
import {assert, UsageError} from '../core/errors.ts';
import {parseRetryAfter} from '../core/retry-after.ts';
import {nextStep, type RetryPolicy} from '../core/retry.ts';
import type {SourceError} from '../core/source-errors.ts';
import type {Budget} from './budget.ts';
import type {Concurrency} from './concurrency.ts';
import type {RequestReport, SourceObserver} from './observer.ts';
import {fillPath, queryString, type PathParams, type Query} from './paths.ts';
import {pause} from './pause.ts';
import {apiCodeOf, readExchange, type Reading} from './reading.ts';
import {refusalError} from './refusal.ts';
import type {Transport} from './transport.ts';

/** A good answer: its bytes as they came, and where the records in them are. */
export interface Answer {
  readonly bytes: Buffer;
  readonly status: ApiStatus;
  /** Bounds of the records, see Envelope; empty when the call named no place for records. */
  readonly spans: Int32Array;
  /** Elements of the list that held no record (hits without an annotation). */
  readonly skipped: number;
  readonly httpStatus: number;
  /** When the try that succeeded was sent, epoch ms of our clock. */
  readonly askedAtMs: number;
  /** The answer's Date header, epoch ms of the API's clock; null when absent or unreadable. */
  readonly dateMs: number | null;
}

export interface CallOptions {
  /** Where the records are in the answer. */
  readonly records?: RecordPlace;
  /** The caller can ask for less: a timeout is a SourcePageTooLargeError at once, and not tried again as it is. */
  readonly isShrinkable?: boolean;
}

/** What a client is made of. The transport, budget and concurrency may be shared with others on the credential. */
export interface ClientParts {
  /** With or without a path; no trailing slash needed. */
  readonly baseUrl: URL;
  readonly pat: string;
  /** The API puts it in front of each answer's req_id, by which its makers find a request. */
  readonly requestIdPrefix: string;
  readonly transport: Transport;
  readonly budget: Budget;
  readonly concurrency: Concurrency;
  readonly retry: RetryPolicy;
  readonly observers: readonly SourceObserver[];
  /** Epoch ms. */
  readonly now: () => number;
  /** Yields [0, 1). */
  readonly random: () => number;
}

const MAX_REDIRECTS = 3;

interface Call {
  readonly method: 'GET' | 'POST';
  readonly template: string;
  readonly path: string;
  readonly query: string;
  readonly body: string | null;
  readonly options: CallOptions;
}

/** What came of one request, and when it was sent. */
interface Sent {
  readonly reading: Reading;
  readonly askedAtMs: number;
}

/** One try of a call, ended. */
type Try = {readonly answer: Answer} | {readonly error: SourceError; readonly isThrottled: boolean};

/**
 * Calls of the Clarifai API. Each try of each call waits for a place among the requests in flight and for its own
 * slot of the budget; failures that pass by themselves are tried again here, and nowhere else.
 */
export class ApiClient {
  readonly #parts: ClientParts;
  readonly #headers: Readonly<Record<string, string>>;

  /** Throws UsageError for a credential that cannot be sent in a header. */
  constructor(parts: ClientParts) {
    if (!/^[\x21-\x7e]+$/.test(parts.pat)) {
      throw new UsageError('source.pat: expected printable ASCII characters without spaces, found others, or none');
    }
    this.#parts = parts;
    this.#headers = {
      authorization: `Key ${parts.pat}`,
      'x-clarifai-request-id-prefix': parts.requestIdPrefix,
      accept: 'application/json',
      'accept-encoding': 'gzip',
    };
  }

  /** Is the rate of requests limited? */
  get isPaced(): boolean {
    return this.#parts.concurrency.isPaced;
  }

  /** Resolves when the next request is sent: there may be room for another then. */
  get nextSent(): Promise<void> {
    return this.#parts.concurrency.nextSent;
  }

  /** Would a request that is made now only wait: for a place among those in flight, or behind booked slots? */
  get isFull(): boolean {
    return this.#parts.concurrency.isFull(this.#parts.budget.bookedMs);
  }

  /** The same client, telling `observer` too; everything else is shared. */
  observedBy(observer: SourceObserver): ApiClient {
    return new ApiClient({...this.#parts, observers: [...this.#parts.observers, observer]});
  }

  /** Answers of class ok only; all else is thrown as one of core/source-errors.ts, or the signal's reason. */
  async get(template: string, params: PathParams, query: Query, options: CallOptions, signal: AbortSignal) {
    const path = fillPath(template, params);
    return await this.#call({method: 'GET', template, path, query: queryString(query), body: null, options}, signal);
  }

  /** As `get`. Only for calls that change nothing (searches): they are sent again after a failure. */
  async post(template: string, params: PathParams, body: object, options: CallOptions, signal: AbortSignal) {
    const path = fillPath(template, params);
    return await this.#call({method: 'POST', template, path, query: '', body: JSON.stringify(body), options}, signal);
  }

  /** Ends all connections, those of clients made by `observedBy` too. */
  async close(): Promise<void> {
    await this.#parts.transport.close();
  }

  async #call(call: Call, signal: AbortSignal): Promise<Answer> {
    const {budget, retry, random, observers} = this.#parts;
    // Many calls share the signal of one run: more than the ten listeners at which Node warns of a leak.
    setMaxListeners(0, signal);
    for (let attempt = 1; ; attempt++) {
      const tried = await this.#try(call, attempt, signal);
      if ('answer' in tried) return tried.answer;
      const {error, isThrottled} = tried;
      const step = nextStep(error, attempt, retry, random);
      // Everybody on the credential pauses; this call then waits with them, for its next slot.
      if (isThrottled) await budget.throttled(step.do === 'stop' ? (error.retryAfterMs ?? retry.throttledMs) : step.ms);
      if (step.do !== 'wait') throw error;
      for (const observer of observers) observer.retrying({template: call.template, attempt, error, waitMs: step.ms});
      if (!isThrottled) await pause(step.ms, signal);
    }
  }

  /** Follows redirects; each hop is a request of its own, with its own slot. */
  async #try(call: Call, attempt: number, signal: AbortSignal): Promise<Try> {
    const {baseUrl} = this.#parts;
    let path = baseUrl.pathname.replace(/\/$/, '') + call.path + call.query;
    for (let hops = 0; ; hops++) {
      const sent = await this.#send(call, path, attempt, signal);
      const location = redirectOf(sent.reading);
      if (location === null) return this.#judge(call, sent);
      if (hops === MAX_REDIRECTS)
        return this.#refuse(call, sent.reading, 'moved', `redirected more than ${MAX_REDIRECTS} times`);
      const target = URL.canParse(location, baseUrl.href) ? new URL(location, baseUrl) : null;
      if (target?.origin !== baseUrl.origin) {
        const reason = `redirected to ${target?.origin ?? 'what is no address'}, where the credential must not go`;
        return this.#refuse(call, sent.reading, 'moved', reason);
      }
      path = target.pathname + target.search;
    }
  }

  /** One request: a place in flight first, the slot last, so that nothing comes between the slot and sending. */
  async #send(call: Call, path: string, attempt: number, signal: AbortSignal): Promise<Sent> {
    const calledAtMs = performance.now();
    return await this.#parts.concurrency.run(async () => {
      const placedAtMs = performance.now();
      const waits = {placeWaitMs: placedAtMs - calledAtMs};
      // One that comes too late for its slot, because a connection had to be made, is not sent, and takes another.
      let sent: Sent | null = null;
      while (sent === null)
        sent = await this.#sendInSlot(call, path, {...reportBase(call, attempt), ...waits}, placedAtMs, signal);
      return sent;
    }, signal);
  }

  async #sendInSlot(
    call: Call,
    path: string,
    base: ReturnType<typeof reportBase> & {readonly placeWaitMs: number},
    placedAtMs: number,
    signal: AbortSignal,
  ): Promise<Sent | null> {
    const {transport, budget, concurrency, now} = this.#parts;
    const slotMs = await this.#slot(signal);
    const sentAtMs = performance.now();
    const askedAtMs = now();
    const request = {method: call.method, path, headers: this.#headersFor(call), body: call.body};
    const report = {...base, slotWaitMs: sentAtMs - placedAtMs};
    const exchange = await concurrency
      .send(() => transport.exchange(request, signal, () => budget.mayLeave(slotMs)))
      .catch((reason: unknown) => {
        this.#report({...report, ...ABORTED, durationMs: performance.now() - sentAtMs});
        throw reason;
      });
    if (exchange === null) return null;
    const durationMs = performance.now() - sentAtMs;
    const reading = readExchange(exchange, call.options.records ?? null);
    if (reading.is === 'ok') concurrency.succeeded(durationMs);
    if (reading.is === 'throttled') concurrency.throttled(sentAtMs, performance.now());
    this.#report({...report, durationMs, ...reportOf(reading)});
    return {reading, askedAtMs};
  }

  /** What need not wait for a slot makes its connection when it is sent. */
  #slot(signal: AbortSignal): Promise<number> {
    const {transport, budget} = this.#parts;
    return budget.isPaced ? transport.connectDuring(() => budget.take(signal)) : budget.take(signal);
  }

  #judge(call: Call, {reading, askedAtMs}: Sent): Try {
    const {is, bytes, status, spans, skipped, httpStatus} = reading;
    if (is !== 'ok') return this.#refuse(call, reading, is, reading.reason);
    assert(httpStatus !== null, 'a good answer has an HTTP status');
    const dateMs = Date.parse(reading.header('date') ?? '');
    return {
      answer: {bytes, status, spans, skipped, httpStatus, askedAtMs, dateMs: Number.isNaN(dateMs) ? null : dateMs},
    };
  }

  #refuse(call: Call, reading: Reading, is: Exclude<ApiClass, 'ok'>, reason: string | null): Try {
    const {code, description, details, reqId} = reading.status;
    const refusal = {
      method: call.method,
      path: call.path,
      httpStatus: reading.httpStatus,
      code: typeof code === 'string' ? this.#clean(code) : code,
      description: this.#clean(description),
      details: this.#clean(details),
      reqId: this.#clean(reqId),
      reason,
      retryAfterMs: parseRetryAfter(reading.header('retry-after'), this.#parts.now()),
      cause: reading.cause,
    };
    const error = refusalError(is, refusal, call.options.isShrinkable === true);
    return {error, isThrottled: is === 'throttled'};
  }

  /** A server may say the credential back to us ("key … is invalid"). */
  #clean(text: string | null): string | null {
    return text === null ? null : text.replaceAll(this.#parts.pat, '[redacted]');
  }

  #headersFor(call: Call): Record<string, string> {
    return call.body === null ? {...this.#headers} : {...this.#headers, 'content-type': 'application/json'};
  }

  #report(report: RequestReport): void {
    for (const observer of this.#parts.observers) observer.requested(report);
  }
}

const ABORTED = {outcome: 'aborted', httpStatus: null, apiCode: null, bytes: 0} as const;

const reportBase = ({method, template}: Call, attempt: number) => ({method, template, attempt});

const reportOf = (reading: Reading) => ({
  outcome: reading.httpStatus === null && reading.is === 'retry' ? ('network' as const) : reading.is,
  httpStatus: reading.httpStatus,
  apiCode: apiCodeOf(reading),
  bytes: reading.bytes.length,
});

/** Only these keep the method; others would turn a search into a GET. */
const redirectOf = (reading: Reading) =>
  reading.httpStatus === 307 || reading.httpStatus === 308 ? reading.header('location') : null;
