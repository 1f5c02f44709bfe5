import {setTimeout as sleep} from 'node:timers/promises';
import {isDeepStrictEqual} from 'node:util';
import {messageOf} from '../core/errors.ts';
import type {JobDeps} from '../jobs/deps.ts';
import {stillWorkMs} from '../store/driving.ts';
import {Changes} from './changes.ts';
import {closeWorkers} from './close-workers.ts';
import type {DriveParts} from './drive-run.ts';
import {runProcessor, type Plan, type RunDriverParts} from './run-driver.ts';
import type {RunQueue, Schedule} from './run-queue.ts';
import {RunStops} from './run-stops.ts';
import {runScheduler} from './scheduler.ts';
import {tasksAtOnce} from './sync-now.ts';
import {taskWork} from './task-work.ts';
import type {TaskQueue} from './task-queue.ts';

export interface ServiceParts {
  readonly deps: JobDeps;
  readonly tasks: TaskQueue;
  readonly runs: RunQueue;
  readonly plan: Plan;
  readonly schedules: readonly Schedule[];
  /** Keeps schedules and what the ledger has to do in the queue. */
  readonly isScheduler: boolean;
  /** Takes what the queue has. */
  readonly isWorker: boolean;
  readonly stallMs: number;
  /** A full run reads for so long at least before it makes way for what is fresh. */
  readonly sliceMs: number;
  readonly drainTimeoutMs: number;
  readonly retainRunsMs: number;
  readonly now: () => number;
  /** Yields [0, 1). */
  readonly random: () => number;
}

/** The scheduler and the worker of one process. */
export interface Service {
  /** Why nothing can move any more in this process although there is work, as a sentence; null: it can. */
  stuck(): string | null;
  /**
   * Takes no more, has what is under way commit and go back unspent, within the drain timeout. May be repeated.
   * @returns whether all of it ended in time
   */
  close(): Promise<boolean>;
}

/** Runs driven at once by one process; each costs a few statements a second while it goes on. */
const RUNS_AT_ONCE = 20;

/** Shorter slices would spend more on the lists that each begins with; longer ones would keep what is fresh waiting. */
export const SLICE_MS = 60_000;

/** Begins what the process is there for, and goes on with it until it is closed. */
export function startService(parts: ServiceParts): Service {
  const {deps, tasks, runs, isScheduler, isWorker, drainTimeoutMs, now} = parts;
  const stopped = new AbortController();
  const watch = new StandstillWatch(parts);
  const changes = new Changes();
  const stops = new RunStops();
  const drive: DriveParts = {
    store: deps.store,
    tasks,
    stops,
    changed: () => changes.next(),
    stallMs: parts.stallMs,
    atSignal: 'leave',
    slices: {
      sliceMs: parts.sliceMs,
      mayBeCarriedOn: ({scope, options}) => isDeepStrictEqual(options, parts.plan.optionsOf(scope, null)),
    },
    now,
    // Jobs that fail are given out again; a store that fails for good is told by readiness.
    failing: () => null,
    notifyOn: deps.rules.notifyOn,
  };
  const driver: RunDriverParts = {...parts, drive};
  const workers = isWorker
    ? [
        tasks.work(taskWork({deps, stops, onSign: () => undefined}), tasksAtOnce(deps.client)),
        runs.work(runProcessor(driver), RUNS_AT_ONCE),
      ]
    : [];
  for (const worker of workers) {
    worker.on('completed', () => changes.tell());
    worker.on('failed', (_job, error) => {
      deps.log.warn({err: error}, 'job failed, and will be given out again');
      changes.tell();
    });
  }
  const loops = [
    ...(isScheduler ? [runScheduler(parts, stopped.signal)] : []),
    ...(isWorker ? [watch.run(stopped.signal)] : []),
  ];
  let closing: Promise<boolean> | null = null;
  const close = async (): Promise<boolean> => {
    stopped.abort();
    changes.tell();
    const isClosed = await closeWorkers(workers, drainTimeoutMs);
    const ended = Promise.allSettled(loops);
    return (await Promise.race([ended.then(() => true), sleep(CLOSE_MS, false, {ref: false})])) && isClosed;
  };
  return {stuck: () => watch.told, close: () => (closing ??= close())};
}

/** The loops end within this, or are left, ms. */
const CLOSE_MS = 1_000;

const WATCH_EVERY_MS = 5_000;
/** A run that stands still is ended by its watchdog first; who lets it stand for so many times as long is stuck. */
const STALLS = 2;

/** Looks from time to time whether there is work on which nothing moves. */
class StandstillWatch {
  readonly #parts: ServiceParts;
  #told: string | null = null;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  get told(): string | null {
    return this.#told;
  }

  async run(signal: AbortSignal): Promise<void> {
    const {deps, stallMs} = this.#parts;
    while (!signal.aborted) {
      try {
        const ms = await stillWorkMs(deps.store);
        this.#told =
          ms > STALLS * stallMs ? `there is work, and nothing has moved for ${Math.round(ms / 1000)} s` : null;
      } catch (error) {
        // A store that is away is for readiness to tell: a new process would not find it either.
        deps.log.debug({err: error}, `standstill was not looked for: ${messageOf(error)}`);
      }
      await sleep(WATCH_EVERY_MS, undefined, {signal}).catch(() => undefined);
    }
  }
}
