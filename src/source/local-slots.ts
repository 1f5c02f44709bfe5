import {spacingMs, takeSlot, type SlotPolicy} from '../core/gcra.ts';
import type {SlotReply, SlotSource} from './budget.ts';
import {REAL_TIMING, type Timing} from './pause.ts';

/** Slots are reserved at most this far ahead, ms; more callers than fit wait outside. */
const AHEAD_MS = 1500;

/** Slots for a credential that only this process uses. Several processes need a SlotSource that they share. */
export class LocalSlots implements SlotSource {
  readonly #policy: SlotPolicy;
  readonly #timing: Pick<Timing, 'now'>;
  #freeMs = -Infinity;

  /** @param requestsPerSecond over 0: without a limit there are no slots to give */
  constructor(requestsPerSecond: number, headroom: number, timing: Pick<Timing, 'now'> = REAL_TIMING) {
    this.#policy = {stepMs: spacingMs(requestsPerSecond, headroom), aheadMs: AHEAD_MS, leadMs: 0};
    this.#timing = timing;
  }

  reserve(): Promise<SlotReply> {
    const nowMs = this.#timing.now();
    const grant = takeSlot(this.#freeMs, nowMs, this.#policy);
    if ('retryInMs' in grant) return Promise.resolve(grant);
    this.#freeMs = grant.freeMs;
    return Promise.resolve({atMs: grant.atMs, nowMs});
  }

  pause(pauseMs: number): Promise<void> {
    this.#freeMs = Math.max(this.#freeMs, this.#timing.now() + pauseMs);
    return Promise.resolve();
  }
}
