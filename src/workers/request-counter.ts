import type {RequestReport, RetryReport, SourceObserver} from '../source/observer.ts';

/** Counts what a task asks of the API. */
export class RequestCounter implements SourceObserver {
  #requests = 0;
  #throttled = 0;
  readonly #onSign: () => void;

  /** @param onSign told after each request */
  constructor(onSign: () => void) {
    this.#onSign = onSign;
  }

  requested(report: RequestReport): void {
    if (report.outcome === 'aborted') return;
    this.#requests++;
    if (report.outcome === 'throttled') this.#throttled++;
    this.#onSign();
  }

  retrying(_report: RetryReport): void {
    this.#onSign();
  }

  /** What was counted since the last time. */
  take(): {readonly requests: number; readonly throttled: number} {
    const counted = {requests: this.#requests, throttled: this.#throttled};
    this.#requests = 0;
    this.#throttled = 0;
    return counted;
  }
}
