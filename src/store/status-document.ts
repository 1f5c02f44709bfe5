import {adviceFor} from '../core/advice.ts';
import type {RunMode} from './ledger.ts';
import type {SinkPosition} from './sink-positions.ts';
import type {ScopeStatus, StreamStatus} from './status.ts';

/** Where a scope stands as `status --json` and the HTTP interface give it; times as ISO 8601 text. */
export function scopeDocument(status: ScopeStatus) {
  const {scope, runId, mode, outcome, startedAt, finishedAt, failure, succeededAt, fullAt, lagSeconds} = status;
  return {
    user_id: scope.userId,
    app_id: scope.appId,
    run_id: runId,
    mode,
    outcome,
    started_at: startedAt.toISOString(),
    finished_at: finishedAt?.toISOString() ?? null,
    lag_seconds: lagSeconds,
    last_succeeded_at: succeededAt?.toISOString() ?? null,
    last_full_at: fullAt?.toISOString() ?? null,
    streams: status.streams.map(streamDocument),
    ...(failure === null ? {} : {error: failure}),
  };
}

function streamDocument(stream: StreamStatus) {
  const {read, inserted, updated, deleted, unchanged, rejected, failure} = stream;
  return {
    stream: stream.stream,
    run_id: stream.runId,
    mode: stream.mode,
    outcome: stream.outcome,
    read,
    inserted,
    updated,
    deleted,
    unchanged,
    rejected,
    source_count: stream.sourceCount,
    count_gap: stream.countGap,
    lag_seconds: stream.lagSeconds,
    last_read_at: stream.lastReadAt?.toISOString() ?? null,
    search_gaps: stream.searchGaps,
    open_rejects: stream.openRejects,
    ...(failure === null ? {} : {error: failure}),
  };
}

/** How far a sink is, as both give it. */
export function sinkDocument(position: SinkPosition) {
  const {sink, userId, appId, sequence, runsBehind, outcome, rows, finishedAt, failure} = position;
  return {
    sink,
    user_id: userId,
    app_id: appId,
    sequence,
    runs_behind: runsBehind,
    outcome,
    rows,
    finished_at: finishedAt?.toISOString() ?? null,
    ...(failure === null ? {} : {error: {...failure, advice: adviceFor(failure.code)}}),
  };
}

/** The next start of a schedule for one app. */
export interface NextRun {
  /** Of the schedule. */
  readonly name: string;
  readonly mode: RunMode;
  readonly userId: string;
  readonly appId: string;
  readonly atMs: number;
}

/** The same as both give it. */
export function nextRunDocument({name, mode, userId, appId, atMs}: NextRun) {
  return {name, mode, user_id: userId, app_id: appId, at: new Date(atMs).toISOString()};
}
