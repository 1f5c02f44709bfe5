import type {Cursor} from '../core/cursor.ts';
import type {Scope} from '../core/scope.ts';
import {getApp} from '../source/calls.ts';
import {TailKeeper, tailOf} from '../source/tail-cursor.ts';
import {checkpoint} from '../store/checkpoints.ts';
import {numberedPages} from '../source/numbered-pages.ts';
import type {SourcePage} from '../source/pages.ts';
import {singlePage} from '../source/single-page.ts';
import {
  completePass,
  missesAny,
  openPass,
  proveByMarker,
  spreadCandidates,
  type Missing,
  type Pass,
} from '../store/passes.ts';
import type {HeldTask} from '../store/tasks.ts';
import type {ListRequest, Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {listCall, requestHash} from './list-calls.ts';
import {PageGroups} from './page-groups.ts';
import {askById} from './prove.ts';
import {settledBefore} from './read-tail.ts';
import {streamedInputs} from './streamed-inputs.ts';

/** From here on asking for each missing record costs more than asking for the marker once more. */
const MANY_MISSING = 100;

/** Of so many missing records it is asked whether they are gone indeed: from both ends of the table and in between. */
const SAMPLE_IN_BATCHES = 120;
const SAMPLE_SINGLY = 9;
const MAX_SAMPLE_REQUESTS = 20;

const hasBatches = ({proof}: Stream): boolean => proof.kind === 'id' && proof.batch !== undefined;

/**
 * Reads all of a stream (or all that lies under one parent), from where an earlier attempt stopped to the end of its
 * last list; `isFirst` when all of the stream has never been read. What the reading missed becomes candidates; the seal
 * proves them. Repeating it after a crash is harmless.
 * @param beforeEnd what rests on all of it having been read: done before the pass ends, so that a process that is
 *   killed meanwhile leaves a pass to go on with, and not one whose end can only be had by reading all again
 */
export async function readPass(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  parent: readonly string[],
  isFirst: boolean,
  signal: AbortSignal,
  beforeEnd: (pass: Pass) => Promise<void> = () => Promise.resolve(),
): Promise<Pass> {
  const {store, rules} = deps;
  const pass = await openPass(store, task, stream, {
    parent,
    requestHash: requestHash(stream),
    sweepMs: rules.sweepMs,
  });
  const groups = new PageGroups(deps, task, stream, stream.under === undefined ? [] : parent);
  const tail = stream.strategy === 'tail' && isFirst ? await firstTail(deps, task, stream) : null;
  try {
    for (const [listIndex, list] of [...stream.lists.entries()].slice(pass.listIndex)) {
      const from = listIndex === pass.listIndex ? pass.cursor : null;
      for await (const page of pagesOf(deps, task.scope, stream, list, parent, from, signal)) {
        const isListEnd = !page.more && listIndex + 1 < stream.lists.length;
        tail?.add(page);
        await groups.add(page, {
          kind: 'pass',
          pass,
          listIndex: isListEnd ? listIndex + 1 : listIndex,
          cursor: isListEnd ? null : page.end,
          ...(tail === null ? {} : {tail: tail.cursor()}),
        });
      }
    }
  } finally {
    await groups.flush();
  }
  // Both look at all rows of a large stream; those under one parent are few.
  const mayBeLarge = stream.under === undefined;
  const [ended, mayMiss] = await Promise.allSettled([
    beforeEnd(pass),
    mayBeLarge ? missesAny(store, task, stream, pass) : true,
  ]);
  if (ended.status === 'rejected') throw ended.reason;
  if (mayMiss.status === 'rejected') throw mayMiss.reason;
  const missing = await completePass(store, task, stream, pass, requestHash(stream), mayMiss.value);
  await proveMany(deps, task, stream, pass, missing, signal);
  return pass;
}

/** The first reading of all inputs is what the first tail goes on from; an interrupted one is carried on. */
async function firstTail({store, rules}: JobDeps, task: HeldTask, stream: Stream): Promise<TailKeeper> {
  const kept = tailOf(await checkpoint(store, task, stream, 'tail'));
  return new TailKeeper(kept, settledBefore(task, rules.settleMs));
}

/** The pages of one of a stream's lists, as every reading of it asks for them. */
export function pagesOf(
  deps: Pick<JobDeps, 'client' | 'rules'>,
  scope: Scope,
  stream: Stream,
  list: ListRequest,
  parent: readonly string[],
  from: Cursor | null,
  signal: AbortSignal,
): AsyncIterable<SourcePage> {
  const pageSize = deps.rules.pageSizeOf(stream);
  if (stream.pages === 'last_id') return streamedInputs(deps.client, scope, {from, pageSize}, signal);
  const call = listCall(scope, stream, list, parent);
  if (stream.pages === 'single') return singlePage(deps.client, call, from, signal);
  return numberedPages(deps.client, call, {from, pageSize}, signal);
}

/**
 * The marker may stand for many proofs: the same before and after, and settled (design, section 4). It says nothing of a
 * list that was cut short by mistake; so some of the missing are asked for, and one that lives spoils it for all.
 */
async function proveMany(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  pass: Pass,
  missing: Missing,
  signal: AbortSignal,
): Promise<void> {
  const {client, store, log} = deps;
  if (!stream.marker || missing.rows <= MANY_MISSING || missing.settledMarker === null) return;
  const {marker} = await getApp(client, task.scope, signal);
  if (marker !== missing.settledMarker) return;
  const budget = {left: MAX_SAMPLE_REQUESTS};
  const sample = await spreadCandidates(
    store,
    task,
    stream,
    pass,
    hasBatches(stream) ? SAMPLE_IN_BATCHES : SAMPLE_SINGLY,
  );
  let gone = 0;
  for await (const verdict of askById(deps, task, stream, sample, budget, signal)) {
    gone += verdict.gone.length;
  }
  if (gone > 0 && gone === sample.length) await proveByMarker(store, task, stream, pass);
  else log.warn({stream: stream.name, missing: missing.rows}, 'the list was not believed: some of what it lacks lives');
}
