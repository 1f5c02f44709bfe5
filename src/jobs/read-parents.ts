import pLimit from 'p-limit';
import {SourceGoneError, SourceNotOfferedError, SourceScopeError} from '../core/source-errors.ts';
import {
  allParents,
  dueParents,
  namedParents,
  parentReads,
  sinceLastRead,
  unfixedParents,
  unreadParents,
  type DueParent,
} from '../store/parents.ts';
import {noteSweeping} from '../store/slices.ts';
import {noteAllRead, streamState, type StreamState} from '../store/stream-states.ts';
import type {HeldTask} from '../store/tasks.ts';
import {CATALOGUE, streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {mustReadAll} from './fresh.ts';
import {requestHash} from './list-calls.ts';
import {readPass} from './read-pass.ts';

/** Parents read at once: enough to hide the latency of lists of one page; commits of one task wait for each other. */
const PARENTS_AT_ONCE = 6;

type Key = readonly string[];

/**
 * Reads what lies under each parent whose children may have changed, or under all of them in a full run; each parent is
 * a pass of its own. One that fails does not stop the others, but a list that the API does not offer is asked for once.
 * Where the parents themselves were never read there is nothing to be known of what lies under them.
 * @returns whether anything was read
 * @throws the first failure, after all were tried
 */
export async function readParents(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  state: StreamState,
  signal: AbortSignal,
): Promise<boolean> {
  const parentStream = streamNamed(stream.under?.stream ?? '');
  const ofParents = await streamState(deps.store, task.scopeId, parentStream, requestHash(parentStream));
  if (!ofParents.wasEverRead) return false;
  const isAll = mustReadAll(task, state);
  const {fresh, rest} = await parentsToRead(deps, task, stream, state);
  const limit = pLimit(PARENTS_AT_ONCE);
  let isRefused = false;
  const readEach = (parents: readonly Key[]): Promise<PromiseSettledResult<void>[]> =>
    Promise.allSettled(
      parents.map((parent) =>
        limit(async () => {
          if (isRefused) return;
          try {
            await readUnder(deps, task, stream, parent, signal);
          } catch (error) {
            isRefused ||= error instanceof SourceNotOfferedError || error instanceof SourceScopeError;
            throw error;
          }
        }),
      ),
    );
  const ended = await readEach(fresh);
  signal.throwIfAborted();
  if (isAll && state.wasRead && rest.length > 0) await noteSweeping(deps.store, task);
  ended.push(...(await readEach(rest)));
  const failed = ended.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  if (isAll) await noteAllRead(deps.store, task, stream, requestHash(stream));
  return fresh.length > 0 || isAll;
}

/** Parents to be read under. */
interface ToRead {
  /** What may have changed. */
  readonly fresh: readonly Key[];
  /** What comes after it, for the sake of reading all. */
  readonly rest: readonly Key[];
}

/**
 * In a full run all parents, first those that may have changed, then the one that was not read for longest first, so that
 * runs that end early come round; for a stream of which not all was read, what is left of that beside what may have changed.
 */
async function parentsToRead(deps: JobDeps, task: HeldTask, stream: Stream, state: StreamState): Promise<ToRead> {
  const {store} = deps;
  const unread = state.wasRead || task.passDone ? [] : await unreadParents(store, task, stream, requestHash(stream));
  if (stream.strategy === 'fixed') {
    return {fresh: together(unread, await unfixedParents(store, task, stream)), rest: []};
  }
  if (task.mode === 'full' && mustReadAll(task, state)) return await inFull(deps, task, stream);
  return {fresh: together(unread, await due(deps, task, stream)), rest: []};
}

/**
 * All parents, less those that an earlier attempt has been through, or an earlier run of the full reading that this one
 * carries on; of the latter those come again that may have changed since.
 */
async function inFull(deps: JobDeps, task: HeldTask, stream: Stream): Promise<ToRead> {
  const {store} = deps;
  const readIn = await parentReads(store, task, stream);
  const sequenceOf = (parent: Key): bigint => readIn.get(JSON.stringify(parent)) ?? 0n;
  const parents = await dueParents(store, task, stream, deps.rules.sweepMs);
  const fresh = (await told(deps, task, stream, parents)).filter(
    (parent) => sequenceOf(parent) !== BigInt(task.sequence),
  );
  const isFresh = new Set(fresh.map((parent) => JSON.stringify(parent)));
  const since = BigInt(task.sweepFrom ?? task.sequence);
  const all = await allParents(store, task, stream);
  return {fresh, rest: all.filter((parent) => sequenceOf(parent) < since && !isFresh.has(JSON.stringify(parent)))};
}

/** Parents of which something tells that their children may have changed. */
async function told(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  parents: readonly DueParent[],
): Promise<readonly Key[]> {
  const known = parents.filter(({isRotation}) => !isRotation).map(({key}) => key);
  return stream.strategy === 'members' ? together(known, await named(deps, task, stream)) : known;
}

async function due(deps: JobDeps, task: HeldTask, stream: Stream): Promise<readonly Key[]> {
  const {store, rules} = deps;
  const parents = await dueParents(store, task, stream, rules.sweepMs);
  return together(await told(deps, task, stream, parents), await inTurn(deps, task, stream, parents));
}

/** Of the parents that were only not looked at for long as many as the sweep's share of the budget allows. */
async function inTurn(
  {store, rules, log}: JobDeps,
  task: HeldTask,
  stream: Stream,
  parents: readonly DueParent[],
): Promise<readonly Key[]> {
  const rotation = parents.filter(({isRotation}) => isRotation).map(({key}) => key);
  if (rotation.length === 0) return [];
  const elapsedMs = await sinceLastRead(store, task, stream);
  const requests = elapsedMs === null ? Infinity : rules.sweepRequests(elapsedMs);
  const mayRead = Math.max(1, Math.floor(requests / requestsPerParent(stream)));
  if (mayRead < rotation.length) {
    log.info({stream: stream.name, parents: rotation.length, read: mayRead}, 'parents wait for their turn');
  }
  return rotation.slice(0, mayRead);
}

/** A page and the empty one after it. */
const requestsPerParent = (stream: Stream): number => stream.lists.length * (stream.pages === 'single' ? 1 : 2);

/** Parents that changed records of another stream name. */
async function named({store}: JobDeps, task: HeldTask, stream: Stream): Promise<readonly Key[]> {
  const found: Key[] = [];
  for (const naming of CATALOGUE.filter((each) => each.namesMembersOf?.stream === stream.under?.stream)) {
    const changed = await namedParents(store, task, naming);
    if (changed.size === 0) continue;
    const readIn = await parentReads(store, task, stream);
    for (const parent of await allParents(store, task, stream)) {
      const changedIn = changed.get(parent.at(-1) as string);
      if (changedIn === undefined) continue;
      if (changedIn === BigInt(task.sequence) || changedIn > (readIn.get(JSON.stringify(parent)) ?? 0n)) {
        found.push(parent);
      }
    }
  }
  return found;
}

/** Each key once, in order. */
function together(...lists: readonly (readonly Key[])[]): readonly Key[] {
  return [...new Map(lists.flat().map((key) => [JSON.stringify(key), key])).values()];
}

async function readUnder(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  parent: Key,
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
