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
  #pausedUntilMs = -Infinity;
  #spareMs: number[] = [];

  /** @param requestsPerSecond over 0: without a limit there are no slots to give */
  constructor(requestsPerSecond: number, headroom: number, timing: Pick<Timing, 'now'> = REAL_TIMING) {
    this.#policy = {stepMs: spacingMs(requestsPerSecond, headroom), aheadMs: AHEAD_MS, leadMs: 0};
    this.#timing = timing;
  }

  clock(): Promise<number> {
    return Promise.resolve(this.#timing.now());
  }

  reserve(): Promise<SlotReply> {
    const nowMs = this.#timing.now();
    const [spareMs, ...others] = this.#spareMs.filter((atMs) => atMs >= nowMs).sort((a, b) => a - b);
    this.#spareMs = others;
    if (spareMs !== undefined) return Promise.resolve({atMs: spareMs, nowMs});
    const grant = takeSlot(this.#freeMs, nowMs, this.#policy);
    if ('retryInMs' in grant) return Promise.resolve(grant);
    this.#freeMs = grant.freeMs;
    return Promise.resolve({atMs: grant.atMs, nowMs});
  }

  giveBack(atMs: number): Promise<void> {
    if (atMs >= this.#pausedUntilMs) this.#spareMs.push(atMs);
    return Promise.resolve();
  }

  pause(pauseMs: number): Promise<void> {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#timing.now() + pauseMs);
    this.#freeMs = Math.max(this.#freeMs, this.#pausedUntilMs);
    this.#spareMs = this.#spareMs.filter((atMs) => atMs >= this.#pausedUntilMs);
    return Promise.resolve();
  }
}
