import {preparePage} from '../core/prepare.ts';
import type {Scope} from '../core/scope.ts';
import {SourceGoneError, SourceNotOfferedError, SourceRefusedError, SourceScopeError} from '../core/source-errors.ts';
import type {ApiClient} from '../source/client.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import {pathParams, recordPlace} from './list-calls.ts';

/** Whether this credential may read a stream, found out by asking for one record of it. */
export type TriedStream =
  | {readonly stream: string; readonly kind: 'readable'}
  /** The credential lacks a scope, or the API refuses for good. */
  | {readonly stream: string; readonly kind: 'refused'; readonly error: SourceScopeError | SourceRefusedError}
  /** The API has no such resource here: the stream will be unavailable, which is no failure. */
  | {readonly stream: string; readonly kind: 'not offered'}
  /** It lies under records of another stream, and there is none that could be asked about. */
  | {readonly stream: string; readonly kind: 'not tried'; readonly under: string};

/**
 * Asks for one record of each stream; of what lies under parents, under the first one.
 * @throws SourceError for what concerns more than one stream: credential, quota, no answer
 */
export async function tryStreams(
  client: ApiClient,
  scopeOf: (stream: Stream) => Scope,
  streams: readonly Stream[],
  maxRecordBytes: number,
  signal: AbortSignal,
): Promise<TriedStream[]> {
  const firstKeys = new Map<string, readonly string[] | null>();

  const tryOne = async (stream: Stream): Promise<TriedStream> => {
    const {name, under} = stream;
    if (under !== undefined && !firstKeys.has(under.stream)) await tryOne(streamNamed(under.stream));
    const parent = under === undefined ? [] : (firstKeys.get(under.stream) ?? null);
    firstKeys.set(name, null);
    if (parent === null) return {stream: name, kind: 'not tried', under: under?.stream ?? ''};
    try {
      firstKeys.set(name, await firstKey(client, scopeOf(stream), stream, parent, maxRecordBytes, signal));
      return {stream: name, kind: 'readable'};
    } catch (error) {
      if (error instanceof SourceNotOfferedError) return {stream: name, kind: 'not offered'};
      if (error instanceof SourceScopeError || error instanceof SourceRefusedError) {
        return {stream: name, kind: 'refused', error};
      }
      // The parent went away in the meantime: it was the list that was asked for, and that can be.
      if (error instanceof SourceGoneError && under !== undefined) return {stream: name, kind: 'readable'};
      throw error;
    }
  };

  const tried: TriedStream[] = [];
  for (const stream of streams) tried.push(await tryOne(stream));
  return tried;
}

/** How one record is asked for. */
const PAGE_OF_ONE = {numbered: {page: 1, per_page: 1}, last_id: {per_page: 1}, single: {}} as const;

/** Key of the first record of a stream; null when there is none that can be read. */
async function firstKey(
  client: ApiClient,
  scope: Scope,
  stream: Stream,
  parent: readonly string[],
  maxRecordBytes: number,
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  let key: readonly string[] | null = null;
  for (const list of stream.lists) {
    const query = {...list.query, ...PAGE_OF_ONE[stream.pages]};
    const records = recordPlace(stream);
    const answer = await client.get(list.path, pathParams(scope, stream, parent), query, {records}, signal);
    const context = {parentKey: parent, maxRecordBytes, owner: scope};
    const page = preparePage(stream.shape, answer.bytes, answer.spans, context);
    if (page.count > 0) key ??= page.keys.map((part) => part[0] as string);
  }
  return key;
}
