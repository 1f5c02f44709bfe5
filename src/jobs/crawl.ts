import {messageOf, SyncError} from '../core/errors.ts';
import {causeOf} from '../core/outcome.ts';
import {SourceNotOfferedError, SourceScopeError} from '../core/source-errors.ts';
import {analyzeGrown} from '../store/analyze.ts';
import type {Failure} from '../store/ledger.ts';
import {purgeStream} from '../store/purge.ts';
import {noteRefused, streamState, type StreamState} from '../store/stream-states.ts';
import {endCrawl, type HeldTask, type StreamEnd} from '../store/tasks.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {mustReadAll} from './fresh.ts';
import {requestHash} from './list-calls.ts';
import {readAnnotations} from './read-annotations.ts';
import {countInputs, readInputs} from './read-inputs.ts';
import {readParents} from './read-parents.ts';
import {readPass} from './read-pass.ts';
import {replayRejects} from './replay.ts';

/**
 * Reads one stream of a run, from where it stands to the end: what is fresh first, then, in a full run or for a stream
 * that was never read, all of it. Repeating it after a crash is harmless. What ends the whole run is thrown; what
 * concerns this stream alone becomes its outcome.
 */
export async function crawl(deps: JobDeps, task: HeldTask, signal: AbortSignal): Promise<StreamEnd> {
  const {store} = deps;
  const stream = streamNamed(task.stream);
  const state = await streamState(store, task.scopeId, stream, requestHash(stream));
  if (isLeftAlone(task, stream, state)) {
    const end: StreamEnd = {outcome: 'unavailable', failure: null, sourceCount: null};
    await endCrawl(store, task, end);
    deps.onProgress({kind: 'ended', stream: stream.name, outcome: end.outcome});
    return end;
  }
  let end: StreamEnd;
  try {
    const hasRead = await doTask(deps, task, stream, state, signal);
    if (hasRead && mustReadAll(task, state)) await analyzeGrown(store, stream);
    const isReading = task.options.replays !== true && task.options.purgesBefore === undefined;
    const sourceCount = isReading && stream.name === 'inputs' ? await countInputs(deps, task, hasRead, signal) : null;
    end = {outcome: hasRead ? 'succeeded' : 'skipped', failure: null, sourceCount};
  } catch (error) {
    signal.throwIfAborted();
    if (endsRun(error)) throw error;
    end = await refusal(deps, task, stream, state, error);
  }
  await endCrawl(store, task, end);
  deps.onProgress({kind: 'ended', stream: stream.name, outcome: end.outcome});
  return end;
}

/** How long a list that the API's definition no longer has is left alone after it was not offered. */
const ASK_AGAIN_MS = 7 * 24 * 3_600_000;

/** Was the list removed from the API, and not offered when it was asked for some days ago? */
function isLeftAlone(task: HeldTask, stream: Stream, state: StreamState): boolean {
  if (stream.removedSince === undefined || state.wasEverRead || task.options.named) return false;
  return state.refusedAgoMs !== null && state.refusedAgoMs < ASK_AGAIN_MS;
}

/** What a run does of a stream: reads it, or one of the things that runs are asked for beside reading. */
async function doTask(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  signal: AbortSignal,
): Promise<boolean> {
  const {replays, purgesBefore} = task.options;
  if (replays === true) return await replayRejects(deps, task, stream, signal);
  if (purgesBefore === undefined) return await read(deps, task, stream, state, signal);
  const rows = await purgeStream(deps.store, task, stream, purgesBefore, signal);
  if (rows > 0) deps.log.info({stream: stream.name, rows}, 'rows were purged');
  return rows > 0;
}

/** Gives whether anything was asked of the API. */
async function read(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  signal: AbortSignal,
): Promise<boolean> {
  switch (deps.rules.strategyOf(stream)) {
    case 'tail':
      return await readInputs(deps, task, stream, state, signal);
    case 'window':
      return await readAnnotations(deps, task, stream, state, true, signal);
    case 'list': {
      if (stream.strategy === 'window') return await readAnnotations(deps, task, stream, state, false, signal);
      await readPass(deps, task, stream, [], !state.wasRead, signal);
      return true;
    }
    case 'children':
    case 'members':
    case 'fixed':
      return await readParents(deps, task, stream, state, signal);
  }
}

/** Quota, credential, store and lost fences concern everything; the API's silence may concern one list alone. */
function endsRun(error: unknown): boolean {
  if (!(error instanceof SyncError)) return true;
  const cause = causeOf(error);
  return (
    cause === 'throttled' || cause === 'credential' || cause === 'store' || cause === 'usage' || isFenceLost(error)
  );
}

const isFenceLost = (error: SyncError): boolean => error.code === 'SYNC_STORE_FENCE_LOST';

/** A stream that was never read and is not offered to this credential is unavailable; anything else is a failure. */
async function refusal(
  {store, log}: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  error: unknown,
): Promise<StreamEnd> {
  const failure = failureOf(error);
  const isRefused = error instanceof SourceNotOfferedError || error instanceof SourceScopeError;
  if (isRefused && !state.wasEverRead && !task.options.named) {
    await noteRefused(store, task, stream);
    log.warn({stream: stream.name, code: failure.code}, 'stream was not available');
    return {outcome: 'unavailable', failure, sourceCount: null};
  }
  log.error({stream: stream.name, err: error}, 'stream failed');
  return {outcome: 'failed', failure, sourceCount: null};
}

/** What the ledger keeps of an error. */
export function failureOf(error: unknown): Failure {
  return {
    code: error instanceof SyncError ? error.code : 'SYNC_BUG_UNEXPECTED',
    message: messageOf(error),
    cause: causeOf(error),
  };
}
