import {UsageError} from '../core/errors.ts';
import {scopeKind, scopeName, type Scope} from '../core/scope.ts';
import {unfinishedRun} from '../store/driving.ts';
import type {RunMode, Store} from '../store/ledger.ts';
import {askForRun, pendingRuns} from '../store/pending-runs.ts';
import type {NextRun} from '../store/status-document.ts';
import type {Plan} from './run-driver.ts';
import type {RunQueue, Schedule} from './run-queue.ts';

/** A run of an app, as somebody asks for it; `me` stands for the owner of the credential. */
export interface AskedRun {
  readonly userId: string;
  readonly appId: string;
  readonly mode: RunMode;
  /** By name; null: those of the configuration. */
  readonly streams: readonly string[] | null;
}

/**
 * Asks for a run of an app as soon as a worker is free. `active`: one of the app is under way, or waits already.
 * @throws UsageError for an app that is none of the configuration's
 */
export async function askNow(
  store: Store,
  runs: RunQueue,
  plan: Plan,
  asked: AskedRun,
  signal: AbortSignal,
): Promise<{readonly runId: string} | 'active'> {
  const apps = (await plan.scopes(signal)).filter((scope) => scopeKind(scope) === 'app');
  const scope = apps.find(({userId, appId}) => appId === asked.appId && [userId, 'me'].includes(asked.userId));
  if (scope === undefined) {
    const known = apps.map(scopeName).join(', ');
    throw new UsageError(`app: expected one of the configuration (${known}), found ${asked.userId}/${asked.appId}`);
  }
  if ((await unfinishedRun(store, scope, 0)) !== null || (await isPending(store, scope))) return 'active';
  const {mode, streams} = asked;
  const {runId} = await askForRun(store, {scope, mode, streams, askedBy: 'api', delayMs: 0});
  await runs.look(scope, runId);
  return {runId};
}

async function isPending(store: Store, scope: Scope): Promise<boolean> {
  return (await pendingRuns(store)).some((pending) => scopeName(pending.scope) === scopeName(scope));
}

/** When each schedule will next ask for a run of each app that is known by now. */
export async function nextRuns(
  runs: RunQueue,
  plan: Plan,
  schedules: readonly Pick<Schedule, 'name' | 'mode'>[],
): Promise<NextRun[]> {
  const apps = plan.known().filter((scope) => scopeKind(scope) === 'app');
  const due = await runs.nextDue();
  // One that the queue still has of an earlier configuration is about to go.
  return schedules.flatMap(({name, mode}) => {
    const atMs = due.get(name);
    return atMs === undefined ? [] : apps.map(({userId, appId}) => ({name, mode, userId, appId, atMs}));
  });
}
