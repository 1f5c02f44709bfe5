/** How long a measured offset is used, ms: clocks drift. */
const LIFE_MS = 30_000;

interface Measured {
  readonly valueMs: number;
  readonly delayMs: number;
}

/** What clocks may drift apart within the life of a measurement, ms; what is beyond is a jump. */
const DRIFT_MS = 10;

const UNKNOWN: Measured = {valueMs: 0, delayMs: Infinity};

/**
 * How far another clock is before ours, from answers that told its time. The quickest answer of the last half minute to a
 * minute tells it best: the error is at most half of what the answer took. A clock that jumps (a machine that slept, one that
 * was set) is known by the first answer that cannot be right by the old offset.
 */
export class ClockOffset {
  #best = UNKNOWN;
  #bestOfWindow = UNKNOWN;
  #windowSinceMs = -Infinity;

  /**
   * The offset in ms, from all that was measured until now.
   * @param theirNowMs what the other clock said to a question that was asked at `askedMs` and answered at `answeredMs`
   */
  measured(theirNowMs: number, askedMs: number, answeredMs: number): number {
    const windowAgeMs = answeredMs - this.#windowSinceMs;
    if (windowAgeMs > LIFE_MS) {
      this.#best = windowAgeMs > 2 * LIFE_MS ? UNKNOWN : this.#bestOfWindow;
      this.#bestOfWindow = UNKNOWN;
      this.#windowSinceMs = answeredMs;
    }
    const measured = {valueMs: theirNowMs - (askedMs + answeredMs) / 2, delayMs: answeredMs - askedMs};
    const errorMs = (measured.delayMs + this.#best.delayMs) / 2;
    if (Math.abs(measured.valueMs - this.#best.valueMs) > errorMs + DRIFT_MS) this.#best = this.#bestOfWindow = UNKNOWN;
    if (measured.delayMs <= this.#bestOfWindow.delayMs) this.#bestOfWindow = measured;
    if (measured.delayMs <= this.#best.delayMs) this.#best = measured;
    return this.#best.valueMs;
  }
}
