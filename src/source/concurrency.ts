import pLimit, {type LimitFunction} from 'p-limit';

export interface ConcurrencyOptions {
  /** Requests a second that the budget lets through; 0 for no limit. */
  readonly requestsPerSecond: number;
  /** Never more in flight than this. */
  readonly maxConcurrency: number;
}

/** Requests in flight beyond rate x latency, so that an uneven latency leaves no slot unused. */
const MARGIN = 1.5;
/** Share of a new latency in the running mean. */
const LATENCY_WEIGHT = 0.1;
/** Before the first answer, ms. */
const GUESSED_LATENCY_MS = 300;

/**
 * How many requests are in flight. By Little's law rate x latency of them use up the budget; more would only queue
 * up in front of it or at the server. A throttled answer halves what is allowed, and as many good answers as are
 * allowed raise it by one again.
 */
export class Concurrency {
  readonly #rate: number;
  readonly #max: number;
  readonly #limit: LimitFunction;
  #latencyMs = GUESSED_LATENCY_MS;
  #ceiling: number;
  #goodSinceRaise = 0;
  #loweredAtMs = -Infinity;

  constructor({requestsPerSecond, maxConcurrency}: ConcurrencyOptions) {
    this.#rate = requestsPerSecond;
    this.#max = maxConcurrency;
    this.#ceiling = maxConcurrency;
    this.#limit = pLimit(this.#wanted());
  }

  /** How many may be in flight now. */
  get allowed(): number {
    return this.#limit.concurrency;
  }

  /** Is there a rate that sets how many are wanted? */
  get isPaced(): boolean {
    return this.#rate > 0;
  }

  /** Would one more have to wait for a place? */
  get isFull(): boolean {
    return this.#limit.activeCount + this.#limit.pendingCount >= this.allowed;
  }

  /** Runs `task` when there is a place for it; throws the signal's reason if that is aborted first. */
  run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, {once: true});
      // A place that comes after the abort is given back at once. The task itself takes the same signal.
      const started = this.#limit(async () => {
        signal.removeEventListener('abort', onAbort);
        signal.throwIfAborted();
        return await task();
      });
      started.then(resolve, reject);
    });
  }

  /** A good answer came after `latencyMs`. */
  succeeded(latencyMs: number): void {
    this.#latencyMs += LATENCY_WEIGHT * (latencyMs - this.#latencyMs);
    this.#goodSinceRaise += 1;
    if (this.#ceiling < this.#max && this.#goodSinceRaise >= this.#ceiling) {
      this.#ceiling += 1;
      this.#goodSinceRaise = 0;
    }
    this.#limit.concurrency = this.#wanted();
  }

  /** A request that was sent at `sentAtMs` was throttled. All that were in flight at the time count as one. */
  throttled(sentAtMs: number, nowMs: number): void {
    if (sentAtMs <= this.#loweredAtMs) return;
    this.#loweredAtMs = nowMs;
    this.#goodSinceRaise = 0;
    this.#ceiling = Math.max(1, Math.floor(this.allowed / 2));
    this.#limit.concurrency = this.#wanted();
  }

  #wanted(): number {
    const byRate = this.#rate === 0 ? this.#max : Math.ceil(((this.#rate * this.#latencyMs) / 1000) * MARGIN) + 1;
    return Math.max(1, Math.min(byRate, this.#ceiling, this.#max));
  }
}
