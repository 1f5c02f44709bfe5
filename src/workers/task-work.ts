import {setTimeout as sleep} from 'node:timers/promises';
import {SyncError} from '../core/errors.ts';
import {DEFAULT_RETRY, nextStep, type RetryPolicy} from '../core/retry.ts';
import {apply} from '../jobs/apply.ts';
import {crawl, failureOf} from '../jobs/crawl.ts';
import type {JobDeps} from '../jobs/deps.ts';
import {seal} from '../jobs/seal.ts';
import {FenceLostError, mayPass} from '../store/errors.ts';
import {countRequests, endEarly} from '../store/runs.ts';
import {releaseTask, reportOn, takeTask, type HeldTask} from '../store/tasks.ts';
import {RequestCounter} from './request-counter.ts';
import type {RunStops} from './run-stops.ts';

/** What a worker needs to work on the tasks of any run. */
export interface WorkParts {
  readonly deps: JobDeps;
  readonly stops: RunStops;
  /** Told after each request and commit, for whoever watches this process. */
  readonly onSign: () => void;
}

/**
 * Takes the task, does it, and says what came of it. A task that is done, held by another or not ready costs one
 * statement. One that is under way when the signal comes goes back, unspent.
 */
export type TaskWork = (taskId: string, drain: AbortSignal) => Promise<void>;

export function taskWork(parts: WorkParts): TaskWork {
  return async (taskId, drain) => {
    const task = await takeTask(parts.deps.store, taskId);
    if (task !== null) await workOn(parts, task, drain);
  };
}

async function workOn(parts: WorkParts, task: HeldTask, drain: AbortSignal): Promise<void> {
  const {store} = parts.deps;
  const lost = new AbortController();
  // A seal goes to its end also when its run ends early: it asks nothing then.
  const ended = task.kind === 'seal' ? null : parts.stops.listen(task.runId);
  const signal = AbortSignal.any([drain, lost.signal, ...(ended === null ? [] : [ended.signal])]);
  const log = parts.deps.log.child({run: task.runId, stream: task.stream || task.kind, attempt: task.attempt});
  const signs = new Signs(parts, task, lost);
  const deps: JobDeps = {
    ...parts.deps,
    client: parts.deps.client.observedBy(signs.counter),
    log,
    onProgress: (progress) => {
      signs.note();
      parts.deps.onProgress(progress);
    },
  };
  try {
    await work(deps, task, () => signs.note(), signal);
  } catch (error) {
    if (error instanceof FenceLostError) {
      log.warn({task: task.taskId}, 'task was taken over');
      return;
    }
    const hasStoreFailed = !signal.aborted && (await waitForStore(deps, task, error, signal));
    if (!hasStoreFailed && !signal.aborted && task.kind !== 'apply') await endRunFor(deps, task, error);
    await releaseTask(store, task, hasStoreFailed);
  } finally {
    ended?.close();
    await signs.close();
  }
}

/** A task that the store fails is tried again so often, in pauses of half a second to eight. */
const STORE_RETRY: RetryPolicy = {...DEFAULT_RETRY, baseMs: 500};

/**
 * Was it the store that failed the task, in a way that may pass (a restart, a deadlock), and is it to be tried again? Then
 * waits, since it would be at once: what was committed stays, and the next attempt goes on from there. A store that is
 * away for longer takes the task back no more than it takes anything else: then the lease gives it to the next.
 */
async function waitForStore({log}: JobDeps, task: HeldTask, error: unknown, signal: AbortSignal): Promise<boolean> {
  if (!mayPass(error)) return false;
  const step = nextStep(error, task.storeFailures + 1, STORE_RETRY, () => 1);
  if (step.do !== 'wait') return false;
  log.warn({err: error, attempt: task.attempt, durationMs: step.ms}, 'the store failed the task: it is tried again');
  await sleep(step.ms, undefined, {signal}).catch(() => undefined);
  return true;
}

/** How often the ledger hears of a task that is worked on, ms. */
const REPORT_EVERY_MS = 1_000;

/** Tells the ledger, while a task is worked on, that it is, and how many requests it took; and hears whether it is to end. */
class Signs {
  readonly counter: RequestCounter;
  readonly #parts: WorkParts;
  readonly #task: HeldTask;
  readonly #lost: AbortController;
  readonly #timer: NodeJS.Timeout;
  #hasMoved = false;
  #isReporting = false;

  /** @param lost aborted when the task is another's by now */
  constructor(parts: WorkParts, task: HeldTask, lost: AbortController) {
    this.#parts = parts;
    this.#task = task;
    this.#lost = lost;
    this.counter = new RequestCounter(() => this.note());
    this.#timer = setInterval(() => void this.#report(), Math.min(parts.deps.store.leaseMs / 3, REPORT_EVERY_MS));
  }

  note(): void {
    this.#hasMoved = true;
    this.#parts.onSign();
  }

  /** One at a time: what has to wait must not take one connection after the other from those who work. */
  async #report(): Promise<void> {
    if (this.#isReporting) return;
    this.#isReporting = true;
    const {deps, stops} = this.#parts;
    const hasMoved = this.#hasMoved;
    this.#hasMoved = false;
    try {
      const ended = await reportOn(deps.store, this.#task, hasMoved);
      if (ended !== null) stops.stop(this.#task.runId, new Error(ended));
      await this.#count();
    } catch (error) {
      this.#hasMoved ||= hasMoved;
      if (error instanceof FenceLostError) this.#lost.abort(error);
      else deps.log.debug({err: error}, 'lease was not renewed');
    } finally {
      this.#isReporting = false;
    }
  }

  async #count(): Promise<void> {
    const counts = this.counter.take();
    if (counts.requests > 0 || counts.waitedMs > 0)
      await countRequests(this.#parts.deps.store, this.#task.runId, counts);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#count();
  }
}

async function work(deps: JobDeps, task: HeldTask, onSign: () => void, signal: AbortSignal): Promise<void> {
  switch (task.kind) {
    case 'crawl':
      await crawl(deps, task, signal);
      return;
    case 'seal':
      await seal(deps, task, signal);
      return;
    case 'apply':
      await apply(deps, task, onSign, signal);
  }
}

/** What one stream meets may end the whole run: quota, credential, store, or what nobody foresaw. */
async function endRunFor({store, log}: JobDeps, task: HeldTask, error: unknown): Promise<void> {
  if (!(error instanceof SyncError)) log.error({err: error}, 'task failed unexpectedly');
  else log.warn({code: error.code, err: error}, 'run was ended early');
  await endEarly(store, task.runId, failureOf(error), task);
}
