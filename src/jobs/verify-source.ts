import {preparePage} from '../core/prepare.ts';
import type {Scope} from '../core/scope.ts';
import {RowCheck, type Suspect} from '../store/verify-rows.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {batchOf, recordsOf, type Extent} from './records-of.ts';

/** What a reading of the source and the rows came to. */
export interface Reading {
  readonly read: number;
  /** By what they are, key and content: the same again only while nothing has moved. At most SUSPECTS_KEPT. */
  readonly suspects: ReadonlyMap<string, Suspect>;
  /** All of them, those that are not kept too. */
  readonly count: number;
}

/** Differences of a stream that are looked at a second time. */
export const SUSPECTS_KEPT = 1_000;

export type VerifyDeps = Pick<JobDeps, 'store' | 'client' | 'rules' | 'log'>;

/** Reads a part of a stream, or all of it, as a sync would, and compares it with the rows both ways. Writes nothing. */
export async function readAndCompare(
  deps: VerifyDeps,
  scope: Scope,
  stream: Stream,
  extent: Extent,
  signal: AbortSignal,
): Promise<Reading> {
  const {shape} = deps.store.streamOf(stream);
  await using check = await RowCheck.open(deps.store, scope, deps.store.streamOf(stream));
  const suspects = new Map<string, Suspect>();
  let read = 0;
  let count = 0;
  const add = (found: readonly Suspect[]): void => {
    for (const suspect of found) {
      const id = idOf(suspect);
      // A list that shifts under the reader shows a record twice.
      if (suspects.has(id)) continue;
      if (suspects.size < SUSPECTS_KEPT) suspects.set(id, suspect);
      count++;
    }
  };
  for await (const {records, parent} of recordsOf(deps, scope, stream, extent, signal)) {
    const context = {parentKey: parent, maxRecordBytes: deps.rules.maxRecordBytes, owner: scope};
    const page = preparePage(shape, records.bytes, records.spans, context);
    read += records.spans.length / 2;
    add(await check.compare(page));
  }
  const expected = expectedOf(stream, extent);
  const missed = await check.notShown(expected, SUSPECTS_KEPT);
  add(missed.suspects);
  return {read, suspects, count: count + missed.count - missed.suspects.length};
}

function expectedOf(stream: Stream, extent: Extent): Parameters<RowCheck['notShown']>[0] {
  if (extent.kind === 'keys') return {keys: extent.keys};
  return stream.under === undefined || extent.isAll ? 'all' : {parents: extent.parents};
}

/** The reading that looks again at what differed: by key where the stream can, else the lists that showed it. */
export function extentAgain(stream: Stream, suspects: Iterable<Suspect>): Extent {
  const keys = [...suspects].map(({key}) => key);
  if (batchOf(stream) !== null) return {kind: 'keys', keys};
  const parts = Object.values(stream.under?.keys ?? {}).map((name) => keyNames(stream).indexOf(name));
  const parents = new Map(
    keys.map((key) => parts.map((part) => key[part] as string)).map((p) => [JSON.stringify(p), p]),
  );
  return {kind: 'lists', parents: [...parents.values()], isAll: false};
}

const idOf = ({what, key, content}: Suspect): string => JSON.stringify([what, key, content]);
