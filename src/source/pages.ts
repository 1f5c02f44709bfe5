import type {RecordPlace} from '../core/envelope.ts';
import type {Cursor} from '../core/cursor.ts';
import type {Answer, ApiClient} from './client.ts';
import type {PathParams, Query} from './paths.ts';

/** Records as they came: bounds in the bytes of one answer, nothing in them is parsed. */
export interface SourceRecords {
  readonly bytes: Buffer;
  /** Record i is `bytes.subarray(spans[2 * i], spans[2 * i + 1])`. */
  readonly spans: Int32Array;
  /** Elements of the list that held no record (hits without an annotation). */
  readonly skipped: number;
  /** When it was asked for, epoch ms of our clock. */
  readonly askedAtMs: number;
  /** The API's own time of the answer, epoch ms; null when it did not say. */
  readonly dateMs: number | null;
}

/** One page of a list. */
export interface SourcePage extends SourceRecords {
  /** From where reading goes on after this page. */
  readonly end: Cursor;
  /** False for the empty page that ends the list; it is handed on too, so that its cursor and times can be kept. */
  readonly more: boolean;
  /** How many records were asked for. */
  readonly perPage: number;
}

/** A list that is read by page numbers. A search sends its body; `pagination` is added to it. */
export type ListCall = {
  readonly template: string;
  readonly params: PathParams;
  readonly records: RecordPlace;
} & ({readonly method: 'GET'; readonly query?: Query} | {readonly method: 'POST'; readonly body: object});

/** Asks for page number `page` (from 1) of `perPage` records. A timeout is a SourcePageTooLargeError while perPage is over 1. */
export async function askForPage(
  client: ApiClient,
  call: ListCall,
  page: number,
  perPage: number,
  signal: AbortSignal,
) {
  const options = {records: call.records, isShrinkable: perPage > 1};
  if (call.method === 'POST') {
    const body = {...call.body, pagination: {page, per_page: perPage}};
    return await client.post(call.template, call.params, body, options, signal);
  }
  return await client.get(call.template, call.params, {...call.query, page, per_page: perPage}, options, signal);
}

/** Elements of the answer's list, those without a record too: what tells an empty page from one with nothing for us. */
export function elementCount(answer: Answer): number {
  return answer.spans.length / 2 + answer.skipped;
}

/** The records of an answer. */
export function recordsOf({bytes, spans, skipped, askedAtMs, dateMs}: Answer): SourceRecords {
  return {bytes, spans, skipped, askedAtMs, dateMs};
}

/** The page that an answer is. */
export function pageOf(answer: Answer, perPage: number, end: Cursor): SourcePage {
  return {...recordsOf(answer), end, more: elementCount(answer) > 0, perPage};
}
