import {SLOT_GUARD_MS} from '../core/gcra.ts';
import {SourceThrottledError} from '../core/source-errors.ts';
import {REAL_TIMING, type Timing} from './pause.ts';

/** A slot at `atMs`, where the giver's clock stood at `nowMs`; or the advice to ask again. */
export type SlotReply = {readonly atMs: number; readonly nowMs: number} | {readonly retryInMs: number};

/** Gives out the moments at which a credential may send a request, to all of its workers. */
export interface SlotSource {
  /** Reserves the next slot. Rejects when whoever keeps the slots cannot be reached: then nothing may be sent. */
  reserve(): Promise<SlotReply>;
  /** Gives out no slot in the next `pauseMs`. */
  pause(pauseMs: number): Promise<void>;
}

/** How long a measured offset between the giver's clock and ours is used, ms: clocks drift. */
const OFFSET_LIFE_MS = 30_000;

/**
 * The requests that one credential may send: `take` returns when one may leave now.
 *
 * A slot is a moment, not a permission to keep. One used late would meet those that follow it, and that second would
 * see too many requests; so whoever wakes up more than 20 ms late (a blocked or frozen process) drops its slot and
 * reserves anew. Callers take their slot last of all, and send at once.
 */
export class Budget {
  readonly #slots: SlotSource | null;
  readonly #maxPauseMs: number;
  readonly #timing: Timing;
  #pausedUntilMs = -Infinity;
  #dropped = 0;
  /** Slots whose callers were aborted before their time, on our clock. */
  #spareMs: number[] = [];
  #bookedUntilMs = -Infinity;
  #offset = {valueMs: 0, delayMs: Infinity, measuredMs: -Infinity};

  /**
   * @param slots null for no limit; a pause is honoured all the same
   * @param maxPauseMs callers are not kept waiting for a longer pause than this; they get a SourceThrottledError
   */
  constructor(slots: SlotSource | null, maxPauseMs: number, timing: Timing = REAL_TIMING) {
    this.#slots = slots;
    this.#maxPauseMs = maxPauseMs;
    this.#timing = timing;
  }

  /** Slots that were reserved and not used because they had come too late, or fell into a pause. */
  get dropped(): number {
    return this.#dropped;
  }

  /** How far ahead slots were booked when one was last asked for, ms from now; Infinity when there was none to be had. */
  get bookedMs(): number {
    return Math.max(0, this.#bookedUntilMs - this.#timing.now());
  }

  /** Waits until a request may be sent. */
  async take(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#waitOutPause(signal);
      if (this.#slots === null) return;
      const atMs = this.#spare() ?? (await this.#reserve(this.#slots, signal));
      if (atMs === null) continue;
      await this.#waitFor(atMs, signal);
      const nowMs = this.#timing.now();
      if (nowMs - atMs <= SLOT_GUARD_MS && this.#pausedUntilMs <= nowMs) return;
      this.#dropped += 1;
    }
  }

  /** The API refused for sending too much: nobody on this credential sends for `pauseMs`. */
  async throttled(pauseMs: number): Promise<void> {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#timing.now() + pauseMs);
    await this.#slots?.pause(pauseMs);
  }

  /** Waits for a slot. Who is aborted meanwhile (what was asked for beyond the end of a list) leaves it to whoever asks next. */
  async #waitFor(atMs: number, signal: AbortSignal): Promise<void> {
    try {
      // A timer may fire a little early.
      for (let leftMs = atMs - this.#timing.now(); leftMs > 0; leftMs = atMs - this.#timing.now())
        await this.#timing.pause(leftMs, signal);
    } catch (error) {
      this.#spareMs.push(atMs);
      throw error;
    }
  }

  /** The earliest slot that somebody left and whose time has not come. */
  #spare(): number | null {
    const nowMs = this.#timing.now();
    const [first, ...others] = this.#spareMs.filter((atMs) => atMs >= nowMs).sort((a, b) => a - b);
    this.#spareMs = others;
    return first ?? null;
  }

  async #waitOutPause(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (
      let leftMs = this.#pausedUntilMs - this.#timing.now();
      leftMs > 0;
      leftMs = this.#pausedUntilMs - this.#timing.now()
    ) {
      if (leftMs > this.#maxPauseMs) {
        const message = `the API asked for a pause of ${Math.ceil(leftMs / 1000)} s on this credential`;
        throw new SourceThrottledError(message, {retryAfterMs: Math.ceil(leftMs)});
      }
      await this.#timing.pause(leftMs, signal);
    }
  }

  /** When the reserved slot is, on our clock; null after having waited as told, to ask again. */
  async #reserve(slots: SlotSource, signal: AbortSignal): Promise<number | null> {
    const askedMs = this.#timing.now();
    const reply = await slots.reserve();
    if ('retryInMs' in reply) {
      if (reply.retryInMs > this.#maxPauseMs) {
        const message = `no request may be sent on this credential for ${Math.ceil(reply.retryInMs / 1000)} s`;
        throw new SourceThrottledError(message, {retryAfterMs: Math.ceil(reply.retryInMs)});
      }
      this.#bookedUntilMs = Infinity;
      await this.#timing.pause(reply.retryInMs, signal);
      return null;
    }
    this.#bookedUntilMs = reply.atMs - this.#offsetOf(reply.nowMs, askedMs, this.#timing.now());
    return this.#bookedUntilMs;
  }

  /** Their clock less ours. The quickest reply tells it best: the error is at most half of its delay. */
  #offsetOf(theirNowMs: number, askedMs: number, answeredMs: number): number {
    const delayMs = answeredMs - askedMs;
    if (delayMs <= this.#offset.delayMs || answeredMs - this.#offset.measuredMs > OFFSET_LIFE_MS) {
      this.#offset = {valueMs: theirNowMs - (askedMs + answeredMs) / 2, delayMs, measuredMs: answeredMs};
    }
    return this.#offset.valueMs;
  }
}
