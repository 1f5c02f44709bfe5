import type {ApiClass} from '../core/api-codes.ts';

/** One exchange with the API, told when it is over. */
export interface RequestReport {
  readonly method: 'GET' | 'POST';
  /** The path's template, so a value with few values; never the ids in it. */
  readonly template: string;
  /** What the answer meant; `network`: there was none; `aborted`: we ended it. */
  readonly outcome: ApiClass | 'network' | 'aborted';
  readonly httpStatus: number | null;
  readonly apiCode: number | null;
  /** 1 for the first try of a call. */
  readonly attempt: number;
  /** Of the unpacked body. */
  readonly bytes: number;
  /** From sending to the last byte, ms. */
  readonly durationMs: number;
  /** Waited for a place among the requests in flight, ms. */
  readonly placeWaitMs: number;
  /** Waited for a slot of the budget, pauses included, ms. */
  readonly slotWaitMs: number;
}

/** A call that failed and is tried again. */
export interface RetryReport {
  readonly template: string;
  readonly attempt: number;
  readonly error: Error;
  /** How long until the next try may begin, ms. */
  readonly waitMs: number;
}

/** Who wants to know what the client does: metrics, a run's counters, a log. Must not throw. */
export interface SourceObserver {
  requested(report: RequestReport): void;
  retrying(report: RetryReport): void;
}
