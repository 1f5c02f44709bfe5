import {promisify} from 'node:util';
import {gunzip, gunzipSync} from 'node:zlib';
import {Pool, type Dispatcher} from 'undici';
import {LinkedAbort} from './linked-abort.ts';
import {ReadySockets} from './ready-sockets.ts';

/** Limits on one exchange; all times in ms. */
export interface TransportLimits {
  readonly connectMs: number;
  /** From the request's end to the answer's headers. The API cuts its own calls at about a minute: a little more. */
  readonly headersMs: number;
  /** Between two pieces of the body. */
  readonly bodyMs: number;
  /** The whole exchange. */
  readonly totalMs: number;
  /**
   * Largest body, as sent and as unpacked. The API documents 128 MB per answer; an eighth more for the envelope and
   * for MB that are MiB. What goes beyond is not an answer of this API, or one that we must ask for in parts.
   */
  readonly maxAnswerBytes: number;
}

export const DEFAULT_LIMITS: TransportLimits = {
  connectMs: 10_000,
  headersMs: 75_000,
  bodyMs: 30_000,
  totalMs: 180_000,
  maxAnswerBytes: 144 * 1024 * 1024,
};

/** What went wrong on the way; `timeout` is one of the exchange, not of connecting. */
export type Exchange =
  | {
      readonly kind: 'answered';
      readonly httpStatus: number;
      readonly bytes: Buffer;
      /** A header by its name in lower case; null when absent. */
      readonly header: (name: string) => string | null;
    }
  | {readonly kind: 'timeout' | 'too_large' | 'network'; readonly cause: unknown};

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** Percent-encoded, with the query; sent as it is. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** Piece by which a body is unpacked: with the default of 16 KiB it takes half as long again (facts-speed.md, section 1). */
const GUNZIP_CHUNK_BYTES = 1024 * 1024;
/** A packed body from here on is unpacked in the thread pool: in this thread it would make slots come too late. */
const GUNZIP_ASIDE_BYTES = 512 * 1024;
const gunzipAside = promisify(gunzip);

/** Keep-alive connections to one origin; one exchange of bytes at a time, no meaning, no second try. */
export class Transport {
  readonly #pool: Pool;
  readonly #limits: TransportLimits;
  readonly #connections: number;
  readonly #sockets: ReadySockets;
  /** Requests that will come soon. */
  #coming = 0;
  /** Connections that ended, and were not made again: the pool uses their places before those that are free. */
  #lost = 0;

  constructor(origin: string, connections: number, limits: TransportLimits) {
    this.#limits = limits;
    this.#connections = connections;
    this.#sockets = new ReadySockets(origin, limits.connectMs);
    this.#pool = new Pool(origin, {
      connections,
      pipelining: 1,
      keepAliveTimeout: 30_000,
      connect: this.#sockets.connector,
      headersTimeout: limits.headersMs,
      bodyTimeout: limits.bodyMs,
      maxResponseSize: limits.maxAnswerBytes,
    });
    this.#pool.on('disconnect', () => (this.#lost += 1));
    this.#pool.on('connect', () => (this.#lost = Math.max(0, this.#lost - 1)));
  }

  /** Connections that are open and have been used. */
  get connected(): number {
    return this.#pool.stats.connected;
  }

  /** Waits for the moment to send a request, and meanwhile makes a connection for it where none will be free. */
  async connectDuring<T>(wait: () => Promise<T>): Promise<T> {
    this.#coming += 1;
    // Not at once: the connection of an answer that was just read is free in the next turn.
    const making = setImmediate(() => this.#makeReady());
    try {
      return await wait();
    } finally {
      clearImmediate(making);
      this.#coming -= 1;
    }
  }

  /**
   * Sends and receives. Throws only the signal's reason; all that can happen on a network is told in the result.
   * @param mayLeave asked when the request leaves, which is after a connection was made where none was free
   * @returns null when it might not; nothing was sent then
   */
  async exchange(request: HttpRequest, signal: AbortSignal, mayLeave: () => boolean): Promise<Exchange | null> {
    signal.throwIfAborted();
    const within = new LinkedAbort(signal);
    let isOverdue = false;
    const timer = setTimeout(() => {
      isOverdue = true;
      within.abort(new Error(`the exchange took longer than ${this.#limits.totalMs} ms`));
    }, this.#limits.totalMs);
    try {
      return await this.#send(request, within.signal, mayLeave);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HeldBack) return null;
      return {kind: isOverdue ? 'timeout' : failureKind(error), cause: error};
    } finally {
      clearTimeout(timer);
      within.unlink();
    }
  }

  /** Ends all connections; what is under way fails. */
  async close(): Promise<void> {
    this.#sockets.close();
    await this.#pool.destroy();
  }

  #makeReady(): void {
    const {count} = this.#sockets;
    const isShort = this.#pool.stats.free + count < this.#coming + this.#lost;
    if (isShort && this.connected + count < this.#connections) this.#sockets.make();
  }

  async #send(request: HttpRequest, signal: AbortSignal, mayLeave: () => boolean): Promise<Exchange> {
    const answer = await this.#pool.compose(leavingIf(mayLeave)).request({...request, signal});
    const packed = Buffer.from(await answer.body.arrayBuffer());
    const header = (name: string) => {
      const value = answer.headers[name];
      return (Array.isArray(value) ? value[0] : value) ?? null;
    };
    const bytes = await unpack(packed, header('content-encoding'), this.#limits.maxAnswerBytes);
    return {kind: 'answered', httpStatus: answer.statusCode, bytes, header};
  }
}

class HeldBack extends Error {}

/** Passes all on, unless the request may not leave: what is thrown here fails it unsent, and its connection is kept. */
const leavingIf =
  (mayLeave: () => boolean): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        if (!mayLeave()) throw new HeldBack();
        handler.onRequestStart?.(controller, context);
      },
      onResponseStart: (...answer) => handler.onResponseStart?.(...answer),
      onResponseData: (...piece) => handler.onResponseData?.(...piece),
      onResponseEnd: (...end) => handler.onResponseEnd?.(...end),
      onResponseError: (...failure) => handler.onResponseError?.(...failure),
    });

async function unpack(packed: Buffer, encoding: string | null, maxOutputLength: number): Promise<Buffer> {
  const name = encoding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || name === '') return packed;
  if (name !== 'gzip' && name !== 'x-gzip') throw new Error(`content-encoding ${name} was not asked for`);
  // Some servers announce gzip for the empty body of an error.
  if (packed.length === 0) return packed;
  const options = {chunkSize: GUNZIP_CHUNK_BYTES, maxOutputLength};
  return packed.length < GUNZIP_ASIDE_BYTES ? gunzipSync(packed, options) : await gunzipAside(packed, options);
}

function failureKind(error: unknown): 'timeout' | 'too_large' | 'network' {
  switch (codeOf(error)) {
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return 'timeout';
    case 'UND_ERR_RES_EXCEEDED_MAX_SIZE':
    case 'ERR_BUFFER_TOO_LARGE':
      return 'too_large';
    default:
      return 'network';
  }
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : null);
