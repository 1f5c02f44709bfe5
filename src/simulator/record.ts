/** JSON text of one record; bytes where a test wants what no text can be, such as broken UTF-8. */
export type RecordText = string | Uint8Array;

/** What is different about a record that was added or edited. Whatever is undefined follows from the seed. */
export interface RecordState {
  /** Counts the edits, so that each shows something new. */
  revision: number;
  createdUs?: number | undefined;
  modifiedUs?: number | undefined;
  statusCode?: number | undefined;
  /** JSON text of an object. */
  metadata?: string | undefined;
  /** Stands for the whole record, as it is. */
  raw?: RecordText | undefined;
}

/** Whose app the records belong to, and what all of its renderers need. */
export interface Owner {
  readonly userId: string;
  readonly appId: string;
  /** The ids as JSON text. */
  readonly userJson: string;
  readonly appJson: string;
  readonly seed: number;
}

/** Times at which the seeded records of a list were added: evenly over the app's life, each a little off. */
export class Timeline {
  readonly #startUs: number;
  readonly #stepUs: number;

  constructor(startUs: number, spanUs: number, count: number) {
    this.#startUs = startUs;
    this.#stepUs = spanUs / Math.max(count, 1);
  }

  /** When the record at this position was added, rounded in the ways that real stamps show. */
  at(position: number, h: number): number {
    const us = Math.floor(this.#startUs + (position + (h & 1023) / 2048) * this.#stepUs);
    const form = (h >>> 10) & 15;
    if (this.#stepUs < 4e6 || form > 3) return us;
    if (form === 0) return us - (us % 1e6);
    return form === 1 ? us - (us % 1e5) : us - (us % 1e3);
  }

  /** A position before which all records were added earlier than this. */
  positionAt(us: number): number {
    return Math.max(0, Math.floor((us - this.#startUs) / this.#stepUs) - 1);
  }
}

/** `,"created_at":…,"modified_at":…` */
export function stamps(created: string, modified: string): string {
  return `,"created_at":"${created}","modified_at":"${modified}"`;
}
