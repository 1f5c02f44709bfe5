import {earlier, watermarkOf} from '../core/window.ts';
import type {Pass} from '../store/passes.ts';
import {noteSweeping} from '../store/slices.ts';
import {hasGoneBack, moveWatermark, newestModified, type StreamState} from '../store/stream-states.ts';
import type {HeldTask} from '../store/tasks.ts';
import {noteInputsOfChanged} from '../store/wanted.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {mustReadAll, readFresh} from './fresh.ts';
import {readWantedAnnotations, readWantedInputs} from './read-by-key.ts';
import {readPass} from './read-pass.ts';
import {readWindow} from './read-window.ts';
import {isRefusal, unlessRefused} from './refusals.ts';
import {findSearchGaps} from './search-gaps.ts';

/** What is fresh first, then, where that is due, all of it. `maySearch`: the search is not switched off. */
export async function readAnnotations(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  maySearch: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const isFull = mustReadAll(task, state);
  const hasWanted = state.wasRead && (await readWantedAnnotations(deps, task, signal));
  const hasFresh = state.wasRead && (await readFreshAnnotations(deps, task, stream, state, maySearch, signal));
  if (isFull && state.wasRead) await noteSweeping(deps.store, task);
  if (isFull) await readAllAnnotations(deps, task, stream, state, signal);
  if (task.options.streams.includes('inputs')) {
    await unlessRefused(deps, stream, () => readWantedInputs(deps, task, signal));
  }
  return hasWanted || hasFresh || isFull;
}

async function readFreshAnnotations(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  maySearch: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const {watermark, searchGaps} = state;
  // In a full run the pass follows, and does what the list would do.
  const readList = async (): Promise<boolean> =>
    mustReadAll(task, state) ? false : await readChangedList(deps, task, stream, state, maySearch, signal);
  if (!maySearch || searchGaps === null || searchGaps.length > 0 || watermark === null) {
    if (mustReadAll(task, state)) return false;
    return await readFresh(deps, task, stream, 'pass', readList);
  }
  return await readFresh(deps, task, stream, 'window', async () => {
    if (await hasGoneBack(deps.store, task, deps.rules.settleMs)) {
      deps.log.warn({stream: stream.name}, 'the clock of the source has gone back: the list was read');
      return await readList();
    }
    try {
      if (await readWindow(deps, task, stream, watermark, signal)) return task.isMarkerSettled;
      deps.log.warn({stream: stream.name}, 'more changed at once than the search can show: the list was read');
    } catch (error) {
      if (!isRefusal(error)) throw error;
      deps.log.warn({stream: stream.name, err: error}, 'search was refused');
    }
    return await readList();
  });
}

/** The list instead of the search; inputs that changed annotations tell of are noted from what is stored. */
async function readChangedList(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  maySearch: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const {store, rules} = deps;
  const pass = await readPass(deps, task, stream, [], false, signal, async (read) => {
    const since = state.watermark === null ? null : earlier(state.watermark.at, rules.settleMs);
    await noteInputsOfChanged(store, task, since);
    await moveWatermarkAfter(deps, task, stream, read);
    if (maySearch && state.searchGaps === null) await findSearchGaps(deps, task, stream, null, signal);
  });
  return pass.isMarkerSettled && task.isMarkerSettled;
}

async function readAllAnnotations(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  signal: AbortSignal,
): Promise<void> {
  await readPass(deps, task, stream, [], !state.wasRead, signal, async (read) => {
    await moveWatermarkAfter(deps, task, stream, read);
    if (deps.rules.strategyOf(stream) === 'window') await findSearchGaps(deps, task, stream, state.searchGaps, signal);
  });
}

/** A pass may have begun in an earlier run: what changed since then on pages behind it was not seen. */
async function moveWatermarkAfter(deps: JobDeps, task: HeldTask, stream: Stream, pass: Pass): Promise<void> {
  const newest = await newestModified(deps.store, task, stream);
  const watermark = watermarkOf(newest, pass.sourceTimeMs, deps.rules.settleMs);
  if (watermark !== null) await moveWatermark(deps.store, task, stream, watermark);
}
