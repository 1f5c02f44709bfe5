import type {PendingRun} from '../store/pending-runs.ts';
import {runDocument} from '../store/run-document.ts';
import type {PastRun} from '../store/run-history.ts';
import type {RunReport, StreamRun} from '../store/run-reports.ts';
import {scopeDocument} from '../store/status-document.ts';
import type {ScopeStatus} from '../store/status.ts';
import {remarksOf} from './remarks.ts';

/** A run as `/api/runs` and `runs show --json` give it: as `runs --json` lists it, and all else that the ledger knows. */
export function runOfApi(report: RunReport) {
  const document = runDocument(report);
  return {
    ...document,
    sequence: Number(report.run.sequence),
    state: report.state,
    waited_seconds: report.waitedMs / 1000,
    streams: document.streams.map((stream, i) => ({...stream, ...streamExtras(report.streams[i])})),
    sinks: report.sinks.map(({sink, outcome, rows, failure}) => ({
      sink,
      outcome,
      rows,
      ...(failure === null ? {} : {error: {code: failure.code, message: failure.message}}),
    })),
    remarks: remarksOf(report),
  };
}

function streamExtras(stream: StreamRun | undefined) {
  return {
    strategy: stream?.strategy ?? '',
    held_back: stream?.heldBack ?? 0,
    unproved: stream?.unproved ?? 0,
    mirror_count: stream?.mirrorCount ?? null,
    started_at: stream?.startedAt?.toISOString() ?? null,
    finished_at: stream?.finishedAt?.toISOString() ?? null,
  };
}

/** A scope as `/api/streams` gives it: as `status --json` prints it, with its run under way and its last ones. */
export function scopeOfApi(status: ScopeStatus, reports: readonly RunReport[], past: readonly PastRun[]) {
  const isOf = ({userId, appId}: {userId: string; appId: string}): boolean =>
    userId === status.scope.userId && appId === status.scope.appId;
  const ours = reports.filter(({run}) => isOf(run.scope));
  const current = ours.find(({outcome}) => outcome === null);
  const last = ours.find(({outcome}) => outcome !== null);
  return {
    ...scopeDocument(status),
    current: current === undefined ? null : runOfApi(current),
    last: last === undefined ? null : runOfApi(last),
    history: past.filter(isOf).map(pastOfApi),
  };
}

function pastOfApi({runId, mode, outcome, startedAt, durationSeconds, requests, changed}: PastRun) {
  const started = startedAt.toISOString();
  return {run_id: runId, mode, outcome, started_at: started, duration_seconds: durationSeconds, requests, changed};
}

/** A run that was asked for and has not begun. */
export function pendingOfApi({runId, scope, mode, streams, askedBy, dueMs}: PendingRun) {
  return {
    run_id: runId,
    user_id: scope.userId,
    app_id: scope.appId,
    mode,
    outcome: null,
    state: 'pending',
    asked_by: askedBy,
    due_at: new Date(dueMs).toISOString(),
    requested_streams: streams,
  };
}
