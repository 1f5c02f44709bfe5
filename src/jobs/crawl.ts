import {messageOf, SyncError} from '../core/errors.ts';
import {causeOf} from '../core/outcome.ts';
import {SourceNotOfferedError, SourcePagingCapError, SourceRefusedError, SourceScopeError} from '../core/source-errors.ts';
import {watermarkOf} from '../core/window.ts';
import {inputCounts} from '../source/calls.ts';
import type {Failure} from '../store/ledger.ts';
import {isSpared, storeMarker, type Reading} from '../store/markers.ts';
import {moveWatermark, newestModified, noteRefused, streamState, type StreamState} from '../store/stream-states.ts';
import {endCrawl, type HeldTask, type StreamEnd} from '../store/tasks.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {requestHash} from './list-calls.ts';
import {readInputs, readPendingInputs} from './read-by-key.ts';
import {readParents} from './read-parents.ts';
import {readPass} from './read-pass.ts';
import {readTail} from './read-tail.ts';
import {readWindow} from './read-window.ts';
import {searchHasGaps} from './search-gaps.ts';

/**
 * Reads one stream of a run, from where it stands to the end: what is fresh first, then, in a full run or for a stream
 * that was never read, all of it. Repeating it after a crash is harmless. What ends the whole run is thrown; what
 * concerns this stream alone becomes its outcome.
 */
export async function crawl(deps: JobDeps, task: HeldTask, signal: AbortSignal): Promise<StreamEnd> {
  const {store} = deps;
  const stream = streamNamed(task.stream);
  const state = await streamState(store, task.scopeId, stream, requestHash(stream));
  let end: StreamEnd;
  try {
    const hasRead = await read(deps, task, stream, state, signal);
    const sourceCount = stream.name === 'inputs' && hasRead ? await inputCounts(deps.client, task.scope, signal) : null;
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

/** Gives whether anything was asked of the API. */
async function read(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  signal: AbortSignal,
): Promise<boolean> {
  const isFull = (task.mode === 'full' || !state.wasRead) && !task.passDone;
  switch (deps.rules.strategyOf(stream)) {
    case 'tail': {
      const asked = state.wasRead && (await fresh(deps, task, stream, 'tail', () => readTail(deps, task, stream, signal)));
      const pending = state.wasRead && (await readPendingInputs(deps, task, stream, signal));
      if (isFull) await readPass(deps, task, stream, [], !state.wasRead, signal);
      return asked || pending || isFull;
    }
    case 'window': {
      const asked = state.wasRead && (await readFreshAnnotations(deps, task, stream, state, signal));
      if (isFull) await readAllAnnotations(deps, task, stream, state, signal);
      return asked || isFull;
    }
    case 'list': {
      if (stream.marker && !isFull) {
        return await fresh(deps, task, stream, 'pass', () => readPass(deps, task, stream, [], false, signal));
      }
      await readPass(deps, task, stream, [], !state.wasRead, signal);
      return true;
    }
    case 'children':
    case 'members':
    case 'fixed':
      return (await readParents(deps, task, stream, state, signal)) > 0 || isFull;
  }
}

/** Does a reading of what is fresh unless the marker spares it, and keeps the marker that it began with. */
async function fresh(
  {store}: JobDeps,
  task: HeldTask,
  stream: Stream,
  reading: Reading,
  work: () => Promise<unknown>,
): Promise<boolean> {
  // A full run is never spared: it was asked for because somebody does not trust what is there.
  if (task.mode !== 'full' && (await isSpared(store, task, stream, reading))) return false;
  await work();
  await storeMarker(store, task, stream, reading);
  return true;
}

async function readFreshAnnotations(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  signal: AbortSignal,
): Promise<boolean> {
  const canSearch = state.searchGaps !== null && state.searchGaps.length === 0;
  if (!canSearch || state.watermark === null) return await readInstead(deps, task, stream, signal);
  const {watermark} = state;
  return await fresh(deps, task, stream, 'window', async () => {
    let result;
    try {
      result = await readWindow(deps, task, stream, watermark, signal);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      deps.log.warn({stream: stream.name, err: error}, 'search was refused');
      await readPass(deps, task, stream, [], false, signal);
      return;
    }
    if (!result.isComplete) await readAllAnnotations(deps, task, stream, state, signal);
    if (task.options.streams.includes('inputs')) await readInputs(deps, task, result.touchedInputs, signal);
  });
}

/** The search cannot be used: the list is read when the marker has moved. */
async function readInstead(deps: JobDeps, task: HeldTask, stream: Stream, signal: AbortSignal): Promise<boolean> {
  // In a full run the pass follows anyhow.
  if (task.mode === 'full' && !task.passDone) return false;
  return await fresh(deps, task, stream, 'pass', () => readPass(deps, task, stream, [], false, signal));
}

async function readAllAnnotations(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  signal: AbortSignal,
): Promise<void> {
  await readPass(deps, task, stream, [], !state.wasRead, signal);
  const newest = await newestModified(deps.store, task, stream);
  const watermark = watermarkOf(newest, task.sourceTimeMs, deps.rules.settleMs);
  if (watermark !== null) await moveWatermark(deps.store, task, stream, watermark);
  if (state.searchGaps === null) await searchHasGaps(deps, task, stream, signal);
}

const isRefusal = (error: unknown): boolean =>
  error instanceof SourceNotOfferedError ||
  error instanceof SourceScopeError ||
  error instanceof SourceRefusedError ||
  error instanceof SourcePagingCapError;

/** Quota, credential, store and lost fences concern everything; the API's silence may concern one list alone. */
function endsRun(error: unknown): boolean {
  if (!(error instanceof SyncError)) return true;
  const cause = causeOf(error);
  return cause === 'throttled' || cause === 'credential' || cause === 'store' || cause === 'usage' || isFenceLost(error);
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
