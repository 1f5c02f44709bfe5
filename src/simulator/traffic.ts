/** One request that came in, by the simulator's clock and by a clock that only goes forward. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly atMs: number;
  readonly monotonicMs: number;
  /** HTTP status; 0 while unanswered, or when the connection was cut instead. */
  readonly status: number;
}

export interface TrafficStats {
  readonly total: number;
  /** Requests that the rate limit, or a fault, answered with 429. */
  readonly throttled: number;
  /** Most requests that came in during any second, and most of those that the limit let through. */
  readonly peakPerSecond: number;
  readonly peakAdmittedPerSecond: number;
  readonly byPath: Readonly<Record<string, number>>;
  readonly byStatus: Readonly<Record<string, number>>;
}

const WINDOW_MS = 1000;

/** Counts what happened within the last second, and the most that ever did. */
class SlidingSecond {
  peak = 0;
  #times: number[] = [];
  #first = 0;

  countAt(nowMs: number): number {
    while (this.#first < this.#times.length && (this.#times[this.#first] as number) <= nowMs - WINDOW_MS) this.#first++;
    return this.#times.length - this.#first;
  }

  add(nowMs: number): void {
    this.#times.push(nowMs);
    this.peak = Math.max(this.peak, this.countAt(nowMs));
    if (this.#first > 4096) {
      this.#times = this.#times.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** Log of requests, with the limit on how many are let through in any sliding second. */
export class Traffic {
  #arrived = 0;
  #log: (LoggedRequest & {status: number})[] = [];
  #all = new SlidingSecond();
  #admitted = new SlidingSecond();

  /** Notes a request on its arrival. */
  arrive(request: {method: string; path: string; query: string; atMs: number}): {status: number} {
    const entry = {...request, monotonicMs: performance.now(), status: 0};
    this.#log.push(entry);
    this.#arrived++;
    this.#all.add(entry.monotonicMs);
    return entry;
  }

  /** May this request be answered? `perSecond` 0 for no limit. Those that may not do not count against the others. */
  admit(perSecond: number): boolean {
    const nowMs = performance.now();
    if (perSecond > 0 && this.#admitted.countAt(nowMs) >= perSecond) return false;
    this.#admitted.add(nowMs);
    return true;
  }

  /** Requests since the start, whatever was cleared. */
  get arrived(): number {
    return this.#arrived;
  }

  get log(): readonly LoggedRequest[] {
    return this.#log;
  }

  stats(): TrafficStats {
    const byPath: Record<string, number> = {};
    const byStatus: Record<string, number> = {};
    for (const {method, path, status} of this.#log) {
      byPath[`${method} ${path}`] = (byPath[`${method} ${path}`] ?? 0) + 1;
      byStatus[status] = (byStatus[status] ?? 0) + 1;
    }
    return {
      total: this.#log.length,
      throttled: byStatus['429'] ?? 0,
      peakPerSecond: this.#all.peak,
      peakAdmittedPerSecond: this.#admitted.peak,
      byPath,
      byStatus,
    };
  }

  clear(): void {
    this.#log = [];
    this.#all = new SlidingSecond();
    // The limit itself goes on: clearing a log must not let more requests through.
    this.#admitted.peak = 0;
  }
}
