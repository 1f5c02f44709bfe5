import type {Config} from '../config/config.ts';
import {nextDueMs} from '../core/cron.ts';
import {scopeKind, scopeName, type Scope} from '../core/scope.ts';
import {LASTING_RUNS} from '../store/counts.ts';
import {knownDrift} from '../store/drift.ts';
import {sinkPositions, type SinkPosition} from '../store/sink-positions.ts';
import {nextRunDocument, scopeDocument, sinkDocument, type NextRun} from '../store/status-document.ts';
import {reportStatus, type ScopeStatus, type StreamStatus} from '../store/status.ts';
import type {Context} from './context.ts';
import {NOTHING_SYNCED, storeToRead} from './read-store.ts';
import {durationText, tableLines} from './table-text.ts';

/** Tells where each app, stream and sink stands, and when each schedule is due next. Changes nothing. */
export async function status(context: Context, isJson: boolean): Promise<number> {
  const {out, now} = context.surroundings;
  const config = await context.config([]);
  const store = await storeToRead(context, config);
  const [scopes, sinks, drift] =
    store === null ? [[], [], []] : await Promise.all([reportStatus(store), sinkPositions(store), knownDrift(store)]);
  const nextRuns = nextRunsOf(
    config,
    scopes.map(({scope}) => scope),
    now(),
  );
  if (isJson) {
    const documents = {scopes: scopes.map(scopeDocument), sinks: sinks.map(sinkDocument)};
    out(JSON.stringify({...documents, next_runs: nextRuns.map(nextRunDocument), drift: drift.map(driftDocument)}));
    return 0;
  }
  if (scopes.length === 0) out(NOTHING_SYNCED);
  const lines = [...scopes.flatMap(scopeLines), ...sinks.map(sinkLine), ...drift.map(driftLine)];
  for (const line of [...lines, ...nextRuns.map(nextRunLine)]) out(line);
  return 0;
}

/**
 * By the configuration alone, so that no queue need answer: `me` and `*` stand for what was synced of it. The service
 * begins each of these runs within the schedule's jitter.
 */
function nextRunsOf({apps, schedules}: Config, synced: readonly Scope[], nowMs: number): NextRun[] {
  const known = new Map<string, Scope>();
  for (const app of apps) {
    const isNamed = app.userId !== 'me' && app.appId !== '*';
    const found = synced.filter(
      (scope) =>
        scopeKind(scope) === 'app' &&
        [scope.userId, 'me'].includes(app.userId) &&
        [scope.appId, '*'].includes(app.appId),
    );
    for (const scope of isNamed ? [app] : found) known.set(scopeName(scope), scope);
  }
  return schedules.flatMap(({name, mode, cron, timezone}) => {
    const atMs = nextDueMs({pattern: cron, timezone}, nowMs);
    return [...known.values()].map(({userId, appId}) => ({name, mode, userId, appId, atMs}));
  });
}

function nextRunLine({name, mode, userId, appId, atMs}: NextRun): string {
  return `${scopeName({userId, appId})}: schedule ${name}: next ${mode} run at ${new Date(atMs).toISOString()}, by "clarifai-sync start"`;
}

function sinkLine({sink, userId, appId, sequence, runsBehind, failure}: SinkPosition): string {
  const applied = sequence === null ? 'has no run yet' : `has all up to run ${sequence}`;
  const behind = runsBehind === 0 ? '' : `, ${runsBehind} ${runsBehind === 1 ? 'run' : 'runs'} behind`;
  const why = failure === null ? '' : `: ${failure.message} [${failure.code}]`;
  return `${scopeName({userId, appId})}: sink ${sink} ${applied}${behind}${why}`;
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
