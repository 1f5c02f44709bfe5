import type {RunOutcome} from './outcome.ts';

export const NOTIFY_EVENTS = ['failed', 'partial', 'drift', 'recovered'] as const;

/** What sends a message (contract, section 3, `notify.on`). */
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

/** What is known at the end of a run beside its outcome. */
export interface EndFacts {
  /** The last run of the scope that succeeded or not was a failed or a partial one, or one could not even begin. */
  readonly wasBad: boolean;
  /** Source and mirror have differed in count for so long now that it is no change under way; told once. */
  readonly hasDrifted: boolean;
}

/** What the end of a run has to tell. Runs that were interrupted or throttled go on by themselves, and tell nothing. */
export function eventsOf(outcome: RunOutcome, {wasBad, hasDrifted}: EndFacts): NotifyEvent[] {
  const events: NotifyEvent[] = hasDrifted ? ['drift'] : [];
  if (outcome === 'failed' || outcome === 'partial') return [outcome, ...events];
  if (outcome === 'succeeded' && wasBad) return ['recovered', ...events];
  return events;
}

/** Tries of one message; together some eight hours. */
export const MAX_ATTEMPTS = 15;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 3_600_000;

/** How long after try `attempt` (1 is the first) the next one may begin, ms. */
export function pauseAfter(attempt: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
}
