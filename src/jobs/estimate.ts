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
export function requestsFor({stream, strategy, pageSize, records, parents}: StreamSize): StreamRequests {
  if (records === null) return {all: null, unchanged: strategy === 'list' && !stream.marker ? null : 0};
  const lists = stream.lists.length;
  if (stream.pages === 'single') {
    const all = parents === null ? null : lists * (stream.under === undefined ? 1 : parents);
    return {all, unchanged: strategy === 'list' ? all : 0};
  }
  const pages = Math.max(Math.ceil(records / pageSize), Math.min(lists, records));
  switch (strategy) {
    case 'tail':
      // And the count of the inputs.
      return {all: pages + lists + 1, unchanged: 0};
    case 'window':
      return {all: pages + lists + KINDS_LOOKED_FOR, unchanged: 0};
    case 'list':
      return {all: pages + lists, unchanged: stream.marker ? 0 : pages + lists};
    case 'children':
    case 'members':
    case 'fixed':
      if (parents === null) return {all: null, unchanged: 0};
      // At least a page with records for each parent that has any, and the empty one for each parent.
      return {all: Math.max(pages, Math.min(parents, records)) + parents * lists, unchanged: 0};
  }
}

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
