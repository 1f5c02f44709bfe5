import {setTimeout as sleep} from 'node:timers/promises';
import {Interrupted} from '../core/interrupted.ts';
import type {NotifyEvent} from '../core/notify.ts';
import type {RunVerdict} from '../core/outcome.ts';
import {finish, INTERRUPTED} from '../jobs/finish.ts';
import {driveOn, leaveRun, silentMs} from '../store/driving.ts';
import {RunActiveError} from '../store/errors.ts';
import type {Failure, Run, Store} from '../store/ledger.ts';
import type {RunReport} from '../store/run-reports.ts';
import {abandonCrawls, earlyEnd, endEarly, runState} from '../store/runs.ts';
import {abandonApplies, openApplies} from '../store/applies.ts';
import {makeWay} from '../store/slices.ts';
import {readyTasks} from '../store/tasks.ts';
import type {RunStops} from './run-stops.ts';
import type {TaskGiver} from './tasks.ts';

/** What drives a run: the ledger says what is left, and it is given out. */
export interface DriveParts {
  readonly store: Store;
  readonly tasks: TaskGiver;
  readonly stops: RunStops;
  /** Resolves when something has happened in this process that may have moved the run on. */
  readonly changed: () => Promise<void>;
  /** The run is ended when nothing in it has moved for so long. */
  readonly stallMs: number;
  /** What the end of this process means for the run: it ends too, or whoever comes next goes on with it. */
  readonly atSignal: 'end' | 'leave';
  readonly now: () => number;
  /** Why jobs fail again and again without anything moving in between: the store itself, then. null: they do not. */
  readonly failing: () => Error | null;
  /** When a full run makes way for what is fresh; null: never. */
  readonly slices: Slices | null;
  /** Events that send a message. */
  readonly notifyOn: readonly NotifyEvent[];
}

/** How a full run is cut into slices, so that what is fresh need not wait for its end. */
export interface Slices {
  /** It is reading for so long at least, ms. */
  readonly sliceMs: number;
  /** Would another full run of the scope do the same as this one? */
  readonly mayBeCarriedOn: (run: Run) => boolean;
}

/** What came of a run that was driven. */
export interface Driven {
  readonly report: RunReport;
  readonly verdict: RunVerdict;
}

/** Code of a run that was ended because nothing moved. */
export const STALLED = 'SYNC_RUN_STALLED';

/** The ledger is looked at this often even when nothing seems to have happened: a hint may be lost, the truth is not. */
const LOOK_EVERY_MS = 200;

/** A task that is still ready is given out again this often: the queue may have lost its job. */
const GIVE_AGAIN_MS = 1_000;

/** The claim to drive is renewed, and it is looked whether anything moves, this often. */
const WATCH_EVERY_MS = 1_000;

/** Tasks that were told to stop have so many leases for it; then they are taken from whoever has them. */
const LEASES_TO_STOP = 3;

/**
 * Sees a run to its end: gives out its tasks as they become ready, again where a job was lost, ends it early when it has
 * to, and gives it its outcome. Any other process may work on the same tasks. Repeating it after a crash is harmless.
 * @returns null when the run was left to others
 * @throws RunActiveError when another process drives it by now
 */
export async function driveRun(parts: DriveParts, run: Run, signal: AbortSignal): Promise<Driven | null> {
  const {store} = parts;
  const watch: Watch = {run, renewedMs: 0, stopTold: null, given: new Map()};
  // The signal may come at any moment: where it means to leave, nothing may take it for an order to end the run.
  const ending = (): Failure | null =>
    parts.atSignal === 'end' && signal.aborted ? interruption(signal.reason) : null;
  for (;;) {
    const failing = parts.failing();
    if (failing !== null) throw failing;
    if (signal.aborted && parts.atSignal === 'leave') {
      await leaveRun(store, run);
      return null;
    }
    const state = await runState(store, run.runId);
    if (state === undefined || state === 'finished') break;
    if (state === 'closed' && (await openApplies(store, run.runId)) === 0) break;
    await watchOver(parts, watch, state, ending());
    await giveOut(parts, watch);
    await changedOr(LOOK_EVERY_MS, parts.changed);
  }
  return await finish(store, run.runId, parts.notifyOn);
}

