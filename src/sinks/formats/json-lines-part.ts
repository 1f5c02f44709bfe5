import {SourceGoneError, SourceNotOfferedError, SourceRefusedError} from '../core/source-errors.ts';
import {preparePage} from '../core/prepare.ts';
import {listByKeys, recordExists} from '../source/calls.ts';
import {keyBatches} from '../source/key-batches.ts';
import type {SourceRecords} from '../source/pages.ts';
import {controlKey, type Candidate, type Verdict} from '../store/candidates.ts';
import type {HeldTask} from '../store/tasks.ts';
import {keyNames, type Proof, type ProofBatch, type Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {pathParams} from './list-calls.ts';

/** Requests that a run may still spend on proofs; shared by its streams. */
export interface ProofBudget {
  left: number;
}

type Key = readonly string[];

/**
 * Asks the source about rows that a pass missed, and yields what it said as it goes, so that what is proved is kept
 * whatever comes after. Gone is only what the API itself calls not existing, or what a good list leaves out that holds
 * a record known to live (design, section 4). What the budget does not reach is left for a later run.
 */
export async function* prove(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  missed: readonly Candidate[],
  budget: ProofBudget,
  signal: AbortSignal,
): AsyncGenerator<Verdict> {
  const known = missed.filter((candidate) => isProved(stream.proof, candidate)).map((candidate) => candidate.key);
  if (known.length > 0) yield {gone: known, alive: []};
  // One whose key had to be repaired is left unproved: it cannot be asked for, by this key the API knows another.
  const open = missed.filter((each) => !isProved(stream.proof, each) && !each.isRepaired).map(({key}) => key);
  yield* askById(deps, task, stream, open, budget, signal);
}

/** Asks by id, in batches where the stream has them; nothing of a stream whose records cannot be asked for. */
export async function* askById(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  open: readonly Key[],
  budget: ProofBudget,
  signal: AbortSignal,
): AsyncGenerator<Verdict> {
  if (stream.proof.kind !== 'id') return;
  const {batch, path} = stream.proof;
  const control = batch === undefined || open.length < 2 ? null : await controlKey(deps.store, task, stream);
  if (batch === undefined || control === null) {
    yield* askEach(deps, task, stream, path, open, budget, signal);
    return;
  }
  for (const keys of batchesOf(stream, batch, open)) {
    if (budget.left <= 0) return;
    budget.left--;
    const verdict = await askList(deps, task, stream, batch, keys, control, signal);
    if (verdict === null) yield* askEach(deps, task, stream, path, keys, budget, signal);
    else yield verdict;
  }
}

/** The marker stood still around a clean pass; or the record cannot be asked for and two clean passes missed it. */
function isProved(proof: Proof, {isMarkerProved, isClean, misses}: Candidate): boolean {
  return (isMarkerProved && isClean) || (proof.kind === 'twice' && isClean && misses >= 2);
}

async function* askEach(
  {client}: JobDeps,
  task: HeldTask,
  stream: Stream,
  path: string,
  keys: readonly Key[],
  budget: ProofBudget,
  signal: AbortSignal,
): AsyncGenerator<Verdict> {
  const names = keyNames(stream);
  for (const key of keys) {
    if (budget.left <= 0) return;
    budget.left--;
    const params = {
      ...pathParams(task.scope, stream, []),
      ...Object.fromEntries(names.map((name, i) => [name, key[i] as string])),
    };
    try {
      const found = await recordExists(client, path, params, signal);
      yield found === 'gone' ? {gone: [key], alive: []} : {gone: [], alive: [key]};
    } catch (error) {
      // Cannot be asked for by this credential, or not by this id: nothing is proved, the row stays.
      if (!(error instanceof SourceRefusedError || error instanceof SourceNotOfferedError)) throw error;
    }
  }
}

/** One request for many keys and the control record. null: the answer proves nothing. */
async function askList(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  batch: ProofBatch,
  keys: readonly Key[],
  control: Key,
  signal: AbortSignal,
): Promise<Verdict | null> {
  const names = keyNames(stream);
  const asked = [...keys, control];
  const params = Object.fromEntries(
    names.map((name, i) => [batch.params[name] as string, asked.map((key) => key[i] as string)]),
  );
  const list = {
    template: batch.path,
    params: pathParams(task.scope, stream, []),
    field: stream.responseField,
    ...(batch.query === undefined ? {} : {query: batch.query}),
  };
  let records: SourceRecords;
  try {
    records = await listByKeys(deps.client, list, params, signal);
  } catch (error) {
    if (error instanceof SourceGoneError || error instanceof SourceRefusedError) return null;
    throw error;
  }
  const found = keysIn(deps, stream, records);
  if (!found.has(JSON.stringify(control))) return null;
  return {
    gone: keys.filter((key) => !found.has(JSON.stringify(key))),
    alive: keys.filter((key) => found.has(JSON.stringify(key))),
  };
}

function keysIn({rules}: JobDeps, stream: Stream, {bytes, spans}: SourceRecords): Set<string> {
  const page = preparePage(stream.shape, bytes, spans, {parentKey: [], maxRecordBytes: rules.maxRecordBytes});
  const stored = Array.from({length: page.count}, (_, i) => page.keys.map((part) => part[i] as string));
  const rejected = page.rejects.flatMap((reject) => (reject.key === null ? [] : [reject.key]));
  return new Set([...stored, ...rejected].map((key) => JSON.stringify(key)));
}

/** Batches that leave room for the control record, within what an address may hold. */
function* batchesOf(stream: Stream, batch: ProofBatch, keys: readonly Key[]): Generator<Key[]> {
  const names = keyNames(stream);
  const named = keys.map((key) => Object.fromEntries(names.map((name, i) => [name, key[i] as string])));
  for (const values of keyBatches(named, batch.size - 1)) {
    const count = values[names[0] as string]?.length ?? 0;
    yield Array.from({length: count}, (_, i) => names.map((name) => values[name]?.[i] as string));
  }
}
