import {setTimeout as delay} from 'node:timers/promises';

/** Waits `ms`; throws the signal's reason as soon as it is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await delay(Math.max(0, ms), undefined, {signal});
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Time as waiting code sees it; tests bring their own. */
export interface Timing {
  /** ms that never go back, of any origin. */
  now(): number;
  /** Waits; throws the signal's reason when it is aborted. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

export const REAL_TIMING: Timing = {now: () => performance.now(), pause};
