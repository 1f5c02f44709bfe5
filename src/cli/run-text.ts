import {scopeKind, scopeName} from '../core/scope.ts';
import type {RunReport, StreamRun} from '../store/runs.ts';

/** One run as `sync --json` and `runs --json` print it (contract, section 2). */
export interface RunDocument {
  readonly run_id: string;
  readonly user_id: string;
  readonly app_id: string;
  readonly mode: string;
  readonly outcome: string | null;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly requests: number;
  readonly throttled: number;
  readonly streams: readonly StreamDocument[];
  readonly error?: {readonly code: string; readonly message: string};
}

export interface StreamDocument {
  readonly stream: string;
  readonly outcome: string | null;
  readonly pages: number;
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly repaired: number;
  readonly source_count: number | null;
  readonly error?: {readonly code: string; readonly message: string};
}

export function runDocument({
  run,
  outcome,
  startedAt,
  finishedAt,
  requests,
  throttled,
  failure,
  streams,
}: RunReport): RunDocument {
  return {
    run_id: run.runId,
    user_id: run.scope.userId,
    app_id: run.scope.appId,
    mode: run.mode,
    outcome,
    started_at: startedAt.toISOString(),
    finished_at: finishedAt?.toISOString() ?? null,
    requests,
    throttled,
    streams: streams.map(streamDocument),
    ...(failure === null ? {} : {error: {code: failure.code, message: failure.message}}),
  };
}

function streamDocument(stream: StreamRun): StreamDocument {
  const {outcome, pages, read, inserted, updated, deleted, unchanged, rejected, repaired, failure} = stream;
  return {
    stream: stream.stream,
    outcome,
    pages,
    read,
    inserted,
    updated,
    deleted,
    unchanged,
    rejected,
    repaired,
    source_count: stream.sourceCount,
    ...(failure === null ? {} : {error: {code: failure.code, message: failure.message}}),
  };
}

/**
 * What `sync --json` tells of runs: one document per app. Streams of a user are read by a run of their own, and told
 * with the first app of that user; where no app was synced, that run is told by itself.
 */
export function runJson(runs: readonly {readonly report: RunReport}[]): RunDocument[] {
  const documents = runs.map(({report}) => ({kind: scopeKind(report.run.scope), document: runDocument(report)}));
  const apps = documents.filter(({kind}) => kind === 'app').map(({document}) => document);
  const others = documents.filter(({kind}) => kind !== 'app').map(({document}) => document);
  const alone = others.filter((other) => !apps.some((app) => app.user_id === other.user_id));
  const told = new Set<string>();
  const joined = apps.map((app) => {
    const other = told.has(app.user_id) ? undefined : others.find((each) => each.user_id === app.user_id);
    told.add(app.user_id);
    if (other === undefined) return app;
    return {
      ...app,
      requests: app.requests + other.requests,
      throttled: app.throttled + other.throttled,
      streams: [...app.streams, ...other.streams],
    };
  });
  return [...joined, ...alone];
}

/** The same for people: a line for the run and one for each stream. */
export function runLines(report: RunReport): string[] {
  const {run, outcome, startedAt, finishedAt, requests, throttled, failure, streams, sinks} = report;
  const seconds = finishedAt === null ? null : (finishedAt.getTime() - startedAt.getTime()) / 1000;
  const throttledText = throttled === 0 ? '' : `, ${throttled} throttled`;
  const secondsText = seconds === null ? '' : ` in ${seconds.toFixed(1)} s`;
  const head = `${scopeName(run.scope)}: ${run.mode} run ${outcome ?? 'in progress'}${secondsText}, ${requests} requests${throttledText} (${run.runId})`;
  const behind = sinks.map(
    ({sink, outcome: came, rows, failure: cause}) =>
      `  sink ${sink.padEnd(13)} ${(came ?? 'open').padEnd(11)} ${rows} rows${cause === null ? '' : `: ${cause.message} [${cause.code}]`}`,
  );
  const why = failure === null ? [] : [`  ended early: ${failure.message} [${failure.code}]`];
  return [head, ...why, ...streams.map(streamLine), ...behind];
}

function streamLine(stream: StreamRun): string {
  const counts = (
    [
      ['read', stream.read],
      ['inserted', stream.inserted],
      ['updated', stream.updated],
      ['deleted', stream.deleted],
      ['unchanged', stream.unchanged],
      ['repaired', stream.repaired],
      ['rejected', stream.rejected],
      ['deletions held back', stream.heldBack],
      ['deletions not proved yet', stream.unproved],
    ] as const
  )
    .filter(([name, count]) => count > 0 || name === 'read')
    .map(([name, count]) => `${count} ${name}`);
  const {sourceCount, mirrorCount} = stream;
  const differs = sourceCount !== null && mirrorCount !== null && sourceCount !== mirrorCount;
  const gap = differs ? `, ${sourceCount} at the source and ${mirrorCount} here` : '';
  const failure = stream.failure === null ? '' : `: ${stream.failure.message} [${stream.failure.code}]`;
  return `  ${stream.stream.padEnd(18)} ${(stream.outcome ?? 'open').padEnd(11)} ${counts.join(', ')}${gap}${failure}`;
}
