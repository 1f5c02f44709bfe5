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
