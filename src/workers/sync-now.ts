import {assert} from '../core/errors.ts';
import type {RunVerdict} from '../core/outcome.ts';
import {scopeKind} from '../core/scope.ts';
import {beginRun, covers, type RunRequest} from '../jobs/begin-run.ts';
import type {JobDeps} from '../jobs/deps.ts';
import {tellNotBegun} from '../jobs/message.ts';
import type {ApiClient} from '../source/client.ts';
import type {RunReport} from '../store/run-reports.ts';
import {countRequests} from '../store/runs.ts';
import {storeError} from '../store/errors.ts';
import {driveRun, type DriveParts} from './drive-run.ts';
import {Changes} from './changes.ts';
import {closeWorkers} from './close-workers.ts';
import {RequestCounter} from './request-counter.ts';
import {RunStops} from './run-stops.ts';
import {taskWork} from './task-work.ts';
import type {Tasks} from './tasks.ts';

export interface SyncParts {
  readonly deps: JobDeps;
  readonly tasks: Tasks;
  readonly stallMs: number;
  readonly drainTimeoutMs: number;
  /** Epoch ms. */
  readonly now: () => number;
}

/** What came of one run that was asked for. */
export type Synced =
  | {readonly request: RunRequest; readonly report: RunReport; readonly verdict: RunVerdict}
  | {readonly request: RunRequest; readonly error: unknown};

/** Failures of jobs in a row, with nothing moving in between. What a task itself meets never makes its job fail. */
const MAX_FAILURES = 10;

/** Streams read at once in one process: each has its own writer, and two share the work best (facts-speed.md, section 6). */
const TASKS_AT_ONCE = 4;

/**
 * The same where the API sets the pace: at its beginning a run has one page of each stream to ask for, and most have no
 * more. Two commits of each may want more connections than the pool has: one that waits for another got its connection later.
 */
const PACED_TASKS_AT_ONCE = 8;

/** How many tasks a worker that asks by `client` works on at once. */
export const tasksAtOnce = (client: ApiClient): number => (client.isPaced ? PACED_TASKS_AT_ONCE : TASKS_AT_ONCE);

/**
 * Does runs now, to their ends, by a worker of this process; each by itself, so that one that fails stops
 * no other. A run that was left unfinished is carried on first, and counts where it covers what is asked for.
 */
export async function syncNow(
  parts: SyncParts,
  requests: readonly RunRequest[],
  signal: AbortSignal,
): Promise<Synced[]> {
  const {deps, tasks} = parts;
  const changes = new Changes();
  const stops = new RunStops();
  const failures: Error[] = [];
  const onSign = (): void => {
    failures.length = 0;
  };
  const worker = tasks.work(taskWork({deps, stops, onSign}), tasksAtOnce(deps.client), {
    done: () => changes.tell(),
    failed: (error) => {
      failures.push(error);
      deps.log.warn({err: error}, 'job failed');
      changes.tell();
    },
  });
  signal.addEventListener('abort', () => changes.tell(), {once: true});
  const drive: DriveParts = {
    store: deps.store,
    tasks,
    stops,
    changed: () => changes.next(),
    stallMs: parts.stallMs,
    atSignal: 'end',
    slices: null,
    now: parts.now,
    notifyOn: deps.rules.notifyOn,
    failing: () =>
      failures.length > MAX_FAILURES ? storeError(failures.at(-1), 'the tasks of the run fail again and again') : null,
  };
  try {
    return await syncAll(parts, drive, requests, signal);
  } finally {
    await closeWorkers([worker], parts.drainTimeoutMs);
  }
}

/**
 * Apps at once; what belongs to their users, or to everybody, once one of their apps has begun, so that an app that does not exist, or a
 * credential that is refused, leaves nothing behind.
 */
async function syncAll(
  parts: SyncParts,
  drive: DriveParts,
  requests: readonly RunRequest[],
  signal: AbortSignal,
): Promise<Synced[]> {
  const begun = new Map<RunRequest, Promise<boolean>>();
  const apps = requests.filter(({scope}) => scopeKind(scope) === 'app');
  const syncedApps = apps.map((request) => {
    let hasBegun: (is: boolean) => void = () => undefined;
    begun.set(request, new Promise((resolve) => (hasBegun = resolve)));
    return syncOne(parts, drive, request, () => hasBegun(true), signal).finally(() => hasBegun(false));
  });
  const syncedOthers = requests
    .filter((request) => !apps.includes(request))
    .map(async (request) => {
      const isForAll = scopeKind(request.scope) === 'global';
      const ours = apps.filter(({scope}) => isForAll || scope.userId === request.scope.userId);
      const haveBegun = await Promise.all(ours.map((app) => begun.get(app) ?? Promise.resolve(false)));
      if (ours.length > 0 && !haveBegun.includes(true)) return [];
      return [await syncOne(parts, drive, request, () => undefined, signal)];
    });
  return [...(await Promise.all(syncedApps)), ...(await Promise.all(syncedOthers)).flat()];
}

/** @param onBegun called once the run is open */
async function syncOne(
  {deps}: SyncParts,
  drive: DriveParts,
  request: RunRequest,
  onBegun: () => void,
  signal: AbortSignal,
): Promise<Synced> {
  try {
    for (;;) {
      const counter = new RequestCounter(() => undefined);
      const begun = await beginRun(deps.store, deps.client.observedBy(counter), request, deps.rules.settleMs, signal);
      onBegun();
      await countRequests(deps.store, begun.run.runId, counter.take());
      const ended = await driveRun(drive, begun.run, signal);
      assert(ended !== null, 'a sync sees its runs to their ends');
      if (begun.hadEnded) continue;
      const isEnough = !begun.isTakenUp || covers(begun.run, request);
      if (isEnough || ended.report.outcome === 'interrupted' || ended.report.failure !== null)
        return {request, ...ended};
    }
  } catch (error) {
    await tellOf(deps, request, error, signal);
    return {request, error};
  }
}

/** A store that is gone takes no message either: the error itself is what is told then. */
async function tellOf({store, rules, log}: JobDeps, {scope}: RunRequest, error: unknown, signal: AbortSignal) {
  if (signal.aborted) return;
  await tellNotBegun(store, rules.notifyOn, scope, error).catch((failure: unknown) => {
    log.warn({err: failure}, 'notification was not noted');
  });
}
