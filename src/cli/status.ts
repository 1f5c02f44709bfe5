import {scopeName} from '../core/scope.ts';
import {LASTING_RUNS} from '../store/counts.ts';
import {knownDrift} from '../store/drift.ts';
import {scopeDocument} from '../store/status-document.ts';
import {reportStatus, type ScopeStatus, type StreamStatus} from '../store/status.ts';
import type {Context} from './context.ts';
import {NOTHING_SYNCED, storeToRead} from './read-store.ts';
import {durationText, tableLines} from './table-text.ts';

/** Tells where each app and stream stands. Changes nothing. */
export async function status(context: Context, isJson: boolean): Promise<number> {
  const {out} = context.surroundings;
  const store = await storeToRead(context, await context.config([]));
  const scopes = store === null ? [] : await reportStatus(store);
  const drift = store === null ? [] : await knownDrift(store);
  if (isJson) out(JSON.stringify({scopes: scopes.map(scopeDocument), drift: drift.map(driftDocument)}));
  else if (scopes.length === 0) out(NOTHING_SYNCED);
  else for (const line of [...scopes.flatMap(scopeLines), ...drift.map(driftLine)]) out(line);
  return 0;
}

type KnownDrift = Awaited<ReturnType<typeof knownDrift>>[number];

function driftLine({scope, stream, place, records, foundAt}: KnownDrift): string {
  const what = [scopeName(scope), stream].filter((part) => part !== '').join(' ');
  return `${what}: verify found ${records} records that differ (${place}), first at ${foundAt.toISOString()}: see "clarifai-sync verify"`;
}

function driftDocument({scope, stream, place, records, examples, foundAt}: KnownDrift) {
  const {userId, appId} = scope;
  return {user_id: userId, app_id: appId, stream, place, records, examples, found_at: foundAt.toISOString()};
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

function remarks({stream, failure, searchGaps, openRejects, countGap, countRuns}: StreamStatus): string[] {
  const found: string[] = [];
  if (countGap !== null && countGap !== 0) {
    const gap = `${Math.abs(countGap)} ${countGap > 0 ? 'more' : 'fewer'} at the source than here`;
    const lasting = countRuns >= LASTING_RUNS ? `, in ${countRuns} runs: a full run is due` : '';
    found.push(`  ${stream}: ${gap}${lasting}`);
  }
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
