import {SourceThrottledError} from '../core/source-errors.ts';
import type {RequestReport, RetryReport, SourceObserver} from '../source/observer.ts';
import type {RequestCounts} from '../store/runs.ts';

/** Counts what a task asks of the API. */
export class RequestCounter implements SourceObserver {
  #requests = 0;
  #throttled = 0;
  #waitedMs = 0;
  readonly #onSign: () => void;

  /** @param onSign told after each request */
  constructor(onSign: () => void) {
    this.#onSign = onSign;
  }

  requested(report: RequestReport): void {
    if (report.outcome === 'aborted') return;
    this.#requests++;
    this.#waitedMs += report.slotWaitMs;
    if (report.outcome === 'throttled') this.#throttled++;
    this.#onSign();
  }

  retrying({error, waitMs}: RetryReport): void {
    // After a throttled answer the budget pauses: that is in the wait for the next slot.
    if (!(error instanceof SourceThrottledError)) this.#waitedMs += waitMs;
    this.#onSign();
  }

  /** What was counted since the last time. */
  take(): RequestCounts {
    const waitedMs = Math.round(this.#waitedMs);
    const counted = {requests: this.#requests, throttled: this.#throttled, waitedMs};
    this.#requests = 0;
    this.#throttled = 0;
    this.#waitedMs -= waitedMs;
    return counted;
  }
}
