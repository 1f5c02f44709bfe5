/** The simulator's time. Runs with the machine's unless it was fixed; can be moved either way. */
export class SimulatorClock {
  #fixedMs: number | null;
  #offsetMs = 0;

  constructor(fixedMs: number | null = null) {
    this.#fixedMs = fixedMs;
  }

  nowMs(): number {
    return (this.#fixedMs ?? Date.now()) + this.#offsetMs;
  }

  /** Microseconds: those of the machine's clock, or none of a second's thousandth when the time is fixed. */
  nowUs(): number {
    if (this.#fixedMs !== null) return Math.round(this.nowMs() * 1000);
    return Math.round((performance.timeOrigin + performance.now() + this.#offsetMs) * 1000);
  }

  /** Stops the clock at this moment; null lets it run with the machine's again. */
  fix(ms: number | null): void {
    this.#fixedMs = ms;
    this.#offsetMs = 0;
  }

  advance(ms: number): void {
    this.#offsetMs += ms;
  }
}
