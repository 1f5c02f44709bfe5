import {inputCounts} from '../source/calls.ts';
import {hasCountGap} from '../store/counts.ts';
import {noteSweeping} from '../store/slices.ts';
import type {StreamState} from '../store/stream-states.ts';
import type {HeldTask} from '../store/tasks.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {mustReadAll, readFresh} from './fresh.ts';
import {readPendingInputs, readWantedAnnotations, readWantedInputs} from './read-by-key.ts';
import {readPass} from './read-pass.ts';
import {readTail} from './read-tail.ts';
import {isRefusal, unlessRefused} from './refusals.ts';

/** Inputs: what is fresh first, then, where that is due, all of them. Gives whether anything was asked of the API. */
export async function readInputs(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  signal: AbortSignal,
): Promise<boolean> {
  const isFull = mustReadAll(task, state);
  const hasFresh = state.wasRead && (await readFreshInputs(deps, task, stream, signal));
  if (isFull && state.wasRead) await noteSweeping(deps.store, task);
  if (isFull) await readPass(deps, task, stream, [], !state.wasRead, signal);
  // Inputs that are back may have brought their annotations, which show no change of their own.
  if (task.options.streams.includes('annotations')) {
    await unlessRefused(deps, stream, () => readWantedAnnotations(deps, task, signal));
  }
  return hasFresh || isFull;
}

async function readFreshInputs(deps: JobDeps, task: HeldTask, stream: Stream, signal: AbortSignal): Promise<boolean> {
  const hasTail = await readFresh(deps, task, stream, 'tail', async () => {
    await readTail(deps, task, stream, signal);
    return task.isMarkerSettled;
  });
  const hasPending = await readPendingInputs(deps, task, stream, signal);
  const hasWanted = await readWantedInputs(deps, task, signal);
  return hasTail || hasPending || hasWanted;
}

/** How many inputs the source has. Asked when inputs were read, and while the last answer was not what the mirror has. */
export async function countInputs(
  {client, store, log}: JobDeps,
  task: HeldTask,
  hasRead: boolean,
  signal: AbortSignal,
): Promise<number | null> {
  if (!hasRead && !(await hasCountGap(store, task))) return null;
  try {
    return await inputCounts(client, task.scope, signal);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    log.info({stream: 'inputs', err: error}, 'counts were refused');
    return null;
  }
}
