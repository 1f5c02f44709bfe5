/** What a task of a run hears of its run's end by, until it is closed. */
export interface StopHeard {
  readonly signal: AbortSignal;
  /** The task is over. May be repeated. */
  readonly close: () => void;
}

/**
 * Stops what this process is doing for a run when the run ends early. Only what goes on at that moment: a run that is
 * taken up and read on gives the same tasks out again, and whether those may begin is for the ledger to say.
 */
export class RunStops {
  readonly #open = new Map<string, Set<AbortController>>();

  listen(runId: string): StopHeard {
    const controller = new AbortController();
    const ofRun = this.#open.get(runId) ?? new Set();
    this.#open.set(runId, ofRun.add(controller));
    const close = (): void => {
      ofRun.delete(controller);
      if (ofRun.size === 0 && this.#open.get(runId) === ofRun) this.#open.delete(runId);
    };
    return {signal: controller.signal, close};
  }

  /** May be repeated, and is while the end goes on: a task may have been given out a moment before. */
  stop(runId: string, reason: Error): void {
    for (const controller of this.#open.get(runId) ?? []) controller.abort(reason);
  }
}
