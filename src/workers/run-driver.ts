import {WaitingError, type Job} from 'bullmq';
import {SyncError} from '../core/errors.ts';
import {nextDueMs} from '../core/cron.ts';
import {causeOf, YIELDED} from '../core/outcome.ts';
import {scopeName, type Scope} from '../core/scope.ts';
import {beginRun, type RunRequest} from '../jobs/begin-run.ts';
import {failureOf} from '../jobs/crawl.ts';
import type {JobDeps} from '../jobs/deps.ts';
import {purgesDue} from '../jobs/purge-requests.ts';
import {refusalMessage} from '../jobs/message.ts';
import {noteRefusedRun, takeUpRun, unfinishedRun} from '../store/driving.ts';
import {RunActiveError, StoreUnavailableError} from '../store/errors.ts';
import type {Run, RunMode, RunOptions} from '../store/ledger.ts';
import {askForRun, askOnSchedule, dropPending, dueRun, type PendingRun, type RunWish} from '../store/pending-runs.ts';
import {countRequests, endEarly} from '../store/runs.ts';
import {driveRun, STALLED, type Driven, type DriveParts} from './drive-run.ts';
import {RequestCounter} from './request-counter.ts';
import type {RunJob, RunQueue, Schedule} from './run-queue.ts';

/** What there is to be kept up to date: the apps of the configuration, and what belongs to their users. */
export interface Plan {
  /** Scopes by now: `me` resolved, new apps included. Asks the API where it has to, not more often than each minute. */
  scopes(signal: AbortSignal): Promise<readonly Scope[]>;
  /** The last answer of `scopes`; empty before the first. */
  known(): readonly Scope[];
  /** How a run of a scope is done. `streams`: by name; null: those of the configuration. */
  optionsOf(scope: Scope, streams: readonly string[] | null): RunOptions;
}

export interface RunDriverParts {
  readonly deps: JobDeps;
  readonly plan: Plan;
  readonly schedules: readonly Schedule[];
  readonly runs: RunQueue;
  readonly drive: DriveParts;
  /** Yields [0, 1). */
  readonly random: () => number;
}

/**
 * The function that BullMQ calls for what there is to be done about runs. BullMQ passes a signal only to a function that
 * declares three parameters.
 */
export function runProcessor(
  parts: RunDriverParts,
): (job: Job<RunJob>, token?: string, signal?: AbortSignal) => Promise<void> {
  return async (job, token, signal) => {
    const drain = signal ?? new AbortController().signal;
    const {data} = job;
    if (data.kind === 'tick') {
      const schedule = parts.schedules.find(({name}) => name === data.schedule);
      // Due by the clock of its time, not of now: seen to once, however late and by whomever.
      const dueMs = job.opts.prevMillis ?? parts.drive.now();
      if (schedule !== undefined) await fire(parts, dueWith(schedule, dueMs, parts.schedules), drain);
      return;
    }
    await driveScope(parts, data.scope, drain);
    if (!drain.aborted || token === undefined) return;
    await job.moveToWait(token);
    throw new WaitingError();
  };
}

/** A schedule at one of its times. */
export interface Due {
  readonly schedule: Schedule;
  /** Epoch ms. */
  readonly dueMs: number;
}

/** The schedules that are due at that very moment: what coincides is asked for at once, and becomes one run. */
function dueWith(schedule: Schedule, dueMs: number, all: readonly Schedule[]): Due[] {
  const others = all.filter(({name, cron, timezone}) => {
    return name !== schedule.name && nextDueMs({pattern: cron, timezone}, dueMs - 1) === dueMs;
  });
  return [schedule, ...others].map((each) => ({schedule: each, dueMs}));
}

/** Asks for the runs of schedules that are due, each put off by a chance share of its jitter. May be repeated. */
export async function fire(
  {deps, plan, runs, random}: Pick<RunDriverParts, 'deps' | 'plan' | 'runs' | 'random'>,
  due: readonly Due[],
  signal: AbortSignal,
): Promise<void> {
  const scopes = await plan.scopes(signal);
  const asked = due.map(({schedule: {name, mode, jitterMs}, dueMs}) => ({
    schedule: name,
    dueMs,
    wishes: scopes.map((scope): RunWish => {
      return {scope, mode, streams: null, askedBy: name, delayMs: Math.floor(random() * jitterMs)};
    }),
  }));
  const pending = await askOnSchedule(deps.store, asked);
  if (pending.length === 0) return;
  deps.log.info(
    {schedules: due.map(({schedule}) => schedule.name).join(','), runs: pending.length},
    'schedule was due',
  );
  const nowMs = Date.now();
  for (const {scope, runId, dueMs} of pending) await runs.look(scope, runId, dueMs - nowMs);
}

