import type {Cursor} from '../core/cursor.ts';
import type {Scope} from '../core/scope.ts';
import {SourceCursorStuckError, SourceGoneError, SourceRefusedError} from '../core/source-errors.ts';
import {inputsByIds} from '../source/calls.ts';
import type {ApiClient} from '../source/client.ts';
import {cursorAfterId, keysetPages, lastIdOf, type KeysetPage} from '../source/input-stream.ts';
import type {SourceRecords} from '../source/pages.ts';

const STREAM = '/v2/users/{user_id}/apps/{app_id}/inputs/stream';

export interface StreamedOptions {
  readonly from: Cursor | null;
  readonly pageSize: number;
}

/**
 * StreamInputs from a cursor to its true end. What the API answers when `last_id` names a deleted input is not known
 * (clarifai-api.md, 3.1): an error, or an empty page, or a page from elsewhere. So an error and an end are believed
 * only while the input they rest on lives; else reading goes on from the newest earlier input that does. A page from
 * elsewhere brings records twice or leaves some out: both show in the pass, and the proof has the last word. Nothing of
 * the end living twice over, after a reading from the start, says that the question is at fault and not the inputs.
 */
export async function* streamedInputs(
  client: ApiClient,
  scope: Scope,
  {from, pageSize}: StreamedOptions,
  signal: AbortSignal,
): AsyncGenerator<KeysetPage, void, undefined> {
  // Where reading may go on from, newest last; the start is always one.
  let known: readonly string[] = from === null || lastIdOf(from) === '' ? [] : [lastIdOf(from)];
  let cursor = from;
  let isFromStart = false;
  for (;;) {
    const outcome: Outcome = {error: null, end: null};
    const call = {template: STREAM, params: {user_id: scope.userId, app_id: scope.appId}, field: 'inputs'};
    try {
      for await (const page of keysetPages(client, call, {from: cursor, pageSize}, signal)) {
        if (!page.more) {
          outcome.end = page;
          break;
        }
        yield page;
        cursor = page.end;
        known = [...known, ...page.lastIds].slice(-KEPT_IDS);
      }
    } catch (error) {
      if (known.length === 0 || !isOfTheCursor(error)) throw error;
      outcome.error = error;
    }
    const restsOn = known.at(-1);
    const living = restsOn === undefined ? [] : await livingIds(client, scope, known, signal);
    const back = living.at(-1);
    if (restsOn === undefined || living.includes(restsOn) || (back === undefined && isFromStart)) {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- what was caught, whatever it is
      if (outcome.error !== null) throw outcome.error;
      if (outcome.end !== null) yield outcome.end;
      return;
    }
    known = living;
    isFromStart ||= back === undefined;
    cursor = back === undefined ? null : cursorAfterId(back);
  }
}

interface Outcome {
  error: unknown;
  end: KeysetPage | null;
}

const KEPT_IDS = 10;

const isOfTheCursor = (error: unknown): boolean =>
  error instanceof SourceGoneError || error instanceof SourceRefusedError || error instanceof SourceCursorStuckError;

/** Those of the ids that the app still has, in the order given. */
export async function livingIds(
  client: ApiClient,
  scope: Scope,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const living = new Set<string>();
  for (const records of await inputsByIdsSafely(client, scope, ids, signal)) {
    for (const id of idsOf(records)) living.add(id);
  }
  return ids.filter((id) => living.has(id));
}

/** What there is of these inputs. Where the API answers an error because one of them is gone, they are asked for in halves. */
export async function inputsByIdsSafely(
  client: ApiClient,
  scope: Scope,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<SourceRecords[]> {
  try {
    return [await inputsByIds(client, scope, ids, signal)];
  } catch (error) {
    if (!(error instanceof SourceGoneError || error instanceof SourceRefusedError)) throw error;
    if (ids.length === 1) return [];
  }
  const half = ids.length >> 1;
  const first = await inputsByIdsSafely(client, scope, ids.slice(0, half), signal);
  return [...first, ...(await inputsByIdsSafely(client, scope, ids.slice(half), signal))];
}

/** Ids of the records, in order; one that cannot be read is left out. */
export function idsOf({bytes, spans}: SourceRecords): string[] {
  const ids: string[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    try {
      const record: unknown = JSON.parse(bytes.toString('utf8', spans[i], spans[i + 1]));
      if (typeof record === 'object' && record !== null && 'id' in record && typeof record.id === 'string') {
        ids.push(record.id);
      }
    } catch {
      // Not JSON: whoever prepares the page lists it.
    }
  }
  return ids;
}
