import {setTimeout as sleep} from 'node:timers/promises';
import {nextDueMs} from '../core/cron.ts';
import {messageOf} from '../core/errors.ts';
import {leftRuns} from '../store/driving.ts';
import {noteSchedules, pendingRuns} from '../store/pending-runs.ts';
import {pruneRuns} from '../store/runs.ts';
import {fire, type RunDriverParts} from './run-driver.ts';

export interface SchedulerParts extends Pick<RunDriverParts, 'deps' | 'plan' | 'runs' | 'random' | 'schedules'> {
  /** Runs that ended before this are forgotten, ms. */
  readonly retainRunsMs: number;
  readonly now: () => number;
}

/** How often the queue is compared with configuration and ledger, ms. */
const LOOK_EVERY_MS = 5_000;
/** Runs that are old enough are forgotten this often at least, ms; sooner where they are kept for less than that. */
const PRUNE_EVERY_MS = 3_600_000;

/**
 * Keeps in the queue what belongs there, until `signal`: the schedules of the configuration, and whatever the ledger has
 * to do that the queue has lost. Any number of processes may do so at once; each thing is done once.
 */
export async function runScheduler(parts: SchedulerParts, signal: AbortSignal): Promise<void> {
  let prunedMs = -Infinity;
  while (!signal.aborted) {
    try {
      await look(parts, signal);
      if (parts.now() - prunedMs > Math.min(parts.retainRunsMs, PRUNE_EVERY_MS)) {
        await pruneRuns(parts.deps.store, parts.retainRunsMs);
        prunedMs = parts.now();
      }
    } catch (error) {
      if (signal.aborted) return;
      parts.deps.log.warn({err: error}, `the scheduler will look again: ${messageOf(error)}`);
    }
    await sleep(LOOK_EVERY_MS, undefined, {signal}).catch(() => undefined);
  }
}

async function look(parts: SchedulerParts, signal: AbortSignal): Promise<void> {
  const {deps, runs, schedules, now} = parts;
  await runs.keepSchedules(schedules);
  const firedMs = await noteSchedules(
    deps.store,
    schedules.map(({name}) => name),
  );
  // Missed while nobody was there to see it, or lost with the queue: once, however many times it was.
  const missed = schedules.filter(({name, cron, timezone}) => {
    return nextDueMs({pattern: cron, timezone}, firedMs.get(name) ?? now()) < now() - LATE_MS;
  });
  if (missed.length > 0) {
    await fire(
      parts,
      missed.map((schedule) => ({schedule, dueMs: now()})),
      signal,
    );
  }
  for (const {scope, runId} of await leftRuns(deps.store)) await runs.look(scope, runId);
  for (const {scope, runId, dueMs} of await pendingRuns(deps.store)) await runs.look(scope, runId, dueMs - now());
}

/** The queue has this long to tell by itself that a schedule was due, ms. */
const LATE_MS = 10_000;
