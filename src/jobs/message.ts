import {SyncError, messageOf} from '../core/errors.ts';
import {judgeRun, causeOf} from '../core/outcome.ts';
import type {NotifyEvent} from '../core/notify.ts';
import type {Scope} from '../core/scope.ts';
import {RunActiveError} from '../store/errors.ts';
import type {Drift} from '../store/drift.ts';
import type {Failure, Store} from '../store/ledger.ts';
import {noteNotBegun, type MessageText} from '../store/notifications.ts';
import {runDocument} from '../store/run-document.ts';
import type {RunReport} from '../store/run-reports.ts';

/** The message about a run that has ended: what `runs --json` prints of it. */
export function runMessage(report: RunReport, outcome: RunReport['outcome']): MessageText {
  const run = runDocument({...report, outcome});
  return (event, id, createdAt) =>
    JSON.stringify({
      version: 1,
      id,
      event,
      created_at: createdAt,
      user_id: run.user_id,
      app_id: run.app_id,
      run: {...run, finished_at: run.finished_at ?? createdAt},
    });
}

/**
 * Tells that a run could not begin, because credential, app or API were refused or did not answer: no run is in the
 * ledger then, and it would go unnoticed. Nothing where the run waits for another, or for the quota.
 */
export async function tellNotBegun(
  store: Store,
  on: readonly NotifyEvent[],
  scope: Scope,
  error: unknown,
): Promise<void> {
  const {outcome} = judgeRun([], {...NO_FACTS, endedBy: {kind: 'error', cause: causeOf(error)}});
  if (!on.includes('failed') || error instanceof RunActiveError || outcome !== 'failed') return;
  const code = error instanceof SyncError ? error.code : 'SYNC_BUG_UNEXPECTED';
  await noteNotBegun(store, scope, refusalMessage(scope, {code, message: messageOf(error)}));
}

/** The message about a run that could not begin. */
export function refusalMessage({userId, appId}: Scope, error: Pick<Failure, 'code' | 'message'>): MessageText {
  const {code, message} = error;
  return (event, id, createdAt) =>
    JSON.stringify({
      version: 1,
      id,
      event,
      created_at: createdAt,
      user_id: userId,
      app_id: appId,
      run: null,
      error: {code, message},
    });
}

/** The message about drift that `verify` found: what differs, by stream and place. */
export function driftMessage({userId, appId}: Scope, found: readonly Drift[]): MessageText {
  const drift = found.map(({stream, place, records, examples}) => ({stream, place, records, examples}));
  return (event, id, createdAt) =>
    JSON.stringify({version: 1, id, event, created_at: createdAt, user_id: userId, app_id: appId, run: null, drift});
}

const NO_FACTS = {newRejects: 0, heldBack: 0, sinksBehind: 0, sinksWritten: 0};
