import {setMaxListeners} from 'node:events';

/** A signal that is aborted with `parent`, or before it. Unlink it when done: the parent may live as long as the process. */
export class LinkedAbort {
  readonly #parent: AbortSignal;
  readonly #own = new AbortController();
  readonly #onAbort = () => this.#own.abort(this.#parent.reason);

  constructor(parent: AbortSignal) {
    this.#parent = parent;
    // One signal of a run, many calls under it: more than the ten listeners at which Node warns of a leak.
    setMaxListeners(0, parent, this.#own.signal);
    if (parent.aborted) this.#onAbort();
    else parent.addEventListener('abort', this.#onAbort, {once: true});
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  /** Aborts this signal alone. */
  abort(reason: Error): void {
    this.#own.abort(reason);
  }

  unlink(): void {
    this.#parent.removeEventListener('abort', this.#onAbort);
  }
}
