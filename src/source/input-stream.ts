import type {Cursor} from '../core/cursor.ts';
import {assert} from '../core/errors.ts';
import {SourceCursorStuckError, SourcePageTooLargeError} from '../core/source-errors.ts';
import type {Answer, ApiClient} from './client.ts';
import {LinkedAbort} from './linked-abort.ts';
import {PageSizer} from './page-size.ts';
import {pageOf, type SourcePage} from './pages.ts';
import {canBeAsked, type PathParams, type Query} from './paths.ts';

/** A page of a list that is read by the id of the last record. */
export interface KeysetPage extends SourcePage {
  /**
   * Ids of the page's last records, the newest last: where the API no longer knows the last one (it was deleted), the
   * caller can go on from an earlier one.
   */
  readonly lastIds: readonly string[];
}

export interface KeysetCall {
  readonly template: string;
  readonly params: PathParams;
  readonly field: string;
  readonly query?: Query;
}

export interface KeysetOptions {
  /** Where to go on; null for the beginning. */
  readonly from: Cursor | null;
  readonly pageSize: number;
}

const KEPT_IDS = 5;

/** Cursor from which the records after `id` are read. */
export function cursorAfterId(id: string): Cursor {
  return `id:${id}` as Cursor;
}

/** The id after which a keyset cursor goes on; empty for the beginning (the end of a list with nothing in it). */
export function lastIdOf(cursor: Cursor): string {
  assert(cursor.startsWith('id:'), 'not a cursor of a keyset list', {cursor});
  return cursor.slice('id:'.length);
}

/**
 * Reads a list by `last_id` (StreamInputs), in the order of the list, on to the empty page. The next page is asked for
 * while the consumer has the present one. Throws SourceCursorStuckError when a page ends where it began, or names no
 * id to go on from. What an unknown `last_id` means is for the caller to find out: the API may answer anything.
 */
export async function* keysetPages(
  client: ApiClient,
  call: KeysetCall,
  {from, pageSize}: KeysetOptions,
  signal: AbortSignal,
): AsyncGenerator<KeysetPage, void, undefined> {
  const stop = new LinkedAbort(signal);
  const sizer = new PageSizer(pageSize);
  const ask = (cursor: Cursor | null) => settle(askAfter(client, call, cursor, sizer, stop.signal));
  let cursor = from;
  let asked = ask(cursor);
  try {
    for (;;) {
      const outcome = await asked;
      if ('error' in outcome) throw outcome.error;
      const {answer, perPage} = outcome;
      const lastIds = lastIdsOf(answer);
      const end = nextCursor(call, cursor, answer, lastIds, perPage);
      // A list that ends with records by which nothing can be asked for ends here: what may come behind is not reached.
      const page = {
        ...pageOf(answer, perPage, end ?? cursor ?? cursorAfterId('')),
        ...(end === null ? {more: false} : {}),
      };
      sizer.accepted(perPage, answer.spans.length / 2, answer.bytes.length);
      cursor = page.end;
      if (page.more) asked = ask(cursor);
      yield {...page, lastIds};
      if (!page.more) return;
    }
  } finally {
    stop.unlink();
    stop.abort(new Error('reading was ended'));
    await asked;
  }
}

interface Asked {
  readonly answer: Answer;
  readonly perPage: number;
}

async function askAfter(
  client: ApiClient,
  call: KeysetCall,
  cursor: Cursor | null,
  sizer: PageSizer,
  signal: AbortSignal,
) {
  for (let perPage = sizer.size; ;) {
    const lastId = cursor === null ? '' : lastIdOf(cursor);
    const query = {...call.query, per_page: perPage, ...(lastId === '' ? {} : {last_id: lastId})};
    const options = {records: {field: call.field}, isShrinkable: perPage > 1};
    try {
      return {answer: await client.get(call.template, call.params, query, options, signal), perPage};
    } catch (error) {
      const smaller = error instanceof SourcePageTooLargeError ? sizer.refused(perPage) : null;
      if (smaller === null) throw error;
      perPage = smaller;
    }
  }
}

/** Never rejects: a page asked for ahead of time may fail when nobody waits for it any more. */
const settle = (asked: Promise<Asked>): Promise<Asked | {readonly error: unknown}> =>
  asked.catch((error: unknown) => ({error}));

/** Null: no record of the page can be gone on from, and the page is short, as the last one of a list is. */
function nextCursor(
  call: KeysetCall,
  from: Cursor | null,
  answer: Answer,
  lastIds: readonly string[],
  perPage: number,
): Cursor | null {
  if (answer.spans.length === 0) return from ?? cursorAfterId('');
  const lastId = lastIds.at(-1);
  if (lastId === undefined && answer.spans.length / 2 < perPage) return null;
  if (lastId === undefined || (from !== null && lastId === lastIdOf(from))) {
    const found = lastId === undefined ? 'no record on the page has an id' : `it ends with ${lastId}, where it began`;
    throw new SourceCursorStuckError(`GET ${call.template}: reading cannot go on, ${found}`, {
      context: {template: call.template, last_id: lastId ?? null, req_id: answer.status.reqId},
    });
  }
  return cursorAfterId(lastId);
}

/** A record without an id that can be asked for is passed over here; whoever prepares the page lists it. */
function lastIdsOf({bytes, spans}: Answer): string[] {
  const ids: string[] = [];
  for (let i = spans.length - 2; i >= 0 && ids.length < KEPT_IDS; i -= 2) {
    const id = idOf(bytes.toString('utf8', spans[i], spans[i + 1]));
    if (id !== null) ids.unshift(id);
  }
  return ids;
}

function idOf(text: string): string | null {
  try {
    const record: unknown = JSON.parse(text);
    const id = typeof record === 'object' && record !== null && 'id' in record ? record.id : null;
    return typeof id === 'string' && canBeAsked(id) ? id : null;
  } catch {
    return null;
  }
}
