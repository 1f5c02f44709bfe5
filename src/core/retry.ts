import {SyncError} from './errors.ts';
import {SourceThrottledError} from './source-errors.ts';

/** How often and how patiently one call is tried again where it is made. */
export interface RetryPolicy {
  /** Tries after the first one. */
  readonly maxRetries: number;
  /** Upper end of the first pause, ms; doubles with each try. */
  readonly baseMs: number;
  /** Longest pause that is waited out here, ms; a longer one that was asked for goes back to the queue. */
  readonly maxWaitMs: number;
  /** First pause after a throttled answer that names none, ms. Source: Clarifai's Rate Limits page says 15 s. */
  readonly throttledMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {maxRetries: 5, baseMs: 500, maxWaitMs: 20_000, throttledMs: 15_000};

export type RetryStep = {do: 'wait'; ms: number} | {do: 'defer'; ms: number} | {do: 'stop'};

/**
 * What to do after `attempt` (1 is the first try) failed with `error`. `random` yields [0, 1).
 * The other side's own figure is taken as it is. A throttled answer without one waits without jitter: the slots of
 * the budget spread the callers out afterwards. All else gets full jitter. Unknown errors are bugs, never retried.
 */
export function nextStep(error: unknown, attempt: number, policy: RetryPolicy, random: () => number): RetryStep {
  if (!(error instanceof SyncError) || !error.retryable) return {do: 'stop'};
  const askedMs = error.retryAfterMs;
  if (askedMs !== undefined && askedMs > policy.maxWaitMs) return {do: 'defer', ms: askedMs};
  if (attempt > policy.maxRetries) return {do: 'stop'};
  if (askedMs !== undefined) return {do: 'wait', ms: askedMs};
  if (error instanceof SourceThrottledError)
    return {do: 'wait', ms: doubled(policy.throttledMs, attempt, policy.maxWaitMs)};
  return {do: 'wait', ms: Math.round(random() * doubled(policy.baseMs, attempt, policy.maxWaitMs))};
}

const doubled = (firstMs: number, attempt: number, capMs: number) => Math.min(firstMs * 2 ** (attempt - 1), capMs);
