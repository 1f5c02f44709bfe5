import {scopeName} from '../core/scope.ts';
import {reportStatus, type ScopeStatus, type StreamStatus} from '../store/status.ts';
import type {Context} from './context.ts';
import {NOTHING_SYNCED, storeToRead} from './read-store.ts';
import {durationText, tableLines} from './table-text.ts';

/** Tells where each app and stream stands. Changes nothing. */
export async function status(context: Context, isJson: boolean): Promise<number> {
  const {out} = context.surroundings;
  const store = await storeToRead(context, await context.config([]));
  const scopes = store === null ? [] : await reportStatus(store);
  if (isJson) out(JSON.stringify({scopes: scopes.map(scopeDocument)}));
  else if (scopes.length === 0) out(NOTHING_SYNCED);
  else for (const line of scopes.flatMap(scopeLines)) out(line);
  return 0;
}

function scopeLines(status: ScopeStatus): string[] {
  const {scope, mode, outcome, startedAt, failure, lagSeconds, fullAt, runId, streams} = status;
  const lag = lagSeconds === null ? 'no run has succeeded yet' : `lag ${durationText(lagSeconds)}`;
  const full = fullAt === null ? 'no full run has succeeded yet' : `last full run ${fullAt.toISOString()}`;
  const head = `${scopeName(scope)}: ${mode} run of ${startedAt.toISOString()} ${outcome ?? 'in progress'}; ${lag}; ${full} (${runId})`;
  const why = failure === null ? [] : [`  ended early: ${failure.message} [${failure.code}]`];
  const columns = ['stream', 'last run', 'read', 'inserted', 'updated', 'deleted', 'lag', 'all read'];
  const rows = streams.map((stream) => [
    stream.stream,
    stream.outcome ?? 'in progress',
    stream.read,
    stream.inserted,
    stream.updated,
    stream.deleted,
    stream.lagSeconds === null ? 'never' : durationText(stream.lagSeconds),
    stream.lastReadAt?.toISOString() ?? 'never',
  ]);
  return [head, ...why, ...tableLines(columns, rows).map((line) => `  ${line}`), ...streams.flatMap(remarks)];
}

function remarks({stream, failure, searchGaps, openRejects}: StreamStatus): string[] {
  const found: string[] = [];
  if (failure !== null) found.push(`  ${stream}: ${failure.message} [${failure.code}]`);
  if (searchGaps !== null && searchGaps.length > 0) {
    found.push(`  ${stream}: the search does not show ${searchGaps.join(', ')} records; the list is read instead`);
  }
  if (openRejects > 0) {
    found.push(
      `  ${stream}: ${openRejects} records could not be stored: "clarifai-sync rejects list --stream ${stream}"`,
    );
  }
  return found;
}

function scopeDocument(status: ScopeStatus) {
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
    lag_seconds: stream.lagSeconds,
    last_read_at: stream.lastReadAt?.toISOString() ?? null,
    search_gaps: stream.searchGaps,
    open_rejects: stream.openRejects,
    ...(failure === null ? {} : {error: failure}),
  };
}