/** Waits until something has happened, or for so long. Leaves no timer behind, which would keep a process that is done. */
async function changedOr(ms: number, changed: () => Promise<void>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([changed(), sleep(ms, undefined, {signal: timer.signal}).catch(() => undefined)]);
  timer.abort();
}

interface Watch {
  readonly run: Run;
  /** When the claim to drive was last renewed, epoch ms. */
  renewedMs: number;
  /** When tasks were first told to stop, epoch ms; null while they are not. */
  stopTold: number | null;
  /** When each task was last given out, epoch ms, by task and the fence of whoever had it last. */
  readonly given: Map<string, number>;
}

/** Names what is ready to the workers, and again after a while: most of it only waits for a worker that is busy. */
async function giveOut({store, tasks, now}: DriveParts, {run, given}: Watch): Promise<void> {
  for (const task of await readyTasks(store, run.runId)) {
    const name = `${task.taskId} ${task.fence}`;
    if (now() - (given.get(name) ?? 0) < GIVE_AGAIN_MS) continue;
    await tasks.give(task, store.presence.holder);
    given.set(name, now());
  }
}

/**
 * Renews the claim, and ends what has to end before its time.
 * @param ending the signal that ends the run, if one does
 */
async function watchOver(parts: DriveParts, watch: Watch, state: string, ending: Failure | null): Promise<void> {
  const {store, now, stallMs} = parts;
  const {run} = watch;
  let isStalled = false;
  if (now() - watch.renewedMs > Math.min(store.leaseMs / 3, WATCH_EVERY_MS)) {
    if (!(await driveOn(store, run))) throw new RunActiveError(`run ${run.runId} was taken over by another process`);
    watch.renewedMs = now();
    isStalled = (await silentMs(store, run.runId)) > stallMs;
    const {slices} = parts;
    if (state === 'reading' && slices?.mayBeCarriedOn(run) === true) await makeWay(store, run, slices.sliceMs);
  }
  if (state === 'reading') await endWhereDue(parts, watch, isStalled, ending);
  if (state === 'closed') await leaveSinksWhereDue(parts, run, isStalled, ending);
}

/** A signal, a stall or a cause that a task has noted ends the run: its crawls stop, and what is left is sealed. */
async function endWhereDue(parts: DriveParts, watch: Watch, isStalled: boolean, ending: Failure | null): Promise<void> {
  const {store, stops, stallMs, now} = parts;
  const {runId} = watch.run;
  if (ending !== null) await endEarly(store, runId, ending);
  if (isStalled) await endEarly(store, runId, {code: STALLED, message: stillText(stallMs), cause: 'unexpected'});
  const cause = await earlyEnd(store, runId);
  if (cause === null) return;
  stops.stop(runId, new Error(cause.message));
  watch.stopTold ??= now();
  await abandonCrawls(store, runId, now() - watch.stopTold > LEASES_TO_STOP * store.leaseMs);
}

/** A signal, or a sink that hangs: the orders that are under way stop, and their sinks are behind. */
async function leaveSinksWhereDue(
  parts: DriveParts,
  run: Run,
  isStalled: boolean,
  ending: Failure | null,
): Promise<void> {
  const {store, stops, stallMs} = parts;
  if (ending === null && !isStalled) return;
  if (ending !== null) await endEarly(store, run.runId, ending);
  stops.stop(run.runId, new Error(isStalled ? stillText(stallMs) : 'the process was told to end'));
  await abandonApplies(store, run.runId);
}

const stillText = (stallMs: number): string => `nothing moved for ${Math.round(stallMs / 1000)} s (run.stall_seconds)`;

function interruption(reason: unknown): Failure {
  const name = reason instanceof Interrupted ? reason.signalName : 'SIGTERM';
  return {code: INTERRUPTED[name], message: `ended by ${name}`, cause: 'unexpected'};
}
