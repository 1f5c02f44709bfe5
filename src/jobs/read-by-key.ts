import {SourceGoneError, SourceRefusedError} from '../core/source-errors.ts';
import {keyBatches} from '../source/key-batches.ts';
import {numberedPages} from '../source/numbered-pages.ts';
import {noteAsked, pendingKeys} from '../store/pending.ts';
import type {HeldTask} from '../store/tasks.ts';
import {dropWanted, wanted} from '../store/wanted.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {listCall} from './list-calls.ts';
import {PageGroups} from './page-groups.ts';
import {inputsByIdsSafely} from './streamed-inputs.ts';

/** Most pending records that one run asks for again: 20 requests of inputs. */
const MAX_PENDING = 2_560;

/** Notes of what is to be read by key that are taken up at once. */
const WANTED_AT_ONCE = 1_280;

/** Inputs whose annotations are asked for in one request (clarifai-api.md, section 8: keep to 30 to 50). */
const INPUTS_AT_ONCE = 40;

/** Reads inputs again by their ids. An id that the app no longer has is left out: only a pass finds deletions. */
async function readInputs(deps: JobDeps, task: HeldTask, ids: readonly string[], signal: AbortSignal): Promise<void> {
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

/** Reads again the inputs that were still being downloaded or processed. Gives whether there were any. */
export async function readPendingInputs(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  signal: AbortSignal,
): Promise<boolean> {
  const keys = await pendingKeys(deps.store, task, stream, MAX_PENDING);
  if (keys.length === 0) return false;
  await readInputs(
    deps,
    task,
    keys.map((key) => key[0] as string),
    signal,
  );
  await noteAsked(deps.store, task, stream, keys);
  return true;
}

/** Reads again the inputs that changed annotations told of, in this run or in one that had no inputs. */
export async function readWantedInputs(deps: JobDeps, task: HeldTask, signal: AbortSignal): Promise<boolean> {
  return await readWanted(deps, task, streamNamed('inputs'), (keys) => readInputs(deps, task, keys, signal));
}

/** Reads the annotations of inputs that were marked deleted, their annotations along with them, and are back. */
export async function readWantedAnnotations(deps: JobDeps, task: HeldTask, signal: AbortSignal): Promise<boolean> {
  const stream = streamNamed('annotations');
  return await readWanted(deps, task, stream, (inputIds) => readAnnotationsOf(deps, task, stream, inputIds, signal));
}

async function readAnnotationsOf(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  inputIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const groups = new PageGroups(deps, task, stream, []);
  try {
    for (const batch of keyBatches(
      inputIds.map((id) => ({input_ids: id})),
      INPUTS_AT_ONCE,
    )) {
      await readAnnotationsUnder(deps, task, stream, batch.input_ids, groups, signal);
    }
  } finally {
    await groups.flush();
  }
}

/** All pages of these inputs' annotations. Where the API answers an error because one is gone, the rest is asked for in halves. */
async function readAnnotationsUnder(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  inputIds: readonly string[],
  groups: PageGroups,
  signal: AbortSignal,
): Promise<void> {
  const options = {from: null, pageSize: deps.rules.pageSizeOf(stream)};
  try {
    for (const list of stream.lists) {
      const query = {...list.query, input_ids: inputIds};
      const call = {...listCall(task.scope, stream, list, []), method: 'GET' as const, query};
      for await (const page of numberedPages(deps.client, call, options, signal)) {
        await groups.add(page, {kind: 'none'});
      }
    }
  } catch (error) {
    if (!(error instanceof SourceGoneError || error instanceof SourceRefusedError)) throw error;
    if (inputIds.length === 1) return;
    const half = inputIds.length >> 1;
    await readAnnotationsUnder(deps, task, stream, inputIds.slice(0, half), groups, signal);
    await readAnnotationsUnder(deps, task, stream, inputIds.slice(half), groups, signal);
  }
}

/** Reads what is noted of a stream, note by note, and forgets each once it has been read. */
async function readWanted(
  {store}: JobDeps,
  task: HeldTask,
  stream: Stream,
  read: (firstParts: readonly string[]) => Promise<void>,
): Promise<boolean> {
  for (let hasRead = false; ; hasRead = true) {
    const notes = await wanted(store, task, stream, WANTED_AT_ONCE);
    if (notes.length === 0) return hasRead;
    await read(notes.map(({key}) => key[0] as string));
    await dropWanted(store, task, stream, notes);
  }
}