/** Does what there is to do for a scope: the run that somebody left, then the one that is asked for, one by one. */
async function driveScope(parts: RunDriverParts, scope: Scope, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const run = await begin(parts, scope, signal);
    if (run === null) return;
    const driven = await drive(parts, run, signal);
    if (driven === null) return;
    if (driven.report.failure?.code === STALLED) await tryAgainLater(parts, run);
    await purgeAfter(parts, scope, signal);
  }
}

/** Removes what is old enough by now, with a run of its own. What begins meanwhile comes first: the next run does it. */
async function purgeAfter(parts: RunDriverParts, scope: Scope, signal: AbortSignal): Promise<void> {
  const {deps, plan, drive: driveParts} = parts;
  const {sinks, isStoreSink} = plan.optionsOf(scope, null);
  const due = await purgesDue(deps, [scope], driveParts.now(), {sinks, isStoreSink});
  for (const request of due) {
    try {
      const {run} = await beginRun(deps.store, deps.client, request, deps.rules.settleMs, signal);
      await drive(parts, run, signal);
    } catch (error) {
      if (!(error instanceof RunActiveError)) throw error;
    }
  }
}

/** Null: the run was left to others, or is theirs by now. */
async function drive(parts: RunDriverParts, run: Run, signal: AbortSignal): Promise<Driven | null> {
  const log = parts.deps.log.child({run: run.runId, scope: scopeName(run.scope), mode: run.mode});
  log.info({}, 'run was begun');
  try {
    const driven = await driveRun(parts.drive, run, signal);
    if (driven === null) log.info({}, 'run was left to the next worker');
    else if (driven.report.failure?.code === YIELDED) log.info({}, driven.report.failure.message);
    else log[driven.verdict.outcome === 'succeeded' ? 'info' : 'warn']({outcome: driven.verdict.outcome}, 'run ended');
    return driven;
  } catch (error) {
    if (!(error instanceof RunActiveError)) throw error;
    log.warn({}, 'run was taken over by another process');
    return null;
  }
}

/** A run that stood still is failed; what it was asked for is asked for again. */
async function tryAgainLater({deps, drive: {stallMs}, runs}: RunDriverParts, run: Run): Promise<void> {
  const wish = {scope: run.scope, mode: run.mode, streams: run.options.streams, askedBy: 'watchdog', delayMs: stallMs};
  const {runId} = await askForRun(deps.store, wish);
  await runs.look(run.scope, runId, stallMs);
}

/** Takes up the run that was left, or begins the one that is due; null when there is neither, or another process has it. */
async function begin(parts: RunDriverParts, scope: Scope, signal: AbortSignal): Promise<Run | null> {
  const {deps, plan} = parts;
  const left = await unfinishedRun(deps.store, scope, deps.rules.settleMs);
  if (left !== null && !left.isLeft) return null;
  const pending = await dueRun(deps.store, scope);
  if (left === null && pending === null) return null;
  const request: RunRequest = {
    scope,
    mode: pending?.mode ?? 'incremental',
    options: plan.optionsOf(scope, pending?.streams ?? null),
    ...(pending === null ? {} : {pending}),
  };
  const counter = new RequestCounter(() => undefined);
  try {
    const {run} = await beginRun(deps.store, deps.client.observedBy(counter), request, deps.rules.settleMs, signal);
    await countRequests(deps.store, run.runId, counter.take());
    return run;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RunActiveError) return null;
    if (error instanceof StoreUnavailableError || !(error instanceof SyncError)) throw error;
    return await refused(parts, request, pending, error);
  }
}

/** The source would not have the run begin: that is a run which failed, or the end of the one that was left. */
async function refused(
  {deps}: RunDriverParts,
  {scope, options}: RunRequest,
  pending: PendingRun | null,
  error: SyncError,
): Promise<Run | null> {
  const {store, log, rules} = deps;
  const failure = failureOf(error);
  log.error({scope: scopeName(scope), err: error}, 'run could not begin');
  const left = await takeUpRun(store, scope, null, deps.rules.settleMs);
  if (left !== null) {
    await endEarly(store, left.run.runId, failure);
    return left.run;
  }
  if (pending === null) return null;
  const mode: RunMode = pending.mode;
  const outcome = causeOf(error) === 'throttled' ? 'throttled' : 'failed';
  const asked = {runId: pending.runId, mode, askedBy: pending.askedBy, options};
  const notifying = {on: rules.notifyOn, text: refusalMessage(scope, failure)};
  await noteRefusedRun(store, scope, asked, outcome, failure, notifying);
  await dropPending(store, pending);
  return null;
}
