import {createHash} from 'node:crypto';
import type {Scope} from '../core/scope.ts';
import type {ListCall} from '../source/pages.ts';
import type {PathParams} from '../source/paths.ts';
import type {RecordPlace} from '../core/envelope.ts';
import type {ListRequest, Stream} from '../streams/stream.ts';

/** Values of a path's `{names}`: the scope's, and below a parent the key parts that name it. */
export function pathParams(scope: Scope, stream: Stream, parent: readonly string[]): PathParams {
  const names = stream.under === undefined ? [] : Object.values(stream.under.keys);
  return {
    ...(scope.userId === '' ? {} : {user_id: scope.userId}),
    ...(scope.appId === '' ? {} : {app_id: scope.appId}),
    ...Object.fromEntries(names.map((name, i) => [name, parent[i] as string])),
  };
}

/** Where the records of a stream are in an answer. */
export function recordPlace({responseField, wrapAs}: Stream): RecordPlace {
  return {field: responseField, ...(wrapAs === undefined ? {} : {wrapAs})};
}

export function listCall(
  scope: Scope,
  stream: Stream,
  list: ListRequest,
  parent: readonly string[],
): ListCall & {readonly method: 'GET'} {
  return {
    method: 'GET',
    template: list.path,
    params: pathParams(scope, stream, parent),
    records: recordPlace(stream),
    ...(list.query === undefined ? {} : {query: list.query}),
  };
}

/**
 * What a stream's readings are made with. Where it changes with a new catalogue, records may be missing that were never
 * asked for: the stream must be read in full.
 */
export function requestHash(stream: Stream): string {
  const request = [stream.lists, stream.pages, stream.responseField, stream.shape.key];
  return createHash('sha256').update(JSON.stringify(request)).digest('hex').slice(0, 16);
}
