import {messageOf} from '../core/errors.ts';
import {scopeKind} from '../core/scope.ts';
import {SinkAheadError} from '../sinks/errors.ts';
import type {Applied, Sink} from '../sinks/sink.ts';
import {beginApply, endApply, runIdOf} from '../store/applies.ts';
import {ChangeFeed} from '../store/changes.ts';
import {FenceLostError} from '../store/errors.ts';
import {renewLease, type HeldTask} from '../store/tasks.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import {failureOf} from './crawl.ts';
import type {JobDeps} from './deps.ts';
import {sinkTable} from './sink-tables.ts';

/**
 * Gives a closed run to one sink: the rows past what it has applied, all from one snapshot of the mirror. A sink that
 * fails is behind, holds up no other, and catches up with the next run. May be repeated.
 * @param onSign called whenever something has moved
 */
export async function apply(deps: JobDeps, task: HeldTask, onSign: () => void, signal: AbortSignal): Promise<void> {
  const {store, log} = deps;
  const facts = await beginApply(store, task);
  const sink = deps.sinks.get(task.stream);
  if (sink === undefined) {
    const failure = {
      code: 'SYNC_SINK_UNKNOWN',
      message: `sink ${task.stream} is not configured any more`,
      cause: 'store',
    } as const;
    await endApply(store, task, {rows: 0, previousSequence: null, failure, aheadAt: null});
    return;
  }
  try {
    const applied = await applyTo(deps, task, sink, facts, onSign, signal);
    await endApply(store, task, {...applied, failure: null, aheadAt: null});
    log.info({sink: sink.name, records: applied.rows}, 'sink applied the run');
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FenceLostError) throw error;
    log.error({sink: sink.name, err: error}, 'sink failed');
    const aheadAt = error instanceof SinkAheadError ? error.newest : null;
    const failure = {...failureOf(error), message: messageOf(error), cause: 'store'} as const;
    await endApply(store, task, {rows: 0, previousSequence: null, failure, aheadAt});
  }
}

async function applyTo(
  {store}: JobDeps,
  task: HeldTask,
  sink: Sink,
  facts: Awaited<ReturnType<typeof beginApply>>,
  onSign: () => void,
  signal: AbortSignal,
): Promise<Applied> {
  const kind = scopeKind(task.scope);
  await using feed = await ChangeFeed.open(store, task.scope);
  return await sink.apply(
    {
      storeId: store.storeId,
      runId: task.runId,
      sequence: Number(task.sequence),
      scope: task.scope,
      ...facts,
      tables: CATALOGUE.filter((stream) => stream.scope === kind).map(sinkTable),
      changes: (stream, after) => feed.changes(stream, after),
      rows: (stream, after) => feed.rows(stream, after),
      runIdOf: (sequence) => runIdOf(store, task.scopeId, sequence),
      versions: (stream, after) => feed.versions(stream, after),
      fence: task.fence,
      current: (stream) => feed.current(stream),
      wantsSnapshot: task.options.wantsSnapshot,
      takeOver: task.options.takeOver,
      guard: () => renewLease(store, task),
      onSign,
    },
    signal,
  );
}
