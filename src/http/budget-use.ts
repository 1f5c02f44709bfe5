import type {RecentWork} from '../store/recent-work.ts';

/** Over how long the requests per second are taken, ms: workers note theirs in the ledger every two seconds. */
const WINDOW_MS = 10_000;

/**
 * Requests per second of all workers, from what they note in the ledger: differences between one look and the next, so
 * that it holds for workers in other processes too.
 */
export class BudgetUse {
  readonly #known = new Map<string, number>();
  #total = 0;
  #looks: {readonly atMs: number; readonly total: number}[] = [];

  /** Takes in a look at the runs that are active or have just ended. */
  look(runs: readonly RecentWork[], nowMs: number): void {
    const lastMs = this.#looks.at(-1)?.atMs ?? nowMs;
    for (const {runId, requests, startedAt} of runs) {
      // What a run had done before it was first seen belongs to this window only if it has begun since.
      const before = this.#known.get(runId) ?? (startedAt.getTime() >= lastMs ? 0 : requests);
      this.#total += Math.max(0, requests - before);
      this.#known.set(runId, requests);
    }
    const present = new Set(runs.map(({runId}) => runId));
    for (const runId of this.#known.keys()) if (!present.has(runId)) this.#known.delete(runId);
    this.#looks = [...this.#looks.filter(({atMs}) => nowMs - atMs <= WINDOW_MS), {atMs: nowMs, total: this.#total}];
  }

  /** null while it has not been looked at for long enough. */
  perSecond(): number | null {
    const [first, last] = [this.#looks[0], this.#looks.at(-1)];
    if (first === undefined || last === undefined || last.atMs - first.atMs < 1_000) return null;
    return ((last.total - first.total) * 1_000) / (last.atMs - first.atMs);
  }
}
