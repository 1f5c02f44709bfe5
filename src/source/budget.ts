import {SLOT_GUARD_MS} from '../core/gcra.ts';
import {SourceThrottledError} from '../core/source-errors.ts';
import {ClockOffset} from './clock-offset.ts';
import {REAL_TIMING, type Timing} from './pause.ts';

/** A slot at `atMs`, where the giver's clock stood at `nowMs`; or the advice to ask again. */
export type SlotReply = {readonly atMs: number; readonly nowMs: number} | {readonly retryInMs: number};

/** Gives out the moments at which a credential may send a request, to all of its workers. */
export interface SlotSource {
  /** The giver's clock, ms. Rejects as `reserve` does. */
  clock(): Promise<number>;
  /** Reserves the next slot. Rejects when whoever keeps the slots cannot be reached: then nothing may be sent. */
  reserve(): Promise<SlotReply>;
  /** Takes back a reserved slot that will not be used, for whoever asks next. A slot that is lost here costs no more than its time. */
  giveBack(atMs: number): Promise<void>;
  /** Gives out no slot in the next `pauseMs`, also none that was given back. */
  pause(pauseMs: number): Promise<void>;
}

/** A reserved slot, on our clock and on the giver's. */
interface Slot {
  readonly atMs: number;
  readonly theirAtMs: number;
}

/** The clock is read at most so often before the first slot; an answer within the other, ms, tells it well enough. */
const CLOCK_READS = 3;
const QUICK_MS = 5;

/**
 * The requests that one credential may send: `take` returns when one may leave now.
 *
 * A slot is a moment, not a permission to keep. One used late would meet those that follow it, and that second would
 * see too many requests; so whoever wakes up more than 20 ms late (a blocked or frozen process) drops its slot and
 * reserves anew. Callers take their slot last of all, and ask `mayLeave` at the moment of sending: a connection that had
 * to be made first may have taken its time.
 */
export class Budget {
  readonly #slots: SlotSource | null;
  readonly #maxPauseMs: number;
  readonly #timing: Timing;
  #pausedUntilMs = -Infinity;
  #dropped = 0;
  #bookedUntilMs = -Infinity;
  readonly #offset = new ClockOffset();
  #clockRead: Promise<void> | null = null;

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

  /** Is there a limit, so that requests wait for slots? */
  get isPaced(): boolean {
    return this.#slots !== null;
  }

  /** Waits until a request may be sent. Gives the slot's moment, for `mayLeave`. */
  async take(signal: AbortSignal): Promise<number> {
    for (;;) {
      await this.#waitOutPause(signal);
      if (this.#slots === null) return this.#timing.now();
      const slot = await this.#reserve(this.#slots, signal);
      if (slot === null) continue;
      await this.#waitFor(slot, this.#slots, signal);
      if (this.mayLeave(slot.atMs)) return slot.atMs;
    }
  }

  /** May the request of the slot at `atMs` be sent now? If not, its slot is gone: take another. */
  mayLeave(atMs: number): boolean {
    const nowMs = this.#timing.now();
    if (this.#slots === null || (nowMs - atMs <= SLOT_GUARD_MS && this.#pausedUntilMs <= nowMs)) return true;
    this.#dropped += 1;
    return false;
  }

  /** The API refused for sending too much: nobody on this credential sends for `pauseMs`. */
  async throttled(pauseMs: number): Promise<void> {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#timing.now() + pauseMs);
    await this.#slots?.pause(pauseMs);
  }

  /** Waits for a slot. Who is aborted meanwhile (what was asked for beyond the end of a list) gives it back. */
  async #waitFor({atMs, theirAtMs}: Slot, slots: SlotSource, signal: AbortSignal): Promise<void> {
    try {
      // A timer may fire a little early.
      for (let leftMs = atMs - this.#timing.now(); leftMs > 0; leftMs = atMs - this.#timing.now())
        await this.#timing.pause(leftMs, signal);
    } catch (error) {
      // It is nobody's then. Why the slots cannot be reached, the next one to reserve is told.
      void slots.giveBack(theirAtMs).catch(() => undefined);
      throw error;
    }
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

  /** null after having waited as told, to ask again. */
  async #reserve(slots: SlotSource, signal: AbortSignal): Promise<Slot | null> {
    await (this.#clockRead ??= this.#readClock(slots).catch((error: unknown) => {
      this.#clockRead = null;
      throw error;
    }));
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
    const atMs = reply.atMs - this.#offset.measured(reply.nowMs, askedMs, this.#timing.now());
    // One that was given back comes before others that are booked.
    this.#bookedUntilMs = Number.isFinite(this.#bookedUntilMs) ? Math.max(this.#bookedUntilMs, atMs) : atMs;
    return {atMs, theirAtMs: reply.atMs};
  }

  /** Asks for the time until the answer is quick, or often enough: the first answer waits for a connection, and tells it badly. */
  async #readClock(slots: SlotSource): Promise<void> {
    for (let asked = 0; asked < CLOCK_READS; asked++) {
      const askedMs = this.#timing.now();
      const theirNowMs = await slots.clock();
      const answeredMs = this.#timing.now();
      this.#offset.measured(theirNowMs, askedMs, answeredMs);
      if (answeredMs - askedMs <= QUICK_MS) return;
    }
  }
}
