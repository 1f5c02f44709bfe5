import {setTimeout as sleep} from 'node:timers/promises';
import type {RunVerdict} from '../core/outcome.ts';
import {finish, INTERRUPTED} from '../jobs/finish.ts';
import type {Run, Store} from '../store/ledger.ts';
import {abandonCrawls, driveOn, earlyEnd, endEarly, runState, type RunReport} from '../store/runs.ts';
import {abandonApplies, openApplies} from '../store/applies.ts';
import {readyTasks} from '../store/tasks.ts';
import type {RunStops} from './run-stops.ts';
import type {TaskQueue} from './task-queue.ts';

/** What drives a run: the ledger says what is left, the queue gives it out. */
export interface DriveParts {
  readonly store: Store;
  readonly queue: TaskQueue;
  readonly stops: RunStops;
  /** Resolves when something has happened in this process that may have moved the run on. */
  readonly changed: () => Promise<void>;
  readonly stallMs: number;
  /** Epoch ms of the last sign of life; the run is ended when there has been none for `stallMs`. */
  readonly lastSignMs: () => number;
  readonly now: () => number;
  /** Why jobs fail again and again without anything moving in between: the store itself, then. null: they do not. */
  readonly failing: () => Error | null;
}

/** The ledger is looked at this often even when nothing seems to have happened: a hint may be lost, the truth is not. */
const LOOK_EVERY_MS = 200;

/**
 * Sees a run to its end: gives out its tasks as they become ready, again where a job was lost, ends it early when it has
 * to, and gives it its outcome. Any other process may work on the same tasks. Repeating it after a crash is harmless.
 */
export async function driveRun(
  parts: DriveParts,
  run: Run,
  signal: AbortSignal,
): Promise<{report: RunReport; verdict: RunVerdict}> {
  const {store, queue, stops} = parts;
  let renewedMs = 0;
  for (;;) {
    const failing = parts.failing();
    if (failing !== null) throw failing;
    const state = await runState(store, run.runId);
    if (state === undefined || state === 'finished') break;
    if (state === 'closed' && (await openApplies(store, run.runId)) === 0) break;
    if (parts.now() - renewedMs > store.leaseMs / 3) {
      await driveOn(store, run);
      renewedMs = parts.now();
    }
    if (state === 'reading') await endWhereDue(parts, run, signal);
    if (state === 'closed') await leaveSinksWhereDue(parts, run, signal);
    for (const task of await readyTasks(store, run.runId)) await queue.give(task, store.presence.holder);
    await Promise.race([parts.changed(), sleep(LOOK_EVERY_MS)]);
  }
  stops.forget(run.runId);
  return await finish(store, run.runId);
}

/** A signal, a stall or a cause that a task has noted ends the run: its crawls stop, and what is left is sealed. */
async function endWhereDue(parts: DriveParts, run: Run, signal: AbortSignal): Promise<void> {
  const {store, stops, stallMs} = parts;
  if (signal.aborted) await endEarly(store, run.runId, interruption(signal.reason));
  if (parts.now() - parts.lastSignMs() > stallMs) {
    const message = `nothing moved for ${Math.round(stallMs / 1000)} s (run.stall_seconds)`;
    await endEarly(store, run.runId, {code: 'SYNC_RUN_STALLED', message, cause: 'unexpected'});
  }
  const cause = await earlyEnd(store, run.runId);
  if (cause === null) return;
  stops.stop(run.runId, new Error(cause.message));
  await abandonCrawls(store, run.runId);
}

/** A signal, or a sink that hangs: the orders that are under way stop, and their sinks are behind. */
async function leaveSinksWhereDue(parts: DriveParts, run: Run, signal: AbortSignal): Promise<void> {
  const {store, stops, stallMs} = parts;
  const isStalled = parts.now() - parts.lastSignMs() > stallMs;
  if (!signal.aborted && !isStalled) return;
  if (signal.aborted) await endEarly(store, run.runId, interruption(signal.reason));
  stops.stop(
    run.runId,
    new Error(isStalled ? `nothing moved for ${Math.round(stallMs / 1000)} s` : 'the process was told to end'),
  );
  await abandonApplies(store, run.runId);
}

function interruption(reason: unknown) {
  const name = reason instanceof Interrupted ? reason.signalName : 'SIGTERM';
  return {code: INTERRUPTED[name], message: `ended by ${name}`, cause: 'unexpected'} as const;
}

/** Why everything stops: the process was told to end. */
export class Interrupted extends Error {
  readonly signalName: 'SIGINT' | 'SIGTERM';

  constructor(signalName: 'SIGINT' | 'SIGTERM') {
    super(`ended by ${signalName}`);
    this.signalName = signalName;
  }
}
