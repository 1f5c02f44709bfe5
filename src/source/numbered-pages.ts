import type {Cursor} from '../core/cursor.ts';
import {assert} from '../core/errors.ts';
import {SourcePageTooLargeError} from '../core/source-errors.ts';
import type {ApiClient} from './client.ts';
import {PageSizer} from './page-size.ts';
import {pageOf, type ListCall, type SourcePage} from './pages.ts';
import {ReadAhead, type ReadAheadLimits} from './read-ahead.ts';

export interface NumberedOptions {
  /** Where to go on; null for the beginning. */
  readonly from: Cursor | null;
  readonly pageSize: number;
  readonly readAhead?: ReadAheadLimits;
}

/**
 * Most that is read ahead where only the machine sets the pace. Pages hide latency (facts-speed.md, section 7); the bytes
 * are kept few, since dead buffers stay until V8 collects them: 16 MiB gave no more speed, and a peak of 1.27 in the place
 * of 1.22 (bench/memory.ts).
 */
export const DEFAULT_READ_AHEAD: ReadAheadLimits = {pages: 6, bytes: 3 * 1024 * 1024};

/**
 * The same where the API sets it: as many pages as there are places in flight, which follow rate x latency. With six, one
 * list used half of the budget at a latency of 800 ms (bench/budget.ts).
 */
const PACED_READ_AHEAD: ReadAheadLimits = {pages: Infinity, bytes: 12 * 1024 * 1024};

/**
 * Reads a list by page numbers, on to the empty page: a short page may only be a filtered one. Several pages are in
 * flight, handed on in order; the consumer's await is the brake. A page that is too large for the server is asked for
 * again in smaller ones, exactly as far as it reached. Throws what the client throws; SourcePageTooLargeError only for
 * a page of one record. May be left at any time: what is in flight is then aborted.
 */
export async function* numberedPages(
  client: ApiClient,
  call: ListCall,
  {from, pageSize, readAhead = client.isPaced ? PACED_READ_AHEAD : DEFAULT_READ_AHEAD}: NumberedOptions,
  signal: AbortSignal,
): AsyncGenerator<SourcePage, void, undefined> {
  const start = from === null ? {offset: 0, size: pageSize} : placeOf(from);
  const sizer = new PageSizer(pageSize, start.size);
  const ahead = new ReadAhead(client, call, sizer, start.offset, readAhead, signal);
  try {
    for (;;) {
      const {offset, size, outcome} = await ahead.next();
      if ('error' in outcome) {
        const smaller = outcome.error instanceof SourcePageTooLargeError ? sizer.refused(size) : null;
        if (smaller === null) throw outcome.error;
        ahead.split(smaller);
        continue;
      }
      ahead.shift();
      const page = pageOf(outcome.answer, size, cursorAt(offset + size, sizer.size));
      // What comes next is on its way while the consumer has this page.
      if (page.more) ahead.fill();
      yield page;
      if (!page.more) return;
    }
  } finally {
    await ahead.close();
  }
}

function cursorAt(offset: number, size: number): Cursor {
  return `page:${offset}:${size}` as Cursor;
}

function placeOf(cursor: Cursor): {offset: number; size: number} {
  const match = /^page:(\d+):([1-9]\d*)$/.exec(cursor);
  assert(match !== null, 'not a cursor of a numbered list', {cursor});
  return {offset: Number(match[1]), size: Number(match[2])};
}
