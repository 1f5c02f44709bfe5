import type {Job} from 'bullmq';
import {SyncError} from '../core/errors.ts';
import {apply} from '../jobs/apply.ts';
import {crawl, failureOf} from '../jobs/crawl.ts';
import type {JobDeps} from '../jobs/deps.ts';
import {seal} from '../jobs/seal.ts';
import type {ApiClient} from '../source/client.ts';
import {FenceLostError} from '../store/errors.ts';
import {countRequests, endEarly} from '../store/runs.ts';
import {releaseTask, renewLease, takeTask, type HeldTask} from '../store/tasks.ts';
import {RequestCounter} from './request-counter.ts';
import type {RunStops} from './run-stops.ts';
import type {TaskRef} from './task-queue.ts';

/** What a worker needs to work on the tasks of any run. */
export interface ProcessorParts {
  readonly deps: JobDeps;
  readonly client: ApiClient;
  readonly stops: RunStops;
  /** Told after each request and commit: what a run that hangs does not do. */
  readonly onSign: () => void;
}

/**
 * The function that BullMQ calls for a job: takes the task it names, does it, and says what came of it. A task that is
 * done, held by another or not ready costs one statement. BullMQ passes a signal only to a function that declares three
 * parameters.
 */
export function taskProcessor(
  parts: ProcessorParts,
): (job: Job<TaskRef>, token?: string, signal?: AbortSignal) => Promise<void> {
  return async (job, _token, signal) => {
    const task = await takeTask(parts.deps.store, job.data.taskId);
    if (task === null) return;
    await workOn(parts, task, signal ?? new AbortController().signal);
  };
}

async function workOn(parts: ProcessorParts, task: HeldTask, drain: AbortSignal): Promise<void> {
  const {store} = parts.deps;
  const counter = new RequestCounter(parts.onSign);
  const log = parts.deps.log.child({run: task.runId, stream: task.stream || task.kind, attempt: task.attempt});
  const deps: JobDeps = {
    ...parts.deps,
    client: parts.client.observedBy(counter),
    log,
    onProgress: (progress) => {
      parts.onSign();
      parts.deps.onProgress(progress);
    },
  };
  const lost = new AbortController();
  // A seal goes to its end also when its run ends early: it asks nothing then.
  const stop = task.kind === 'seal' ? [] : [parts.stops.signalOf(task.runId)];
  const signal = AbortSignal.any([drain, lost.signal, ...stop]);
  const renewal = setInterval(() => {
    renewLease(store, task).catch((error: unknown) => {
      if (error instanceof FenceLostError) lost.abort(error);
    });
  }, store.leaseMs / 3);
  try {
    await work(deps, task, parts.onSign, signal);
  } catch (error) {
    if (error instanceof FenceLostError) {
      log.warn({task: task.taskId}, 'task was taken over');
      return;
    }
    if (!signal.aborted && task.kind !== 'apply') await endRunFor(deps, task, error);
    await releaseTask(store, task);
  } finally {
    clearInterval(renewal);
    const {requests, throttled} = counter;
    await countRequests(store, task.runId, requests, throttled);
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
  await endEarly(store, task.runId, failureOf(error));
}
