import type {Cursor} from '../core/cursor.ts';
import {comparableInstant} from '../core/instant.ts';
import {canBeAsked} from './paths.ts';
import type {SourceRecords} from './pages.ts';

/** An input near the end of the list, by which reading can go on. */
export interface Landmark {
  readonly id: string;
  /** Comparable form (core/instant.ts); null when the record does not say. */
  readonly createdAt: string | null;
}

/** What the tail remembers of the list's end, each oldest first. */
export interface Tail {
  /** Inputs that were old enough at the last reading: nothing can have slipped in before them since. */
  readonly settled: readonly Landmark[];
  /** The newest inputs that were read. */
  readonly newest: readonly Landmark[];
}

const KEPT = 6;

/**
 * Keeps the end of the list of inputs while it is read. New inputs may show in the list a while after their time of
 * adding, before others that were seen already; so the next reading starts not from the newest input but from one that
 * was `settled` by then.
 */
export class TailKeeper {
  #tail: Tail;
  readonly #settledBefore: string;

  /** @param settledBefore comparable instant: inputs created up to it count as settled */
  constructor(tail: Tail, settledBefore: string) {
    this.#tail = tail;
    this.#settledBefore = settledBefore;
  }

  /** Notes the last records of a page. */
  add({bytes, spans}: SourceRecords): void {
    const landmarks: Landmark[] = [];
    for (let i = Math.max(0, spans.length - 2 * KEPT); i < spans.length; i += 2) {
      const landmark = landmarkOf(bytes.toString('utf8', spans[i], spans[i + 1]));
      if (landmark !== null) landmarks.push(landmark);
    }
    const fresh = new Set(landmarks.map((landmark) => landmark.id));
    const join = (kept: readonly Landmark[], more: readonly Landmark[]): Landmark[] =>
      [...kept.filter((landmark) => !fresh.has(landmark.id)), ...more].slice(-KEPT);
    const settled = landmarks.filter(({createdAt}) => createdAt !== null && createdAt <= this.#settledBefore);
    this.#tail = {settled: join(this.#tail.settled, settled), newest: join(this.#tail.newest, landmarks)};
  }

  cursor(): Cursor {
    return JSON.stringify(this.#tail) as Cursor;
  }
}

const EMPTY: Tail = {settled: [], newest: []};

/** What a tail's cursor holds; nothing for null. */
export function tailOf(cursor: Cursor | null): Tail {
  return cursor === null ? EMPTY : (JSON.parse(cursor) as Tail);
}

function landmarkOf(text: string): Landmark | null {
  try {
    const record: unknown = JSON.parse(text);
    if (typeof record !== 'object' || record === null || !('id' in record)) return null;
    if (typeof record.id !== 'string' || !canBeAsked(record.id)) return null;
    const createdAt = 'created_at' in record && typeof record.created_at === 'string' ? record.created_at : null;
    return {id: record.id, createdAt: createdAt === null ? null : comparableInstant(createdAt)};
  } catch {
    return null;
  }
}
