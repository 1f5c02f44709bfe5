import pLimit, {type LimitFunction} from 'p-limit';

export interface ConcurrencyOptions {
  /** Requests a second that the budget lets through; 0 for no limit. */
  readonly requestsPerSecond: number;
  /** Never more in flight than this. */
  readonly maxConcurrency: number;
}

/** Requests in flight beyond rate x latency, so that an uneven latency leaves no slot unused. */
const MARGIN = 1.5;
/** Least share of a new latency in the running mean; that of the first ones is a plain mean, or a guess would outlive them. */
const LEAST_WEIGHT = 0.1;
/** So many may wait for their slot however far ahead slots are booked: who shares a budget has to stand in its queue. */
const ALWAYS_WAITING = 2;
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
  #latencies = 0;
  #atServer = 0;
  #wakeSent: () => void = () => undefined;
  #nextSent = this.#makeNextSent();
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

  /**
   * Would one more only wait: for a place, or, where a rate sets the pace, behind slots that are already booked? Who shares
   * the rate with other processes needs fewer places than rate x latency, and the bookings of all tell so. A longer queue
   * of booked slots is lost when a list ends, and whoever asks for one page after the other waits behind it.
   * @param bookedMs how far ahead the slots of the credential are booked
   */
  isFull(bookedMs: number): boolean {
    const asked = this.#limit.activeCount + this.#limit.pendingCount;
    if (asked >= this.allowed) return true;
    return this.isPaced && asked - this.#atServer >= ALWAYS_WAITING && bookedMs > (MARGIN - 1) * this.#latencyMs;
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

  /** Resolves when the next request is sent, which then waits for its slot no more. */
  get nextSent(): Promise<void> {
    return this.#nextSent;
  }

  /** Runs what is sent once the task of `run` has its slot. */
  async send<T>(exchange: () => Promise<T>): Promise<T> {
    this.#atServer += 1;
    this.#wakeSent();
    this.#nextSent = this.#makeNextSent();
    try {
      return await exchange();
    } finally {
      this.#atServer -= 1;
    }
  }

  /** A good answer came after `latencyMs`. */
  succeeded(latencyMs: number): void {
    this.#latencies += 1;
    this.#latencyMs += Math.max(LEAST_WEIGHT, 1 / this.#latencies) * (latencyMs - this.#latencyMs);
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

  #makeNextSent(): Promise<void> {
    return new Promise((resolve) => (this.#wakeSent = resolve));
  }

  #wanted(): number {
    const byRate = this.#rate === 0 ? this.#max : Math.ceil(((this.#rate * this.#latencyMs) / 1000) * MARGIN) + 1;
    return Math.max(1, Math.min(byRate, this.#ceiling, this.#max));
  }
}
