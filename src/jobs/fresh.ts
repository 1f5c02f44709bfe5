import {isSpared, storeMarker, type Reading} from '../store/markers.ts';
import type {StreamState} from '../store/stream-states.ts';
import type {HeldTask} from '../store/tasks.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';

/** All of the stream is to be read in this attempt. */
export function mustReadAll(task: HeldTask, state: StreamState): boolean {
  if (task.passDone) return false;
  return !state.wasRead || (task.mode === 'full' && !wasSwept(task, state));
}

/** Was all of it read by an earlier run of the full reading that this run carries on? */
function wasSwept({sweepSinceMs}: HeldTask, {lastReadMs}: StreamState): boolean {
  return sweepSinceMs !== null && lastReadMs !== null && lastReadMs >= sweepSinceMs;
}

/**
 * Does a reading of what is fresh unless the marker spares it, and keeps the marker that it began with. `work` tells
 * whether that marker had settled when its first page was asked for.
 */
export async function readFresh(
  {store}: JobDeps,
  task: HeldTask,
  stream: Stream,
  reading: Reading,
  work: () => Promise<boolean>,
): Promise<boolean> {
  // A full run is never spared: it was asked for because somebody does not trust what is there.
  // One that carries on another's full reading does of the fresh work what an incremental run does.
  const mayBeSpared = task.mode !== 'full' || task.sweepFrom !== null;
  if (mayBeSpared && (await isSpared(store, task, stream, reading))) return false;
  await storeMarker(store, task, stream, reading, await work());
  return true;
}
