import {SinkAheadError, SinkOwnedError} from '../../src/sinks/errors.ts';
import type {Applied, ApplyOrder, Sink, SinkFindings} from '../../src/sinks/sink.ts';

/** What a memory sink holds; it outlives the sink, as a database outlives its clients. */
export interface MemoryPlace {
  owner: string | null;
  readonly positions: Map<string, {sequence: number; runId: string}>;
  /** Rows by stream and key, deleted ones left out. */
  readonly rows: Map<string, Map<string, readonly (string | null)[]>>;
}

export const memoryPlace = (): MemoryPlace => ({owner: null, positions: new Map(), rows: new Map()});

/** The sink's contract in its plainest form: the others must come to the same. */
export class MemorySink implements Sink {
  readonly name = 'memory';
  readonly streams = null;
  readonly #place: MemoryPlace;

  constructor(place: MemoryPlace) {
    this.#place = place;
  }

  async apply(order: ApplyOrder, signal: AbortSignal): Promise<Applied> {
    const {positions, rows} = this.#place;
    if (this.#place.owner !== null && this.#place.owner !== order.storeId) {
      if (!order.takeOver) throw new SinkOwnedError('memory: expected another owner; use --take-over');
      positions.clear();
    }
    this.#place.owner = order.storeId;
    const newest = Math.max(0, ...[...positions.values()].map(({sequence}) => sequence));
    if (newest > order.sequence) throw new SinkAheadError('memory: is ahead', newest);
    let count = 0;
    for (const {stream, keyCount} of order.tables) {
      const position = positions.get(stream);
      const runId = position === undefined ? null : await order.runIdOf(position.sequence);
      const isAnew = order.isRefill || position === undefined || (runId !== null && runId !== position.runId);
      const table = isAnew ? new Map<string, readonly (string | null)[]>() : new Map(rows.get(stream));
      for await (const changes of order.changes(stream, isAnew ? 0 : position.sequence)) {
        signal.throwIfAborted();
        for (const {op, values} of changes) {
          const key = values.slice(0, keyCount).join('/');
          if (op === 'delete') table.delete(key);
          else table.set(key, values);
        }
        count += changes.length;
      }
      await order.guard();
      if (this.#place.owner !== order.storeId) throw new SinkOwnedError('memory: was taken over');
      rows.set(stream, table);
      positions.set(stream, {sequence: order.sequence, runId: order.runId});
    }
    return {rows: count, previousSequence: newest};
  }

  verify(): Promise<SinkFindings> {
    return Promise.resolve({streams: [], checked: 0});
  }

  check(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
