import {comparableInstant} from '../core/instant.ts';
import {cursorAfterId} from '../source/input-stream.ts';
import {TailKeeper, tailOf} from '../source/tail-cursor.ts';
import {checkpoint} from '../store/checkpoints.ts';
import type {HeldTask} from '../store/tasks.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {PageGroups} from './page-groups.ts';
import {idsOf, livingIds, streamedInputs} from './streamed-inputs.ts';

/** Inputs created up to this moment count as settled for a reading that begins now. Comparable instant. */
export function settledBefore(task: HeldTask, settleMs: number): string {
  const at = task.sourceTimeMs === null ? 0 : task.sourceTimeMs - settleMs;
  return comparableInstant(new Date(Math.max(0, at)).toISOString()) ?? '';
}

/**
 * Reads the inputs that were added since the last reading, by StreamInputs from a living input that was settled by
 * then. The answer must contain the newest known input that lives: where it does not, the place that reading began from
 * was not the right one, and it begins from an earlier one, at last from the start.
 */
export async function readTail(deps: JobDeps, task: HeldTask, stream: Stream, signal: AbortSignal): Promise<void> {
  const {client, rules, store} = deps;
  const tail = tailOf(await checkpoint(store, task, stream, 'tail'));
  const ids = [...new Set([...tail.settled, ...tail.newest].map((landmark) => landmark.id))];
  const living = ids.length === 0 ? new Set<string>() : new Set(await livingIds(client, task.scope, ids, signal));
  const newest = tail.newest.filter(({id}) => living.has(id)).at(-1)?.id;
  const starts = tail.settled.map(({id}) => id).filter((id) => living.has(id) && id !== newest);

  for (let start = starts.pop(); ; start = starts.pop()) {
    const keeper = new TailKeeper(
      {settled: start === undefined ? [] : tail.settled, newest: tail.newest},
      settledBefore(task, rules.settleMs),
    );
    const groups = new PageGroups(deps, task, stream, []);
    let hasNewest = newest === undefined || start === undefined;
    const options = {from: start === undefined ? null : cursorAfterId(start), pageSize: rules.pageSizeOf(stream)};
    try {
      for await (const page of streamedInputs(client, task.scope, options, signal)) {
        hasNewest ||= idsOf(page).includes(newest as string);
        keeper.add(page);
        // Until the newest known input has come by, it is not certain that this is the right place to go on from.
        await groups.add(
          page,
          hasNewest ? {kind: 'checkpoint', strategy: 'tail', cursor: keeper.cursor()} : {kind: 'none'},
        );
      }
    } finally {
      await groups.flush();
    }
    if (hasNewest) return;
    deps.log.warn({stream: stream.name, start: start ?? null}, 'inputs were read again from an earlier one');
  }
}
