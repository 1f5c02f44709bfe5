import {preparePage} from '../core/prepare.ts';
import type {Scope} from '../core/scope.ts';
import {
  SourceGoneError,
  SourceNotOfferedError,
  SourcePageTooLargeError,
  SourceRefusedError,
  SourceScopeError,
} from '../core/source-errors.ts';
import type {ApiClient} from '../source/client.ts';
import type {Stream} from '../streams/stream.ts';
import type {RunRules} from './deps.ts';
import {pathParams, recordPlace} from './list-calls.ts';

/** How many records a stream has, as far as a page of it tells. */
export interface Sample {
  /** null: nobody can tell. */
  readonly records: number | null;
  /** `sampled`: as if each parent had as many as the first. `at least`: there was more than a page. */
  readonly certainty: 'counted' | 'sampled' | 'at least';
}

interface Look extends Sample {
  /** Key of the first record, to look below it; null: there is none that can be read. */
  readonly firstKey: readonly string[] | null;
}

export interface SampleParts {
  readonly client: ApiClient;
  readonly scopeOf: (stream: Stream) => Scope;
  readonly rules: Pick<RunRules, 'maxRecordBytes' | 'pageSizeOf'>;
}

const UNKNOWN: Look = {records: null, certainty: 'counted', firstKey: null};
const NONE: Look = {records: 0, certainty: 'counted', firstKey: null};

/**
 * Sizes of streams, by name, with one page of each list whose length is not told; of what lies under parents, under the
 * first one. Good enough for an estimate: a page with fewer records than were asked for is taken for the whole list, and
 * what is refused for empty.
 * @param told sizes that are known already; streams come after those that they lie under
 * @throws SourceError for what concerns more than one stream: credential, quota, no answer
 */
export async function sampleStreams(
  parts: SampleParts,
  streams: readonly Stream[],
  told: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Sample>> {
  const looks = new Map<string, Promise<Look>>();
  const isWanted = ({name}: Stream): boolean =>
    !told.has(name) || streams.some((below) => below.under?.stream === name && isWanted(below));

  const lookAt = async (stream: Stream): Promise<Look> => {
    const count = told.get(stream.name);
    const look = isWanted(stream) ? await lookUnder(stream) : NONE;
    return count === undefined ? look : {...look, records: count, certainty: 'counted'};
  };

  const lookUnder = async (stream: Stream): Promise<Look> => {
    if (stream.under === undefined) return await firstPages(parts, stream, [], signal);
    const parents = (await looks.get(stream.under.stream)) ?? UNKNOWN;
    if (parents.records === 0) return NONE;
    if (parents.records === null || parents.firstKey === null) return UNKNOWN;
    const first = await firstPages(parts, stream, parents.firstKey, signal);
    const isLeast = parents.certainty === 'at least' || first.certainty === 'at least';
    return {
      ...first,
      records: first.records === null ? null : first.records * parents.records,
      certainty: isLeast ? 'at least' : 'sampled',
    };
  };

  for (const stream of streams) looks.set(stream.name, lookAt(stream));
  return new Map(await Promise.all([...looks].map(async ([name, look]) => [name, await look] as const)));
}

async function firstPages(
  {client, scopeOf, rules: {maxRecordBytes, pageSizeOf}}: SampleParts,
  stream: Stream,
  parentKey: readonly string[],
  signal: AbortSignal,
): Promise<Look> {
  const owner = scopeOf(stream);
  const perPage = pageSizeOf(stream);
  const page = {numbered: {page: 1, per_page: perPage}, last_id: {per_page: perPage}, single: {}}[stream.pages];
  const params = pathParams(owner, stream, parentKey);
  let records = 0;
  let isFull = false;
  let firstKey: readonly string[] | null = null;
  try {
    for (const list of stream.lists) {
      const place = {records: recordPlace(stream)};
      const {bytes, spans} = await client.get(list.path, params, {...list.query, ...page}, place, signal);
      const prepared = preparePage(stream.shape, bytes, spans, {parentKey, maxRecordBytes, owner});
      if (prepared.count > 0) firstKey ??= prepared.keys.map((part) => part[0] as string);
      records += spans.length / 2;
      if (stream.pages !== 'single' && spans.length / 2 >= perPage) isFull = true;
    }
  } catch (error) {
    if (error instanceof SourcePageTooLargeError) return UNKNOWN;
    if (!REFUSALS.some((refusal) => error instanceof refusal)) throw error;
  }
  return {records, certainty: isFull ? 'at least' : 'counted', firstKey};
}

const REFUSALS = [SourceGoneError, SourceNotOfferedError, SourceRefusedError, SourceScopeError];
