import type {Scope} from '../core/scope.ts';
import {SourceGoneError, SourceRefusedError} from '../core/source-errors.ts';
import {listByKeys} from '../source/calls.ts';
import {keyBatches} from '../source/key-batches.ts';
import type {SourceRecords} from '../source/pages.ts';
import {keyNames, type ProofBatch, type Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {pathParams} from './list-calls.ts';
import {pagesOf} from './read-pass.ts';

type Key = readonly string[];
type ReadDeps = Pick<JobDeps, 'client' | 'rules'>;

/** A part of a stream that is read for its own sake, beside the passes. */
export type Extent =
  | {readonly kind: 'keys'; readonly keys: readonly Key[]}
  /** All of the stream's lists; below these parents, for a stream that has any. */
  | {readonly kind: 'lists'; readonly parents: readonly Key[]; readonly isAll: boolean};

/** How many records are asked for by key in one request; null for streams that have no such request. */
export const batchOf = ({proof}: Stream): ProofBatch | null => (proof.kind === 'id' ? (proof.batch ?? null) : null);

/** The records of a part of a stream as a sync would ask for them, each page with the parent that it lies under. */
export async function* recordsOf(
  deps: ReadDeps,
  scope: Scope,
  stream: Stream,
  extent: Extent,
  signal: AbortSignal,
): AsyncGenerator<{readonly records: SourceRecords; readonly parent: Key}> {
  if (extent.kind === 'keys') {
    const batch = batchOf(stream);
    if (batch === null) return;
    for (const keys of batchesOf(stream, batch, extent.keys)) {
      for await (const records of byKeys(deps, scope, stream, batch, keys, signal)) yield {records, parent: []};
    }
    return;
  }
  for (const parent of stream.under === undefined ? [[]] : extent.parents) {
    try {
      for (const list of stream.lists) {
        for await (const records of pagesOf(deps, scope, stream, list, parent, null, signal)) yield {records, parent};
      }
    } catch (error) {
      // The parent is gone, and with it all that lay under it.
      if (!(error instanceof SourceGoneError) || parent.length === 0) throw error;
    }
  }
}

function* batchesOf(stream: Stream, batch: ProofBatch, keys: readonly Key[]): Generator<readonly Key[]> {
  const names = keyNames(stream);
  const named = keys.map((key) => Object.fromEntries(names.map((name, i) => [name, key[i] as string])));
  for (const values of keyBatches(named, batch.size)) {
    yield (values[names[0] as string] ?? []).map((_, n) => names.map((name) => values[name]?.[n] as string));
  }
}

/** Where the API answers an error because one of them is gone, the rest is asked for in halves. */
async function* byKeys(
  deps: ReadDeps,
  scope: Scope,
  stream: Stream,
  batch: ProofBatch,
  keys: readonly Key[],
  signal: AbortSignal,
): AsyncGenerator<SourceRecords> {
  const list = {
    template: batch.path,
    params: pathParams(scope, stream, []),
    field: stream.responseField,
    ...(batch.query === undefined ? {} : {query: batch.query}),
  };
  const params = Object.fromEntries(
    keyNames(stream).map((name, i) => [batch.params[name] as string, keys.map((key) => key[i] as string)]),
  );
  try {
    yield await listByKeys(deps.client, list, params, signal);
    return;
  } catch (error) {
    if (!(error instanceof SourceGoneError || error instanceof SourceRefusedError)) throw error;
    if (keys.length === 1) {
      // Refused is no word on whether it is there.
      if (error instanceof SourceRefusedError) throw error;
      return;
    }
  }
  const half = keys.length >> 1;
  yield* byKeys(deps, scope, stream, batch, keys.slice(0, half), signal);
  yield* byKeys(deps, scope, stream, batch, keys.slice(half), signal);
}
