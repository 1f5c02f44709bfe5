import pLimit from 'p-limit';
import {SourceGoneError} from '../core/source-errors.ts';
import {allParents, dueParents, namedParents, parentReads} from '../store/parents.ts';
import {noteAllRead, type StreamState} from '../store/stream-states.ts';
import type {HeldTask} from '../store/tasks.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {requestHash} from './list-calls.ts';
import {readPass} from './read-pass.ts';

/** Parents read at once: enough to hide the latency of lists of one page; commits of one task wait for each other. */
const PARENTS_AT_ONCE = 6;

/**
 * Reads what lies under each parent whose children may have changed, or under all of them in a full run; each parent is
 * a pass of its own. One that fails does not stop the others.
 * @returns how many parents were read
 * @throws the first failure, after all were tried
 */
export async function readParents(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  signal: AbortSignal,
): Promise<number> {
  const isFull = (task.mode === 'full' || !state.wasRead) && !task.passDone;
  const parents = isFull ? await unread(deps, task, stream) : await due(deps, task, stream);
  const limit = pLimit(PARENTS_AT_ONCE);
  const ended = await Promise.allSettled(
    parents.map((parent) => limit(async () => readUnder(deps, task, stream, parent, signal))),
  );
  const failed = ended.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  if (isFull) await noteAllRead(deps.store, task, stream, requestHash(stream));
  return parents.length;
}

/** All parents, less those that an earlier attempt of this run has been through. */
async function unread({store}: JobDeps, task: HeldTask, stream: Stream): Promise<string[][]> {
  const parents = await allParents(store, task, stream);
  if (task.attempt === 1) return parents;
  const readIn = await parentReads(store, task, stream);
  return parents.filter((parent) => readIn.get(JSON.stringify(parent)) !== BigInt(task.sequence));
}

async function due({store, rules}: JobDeps, task: HeldTask, stream: Stream): Promise<string[][]> {
  const parents = await dueParents(store, task, stream, rules.sweepMs);
  if (stream.strategy !== 'members') return parents;
  const known = new Set(parents.map((parent) => JSON.stringify(parent)));
  const more = new Map<string, string[]>();
  for (const naming of CATALOGUE.filter((each) => each.namesMembersOf?.stream === stream.under?.stream)) {
    const named = await namedParents(store, task, naming);
    if (named.size === 0) continue;
    const readIn = await parentReads(store, task, stream);
    for (const parent of await allParents(store, task, stream)) {
      const key = JSON.stringify(parent);
      const changedIn = named.get(parent.at(-1) as string);
      if (changedIn === undefined || known.has(key)) continue;
      if (changedIn === BigInt(task.sequence) || changedIn > (readIn.get(key) ?? 0n)) more.set(key, parent);
    }
  }
  return [...parents, ...more.values()];
}

async function readUnder(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  parent: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  try {
    await readPass(deps, task, stream, parent, false, signal);
  } catch (error) {
    // The parent itself was deleted since it was listed: its own list will show it, and take the children along.
    if (!(error instanceof SourceGoneError)) throw error;
    deps.log.info({stream: stream.name, parent: parent.join('/')}, 'parent was gone');
  }
}
