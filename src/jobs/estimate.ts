import type {Strategy, Stream} from '../streams/stream.ts';

/** What is known of a stream's size before it is read. */
export interface StreamSize {
  readonly stream: Stream;
  readonly strategy: Strategy;
  readonly pageSize: number;
  /** Records; null when neither the API nor the mirror tells. */
  readonly records: number | null;
  /** Records of the stream that it lies under; null when unknown, 0 for a stream without parents. */
  readonly parents: number | null;
}

/** About how many requests a stream takes; null where its size is not known. */
export interface StreamRequests {
  /** A run that reads all of it: the first one, or a full one that finds nothing missing. */
  readonly all: number | null;
  /** An incremental run with nothing changed at the source. */
  readonly unchanged: number | null;
}

/** Every list is read on to its empty page (design, section 4); the search is looked at once for each kind of annotation. */
export function requestsFor(size: StreamSize): StreamRequests {
  const {stream, strategy, pageSize, records} = size;
  if (stream.under !== undefined) return {all: requestsBelow(size), unchanged: 0};
  if (records === null) return {all: null, unchanged: strategy === 'list' && !stream.marker ? null : 0};
  const lists = stream.lists.length;
  if (stream.pages === 'single') return {all: lists, unchanged: lists};
  const all = pagesOf(records, pageSize, lists) + lists;
  switch (strategy) {
    case 'tail':
      // And the count of the inputs.
      return {all: all + 1, unchanged: 0};
    case 'window':
      return {all: all + KINDS_LOOKED_FOR, unchanged: 0};
    case 'list':
    case 'children':
    case 'members':
    case 'fixed':
      return {all, unchanged: stream.marker ? 0 : all};
  }
}

/** Of a stream that is read once under each parent; where its own records are not known, a page for each parent. */
function requestsBelow({stream, pageSize, records, parents}: StreamSize): number | null {
  if (parents === null) return null;
  const read = parents * stream.lists.length;
  if (stream.pages === 'single') return read;
  if (records === null) return read * 2;
  // At least a page with records for each parent that has any, and the empty one for each parent.
  return Math.max(pagesOf(records, pageSize, stream.lists.length), Math.min(parents, records)) + read;
}

/** Pages with records: at least one of each list, where there are so many. */
const pagesOf = (records: number, pageSize: number, lists: number): number =>
  Math.max(Math.ceil(records / pageSize), Math.min(lists, records));

const KINDS_LOOKED_FOR = 4;

/** How fast requests can be sent, as the configuration allows. */
export interface Pace {
  /** Of the budget, less its headroom; 0 for no limit. */
  readonly requestsPerSecond: number;
  readonly maxConcurrency: number;
  /** How long the API took to answer when it was asked, seconds. */
  readonly latencySeconds: number;
}

/** About how long so many requests take, seconds; `inTurn` are those that wait for one another. */
export function secondsFor(
  requests: number,
  inTurn: number,
  {requestsPerSecond, maxConcurrency, latencySeconds}: Pace,
) {
  const byBudget = requestsPerSecond === 0 ? 0 : requests / requestsPerSecond;
  return Math.max(byBudget, inTurn * latencySeconds, (requests * latencySeconds) / maxConcurrency);
}
