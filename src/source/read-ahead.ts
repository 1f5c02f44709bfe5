import {assert} from '../core/errors.ts';
import type {Answer, ApiClient} from './client.ts';
import {LinkedAbort} from './linked-abort.ts';
import type {PageSizer} from './page-size.ts';
import {askForPage, elementCount, type ListCall} from './pages.ts';

/** How far reading may run ahead of the consumer. */
export interface ReadAheadLimits {
  /** Pages asked for and not handed on. */
  readonly pages: number;
  /** Bytes of those, by what the last page had; one page is always allowed. */
  readonly bytes: number;
}

export type Outcome = {readonly answer: Answer} | {readonly error: unknown};

/** A stretch of the list that is, or will be, asked for as one page. */
interface Segment {
  readonly offset: number;
  readonly size: number;
  /** Never rejects, so that a failure which nobody comes to see is no unhandled one. null: not asked for yet. */
  settled: Promise<Outcome> | null;
  outcome: Outcome | null;
}

/**
 * The pages of one numbered list that are in flight, in the order of the list.
 *
 * What is asked for past the end is wasted, and in an unchanged app most lists end on their first page. So nothing is
 * read ahead before a full page was seen; then 2, 3, 4 … pages after 1, 3, 5 … full ones; and nothing beyond a short
 * page but the one that should be empty. Nor is anything read ahead that would only wait for a place in flight: those who
 * read page by page, each with the place to go on of the one before, would wait behind it.
 */
export class ReadAhead {
  readonly #client: ApiClient;
  readonly #call: ListCall;
  readonly #sizer: PageSizer;
  readonly #limits: ReadAheadLimits;
  readonly #stop: LinkedAbort;
  readonly #segments: Segment[] = [];
  /** Where the first segment begins. */
  #offset: number;
  #fullPages = 0;
  /** Of the last page handed on; null before it. */
  #bytesPerRecord: number | null = null;

  constructor(
    client: ApiClient,
    call: ListCall,
    sizer: PageSizer,
    offset: number,
    limits: ReadAheadLimits,
    signal: AbortSignal,
  ) {
    this.#client = client;
    this.#call = call;
    this.#sizer = sizer;
    this.#offset = offset;
    this.#limits = limits;
    this.#stop = new LinkedAbort(signal);
  }

  /** The first segment, once it has come back. It stays first until it is shifted out or split. */
  async next(): Promise<{offset: number; size: number; outcome: Outcome}> {
    this.fill();
    const first = this.#first();
    assert(first.settled !== null, 'the first segment is always asked for');
    if (this.#client.isPaced) while (!(await this.#isBack(first.settled))) this.fill();
    return {offset: first.offset, size: first.size, outcome: await first.settled};
  }

  /** Waits until the segment has come back, or a request was sent and has left room for another. */
  async #isBack(settled: Promise<Outcome>): Promise<boolean> {
    return await Promise.race([settled.then(() => true), this.#client.nextSent.then(() => false)]);
  }

  /** The first segment came well: what was learnt from it counts for those to come. */
  shift(): void {
    const {size, outcome} = this.#first();
    assert(outcome !== null && 'answer' in outcome, 'only a good page can be handed on');
    const count = elementCount(outcome.answer);
    const bytes = outcome.answer.bytes.length;
    this.#sizer.accepted(size, count, bytes);
    if (count > 0) this.#bytesPerRecord = bytes / count;
    this.#fullPages = count < size ? 0 : this.#fullPages + 1;
    this.#offset += size;
    this.#segments.shift();
  }

  /** The first segment was too large: asks for the same stretch in segments of `size`, which divides its own. */
  split(size: number): void {
    const first = this.#first();
    const parts: Segment[] = [];
    for (let offset = first.offset; offset < first.offset + first.size; offset += size) {
      parts.push({offset, size, settled: null, outcome: null});
    }
    this.#segments.splice(0, 1, ...parts);
  }

  /** Asks for as many pages as may be in flight; the first always is. */
  fill(): void {
    let bytes = 0;
    for (let i = 0; ; i++) {
      const segment = this.#segments[i] ?? this.#following();
      if (segment.settled === null) {
        if (i > 0 && !this.#mayAsk(segment, i, bytes)) return;
        if (i === this.#segments.length) this.#segments.push(segment);
        this.#ask(segment);
      }
      bytes += this.#bytesOf(segment);
    }
  }

  /** Aborts what is in flight and waits until it has ended. */
  async close(): Promise<void> {
    this.#stop.unlink();
    this.#stop.abort(new Error('reading was ended'));
    for (const segment of this.#segments) await segment.settled;
  }

  #first(): Segment {
    const first = this.#segments[0];
    assert(first !== undefined, 'there is a first segment');
    return first;
  }

  /** What comes after the last segment, in the size of the moment. */
  #following(): Segment {
    const last = this.#segments.at(-1);
    const offset = last === undefined ? this.#offset : last.offset + last.size;
    return {offset, size: this.#sizer.sizeAt(offset), settled: null, outcome: null};
  }

  #mayAsk(segment: Segment, ahead: number, bytes: number): boolean {
    // Unknown until the first page was here, and a first page may be of any size.
    if (this.#bytesPerRecord === null || bytes + segment.size * this.#bytesPerRecord > this.#limits.bytes) return false;
    const before = this.#segments.slice(0, ahead);
    if (before.some(isEmpty) || before.slice(0, -1).some(isShort)) return false;
    return ahead < Math.min(this.#limits.pages, 1 + Math.ceil(this.#fullPages / 2)) && !this.#client.isFull;
  }

  #ask(segment: Segment): void {
    const page = segment.offset / segment.size + 1;
    const asked = askForPage(this.#client, this.#call, page, segment.size, this.#stop.signal);
    segment.settled = asked.then(
      (answer) => (segment.outcome = {answer}),
      (error: unknown) => (segment.outcome = {error}),
    );
  }

  #bytesOf({size, outcome}: Segment): number {
    if (outcome === null) return size * (this.#bytesPerRecord ?? 0);
    return 'answer' in outcome ? outcome.answer.bytes.length : 0;
  }
}

const countOf = ({outcome}: Segment) => (outcome !== null && 'answer' in outcome ? elementCount(outcome.answer) : null);

const isEmpty = (segment: Segment) => countOf(segment) === 0;

function isShort(segment: Segment): boolean {
  const count = countOf(segment);
  return count !== null && count < segment.size;
}
