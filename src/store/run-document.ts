import type {RunReport, StreamRun} from './run-reports.ts';

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

/** Times as ISO 8601 text. */
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
