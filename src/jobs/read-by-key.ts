import {keyBatches} from '../source/key-batches.ts';
import {pendingKeys} from '../store/parents.ts';
import type {HeldTask} from '../store/tasks.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {PageGroups} from './page-groups.ts';
import {inputsByIdsSafely} from './streamed-inputs.ts';

/** Most pending records that one run asks for again: 20 requests of inputs. */
const MAX_PENDING = 2_560;

/** Reads inputs again by their ids. An id that the app no longer has is left out: only a pass finds deletions. */
export async function readInputs(
  deps: JobDeps,
  task: HeldTask,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const groups = new PageGroups(deps, task, streamNamed('inputs'), []);
  try {
    for (const batch of keyBatches(ids.map((id) => ({ids: id})))) {
      for (const records of await inputsByIdsSafely(deps.client, task.scope, batch.ids, signal)) {
        await groups.add(records, {kind: 'none'});
      }
    }
  } finally {
    await groups.flush();
  }
}

/** Reads again the inputs that were still being downloaded or processed. */
export async function readPendingInputs(deps: JobDeps, task: HeldTask, stream: Stream, signal: AbortSignal): Promise<boolean> {
  const keys = await pendingKeys(deps.store, task, stream, MAX_PENDING);
  await readInputs(
    deps,
    task,
    keys.map((key) => key[0] as string),
    signal,
  );
  return keys.length > 0;
}
