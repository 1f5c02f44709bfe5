import type {Answer, PageAnswer} from './answer.ts';
import type {RecordText} from './record.ts';

/** Shorter pages may hold what moves on by itself, and cost little. */
const MIN_RECORDS = 100;

/**
 * Keeps long pages as they were written out, until something is changed. For benchmarks: writing a record out costs the
 * simulator as much as storing it costs the service. Not for worlds in which something happens by itself.
 */
export class PageCache {
  readonly #pages = new Map<string, PageAnswer>();

  /** The answer to this request, made if it is not kept. */
  answer(request: string, make: () => Answer): Answer {
    const kept = this.#pages.get(request);
    if (kept !== undefined) return kept;
    const answer = make();
    if (answer.kind !== 'page' || answer.records.length < MIN_RECORDS) return answer;
    const page = {...answer, records: [joined(answer.records)]};
    this.#pages.set(request, page);
    return page;
  }

  clear(): void {
    this.#pages.clear();
  }
}

/** As the elements of an array are written. */
function joined(records: readonly RecordText[]): Buffer {
  const comma = Buffer.from(',');
  return Buffer.concat(
    records.flatMap((record, i) => (i === 0 ? [Buffer.from(record)] : [comma, Buffer.from(record)])),
  );
}
