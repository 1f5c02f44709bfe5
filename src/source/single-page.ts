import type {Cursor} from '../core/cursor.ts';
import type {ApiClient} from './client.ts';
import {recordsOf, type ListCall, type SourcePage} from './pages.ts';

/**
 * A list, or one object, that the API gives in one answer: a single page, which is the last one. Nothing when `from` says
 * that it was read already.
 */
export async function* singlePage(
  client: ApiClient,
  call: ListCall & {readonly method: 'GET'},
  from: Cursor | null,
  signal: AbortSignal,
): AsyncGenerator<SourcePage, void, undefined> {
  if (from !== null) return;
  const answer = await client.get(call.template, call.params, call.query ?? {}, {records: call.records}, signal);
  yield {...recordsOf(answer), end: 'single' as Cursor, more: false, perPage: Math.max(1, answer.spans.length / 2)};
}
