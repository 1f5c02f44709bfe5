/** One signal for each run that this process works on: fired when the run ends early, whatever its tasks are doing. */
export class RunStops {
  readonly #stops = new Map<string, AbortController>();

  signalOf(runId: string): AbortSignal {
    return this.#of(runId).signal;
  }

  /** Ends the work on a run's crawls. May be repeated. */
  stop(runId: string, reason: Error): void {
    this.#of(runId).abort(reason);
  }

  forget(runId: string): void {
    this.#stops.delete(runId);
  }

  #of(runId: string): AbortController {
    let stop = this.#stops.get(runId);
    if (stop === undefined) this.#stops.set(runId, (stop = new AbortController()));
    return stop;
  }
}
