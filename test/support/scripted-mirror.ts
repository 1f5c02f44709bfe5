import {randomUUID} from 'node:crypto';
import {SinkAheadError} from '../../src/sinks/errors.ts';
import type {Applied, ApplyOrder, Sink, SinkTable} from '../../src/sinks/sink.ts';
import type {Change, Field} from '../../src/sinks/table-shape.ts';

const field = (name: string, type: Field['type'], isRequired: boolean, id: number): Field => ({
  name,
  type,
  isRequired,
  id,
});

const FIELDS: readonly Field[] = [
  field('user_id', 'text', true, 1),
  field('app_id', 'text', true, 2),
  field('id', 'text', true, 3),
  field('n', 'bigint', false, 200),
  field('raw', 'json', true, 100),
  field('_sync_sequence', 'bigint', true, 102),
  field('_sync_first_sequence', 'bigint', true, 103),
  field('_sync_deleted_at', 'timestamp', false, 107),
];

export const SCOPE = {userId: 'acme', appId: 'plants'};
export const STREAMS = ['inputs', 'annotations'] as const;
export type StreamName = (typeof STREAMS)[number];

interface MirrorRow {
  readonly n: string;
  readonly sequence: number;
  readonly first: number;
  readonly isDeleted: boolean;
}

/** Rows of a portion: so few that each stream comes in several. */
const PORTION = 2;

/** A mirror whose runs a test writes by hand, and what the ledger would tell a sink of it. */
export class ScriptedMirror {
  readonly storeId: string;
  readonly #rows: Record<StreamName, Map<string, MirrorRow>>;
  readonly #runs: Map<number, string>;
  /** Of the last run. */
  sequence: number;
  isRefill = false;
  unfinished: {readonly runId: string; readonly sequence: number}[] = [];
  fence = 0;

  constructor(storeId: string = randomUUID(), from?: ScriptedMirror) {
    this.storeId = storeId;
    this.sequence = from?.sequence ?? 0;
    this.#runs = new Map(from === undefined ? [] : from.#runs);
    this.#rows = {
      inputs: new Map(from === undefined ? [] : from.#rows.inputs),
      annotations: new Map(from === undefined ? [] : from.#rows.annotations),
    };
  }

  /** The same store as it is now, to be gone back to. */
  backup(): ScriptedMirror {
    return new ScriptedMirror(this.storeId, this);
  }

  /** A run that wrote these values (null: found them gone), by `stream/id`. */
  run(changes: Readonly<Record<string, number | null>>): void {
    this.#runs.set(++this.sequence, randomUUID());
    for (const [path, n] of Object.entries(changes)) {
      const [stream, id] = path.split('/') as [StreamName, string];
      const before = this.#rows[stream].get(id);
      const first = before?.first ?? this.sequence;
      const value = n === null ? (before?.n ?? '') : String(n);
      this.#rows[stream].set(id, {n: value, sequence: this.sequence, first, isDeleted: n === null});
    }
  }

  /** What a sink must hold now: `n` of the living rows by id. */
  current(stream: StreamName): Record<string, string> {
    const living = [...this.#rows[stream]].filter(([, {isDeleted}]) => !isDeleted);
    return Object.fromEntries(living.map(([id, {n}]): [string, string] => [id, n]).sort());
  }

  order(changed: Partial<ApplyOrder> = {}): ApplyOrder {
    const runId = this.#runs.get(this.sequence) ?? '';
    const closedAt = new Date(Date.UTC(2024, 0, this.sequence));
    return {
      storeId: this.storeId,
      runId,
      sequence: this.sequence,
      scope: SCOPE,
      startedAt: closedAt,
      closedAt,
      tables: STREAMS.map((stream): SinkTable => ({stream, fields: FIELDS, keyCount: 3})),
      changes: (stream, after) =>
        this.#feed(stream, after, ({sequence, first, isDeleted}) => sequence > after && (!isDeleted || first <= after)),
      rows: (stream, after) => this.#feed(stream, after, ({sequence}) => sequence > after),
      // Tried where real histories are: test/sinks/postgres-sink.
      versions: () => {
        throw new Error('no sink of these tests keeps history');
      },
      current: (stream) => this.#feed(stream, 0, ({isDeleted}) => !isDeleted),
      purges: [],
      wantsSnapshot: false,
      isRefill: this.isRefill,
      runIdOf: (sequence) => Promise.resolve(this.#runs.get(sequence) ?? null),
      unfinished: this.unfinished,
      takeOver: false,
      fence: String(++this.fence),
      guard: () => Promise.resolve(),
      onSign: () => undefined,
      ...changed,
    };
  }

  /** Gives the last run to a sink, and keeps what the ledger would keep of it. */
  async apply(sink: Sink, changed: Partial<ApplyOrder> = {}, signal = new AbortController().signal): Promise<Applied> {
    const order = this.order(changed);
    this.unfinished = [...this.unfinished.filter(({runId}) => runId !== order.runId), order];
    try {
      const applied = await sink.apply(order, signal);
      this.unfinished = this.unfinished.filter(({runId}) => runId !== order.runId);
      this.isRefill = false;
      return applied;
    } catch (error) {
      if (error instanceof SinkAheadError) {
        this.sequence = Math.max(this.sequence, error.newest);
        this.isRefill = true;
      }
      throw error;
    }
  }

  async *#feed(
    stream: string,
    after: number,
    isWanted: (row: MirrorRow) => boolean,
  ): AsyncGenerator<readonly Change[], void, undefined> {
    const rows = [...this.#rows[stream as StreamName]]
      .filter(([, row]) => isWanted(row))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    for (let at = 0; at < rows.length; at += PORTION) {
      await Promise.resolve();
      yield rows.slice(at, at + PORTION).map(([id, row]) => changeOf(id, row, after));
    }
  }
}

function changeOf(id: string, {n, sequence, first, isDeleted}: MirrorRow, after: number): Change {
  const deletedAt = isDeleted ? '2024-03-01 09:15:42.123456+00' : null;
  return {
    op: isDeleted ? 'delete' : first > after ? 'insert' : 'update',
    values: ['acme', 'plants', id, n, `{"id": "${id}", "n": ${n}}`, String(sequence), String(first), deletedAt],
  };
}
