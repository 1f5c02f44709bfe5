import type {Config} from '../config/config.ts';
import type {Scope} from '../core/scope.ts';
import {requestsFor, secondsFor, type Pace, type StreamSize} from '../jobs/estimate.ts';
import {lookAtApp} from '../jobs/look-at-app.ts';
import {inputCounts} from '../source/calls.ts';
import type {ApiClient} from '../source/client.ts';
import type {Store} from '../store/ledger.ts';
import {countRows, streamsRead} from '../store/row-counts.ts';
import type {Stream} from '../streams/stream.ts';
import {rulesOf, type Context} from './context.ts';
import {openApi} from './open-parts.ts';
import {storeToRead} from './read-store.ts';
import {appOf, resolveApps, scopeFor, selectedStreams} from './selection.ts';
import {durationText, tableLines} from './table-text.ts';

export interface EstimateFlags {
  readonly app?: readonly string[];
  readonly json?: boolean;
}

interface StreamEstimate {
  readonly stream: string;
  /** null: neither the API nor the mirror tells. */
  readonly records: number | null;
  readonly first_requests: number | null;
  readonly first_seconds: number | null;
  readonly unchanged_requests: number | null;
  readonly unchanged_seconds: number | null;
}

interface AppEstimate {
  readonly user_id: string;
  readonly app_id: string;
  readonly streams: readonly StreamEstimate[];
}

/** Tells how many requests, and how long, a first run and one with nothing changed will take, from what is known now. */
export async function estimate(context: Context, flags: EstimateFlags): Promise<number> {
  const named = flags.app?.map(appOf) ?? null;
  const config = await context.config(named === null ? ['pat', 'apps'] : ['pat']);
  const {out, signal} = context.surroundings;
  const client = openApi(context, config);
  const store = await storeToRead(context, config);
  const apps = await resolveApps(client, named ?? config.apps, signal);
  const estimates: AppEstimate[] = [];
  for (const app of apps) estimates.push(await estimateApp(context, config, client, store, app));
  if (flags.json === true) {
    out(JSON.stringify(estimates.length === 1 ? estimates[0] : estimates));
    return 0;
  }
  for (const line of estimates.flatMap(estimateLines)) out(line);
  return 0;
}

async function estimateApp(
  {surroundings: {signal, now}}: Context,
  config: Config,
  client: ApiClient,
  store: Store | null,
  app: Scope,
): Promise<AppEstimate> {
  const askedMs = now();
  const {counts} = await lookAtApp(client, app, signal);
  const latencySeconds = (now() - askedMs) / 1000;
  const inputs = await inputCounts(client, app, signal);
  const {requestsPerSecond, headroom, maxConcurrency} = config.source;
  const pace: Pace = {requestsPerSecond: requestsPerSecond * (1 - headroom), maxConcurrency, latencySeconds};
  const fromApi: Readonly<Record<string, number>> = {...counts, ...(inputs === null ? {} : {inputs})};
  const streams = selectedStreams(config);
  const known = new Map<string, number | null>();
  const rules = rulesOf(config);
  const recordsOf = async (stream: Stream): Promise<number | null> => {
    const found = known.get(stream.name);
    if (found !== undefined) return found;
    // The API leaves some out of its counts (bookmarked datasets), the mirror what is new.
    const counted = [fromApi[stream.name] ?? null, await storedCount(store, scopeFor(stream, app), stream)];
    const told = counted.filter((each) => each !== null);
    const count = told.length === 0 ? null : Math.max(...told);
    known.set(stream.name, count);
    return count;
  };
  const estimates: StreamEstimate[] = [];
  for (const stream of streams) {
    const parent = stream.under === undefined ? undefined : streams.find(({name}) => name === stream.under?.stream);
    const size: StreamSize = {
      stream,
      strategy: rules.strategyOf(stream),
      pageSize: rules.pageSizeOf(stream),
      records: await recordsOf(stream),
      parents: parent === undefined ? 0 : await recordsOf(parent),
    };
    estimates.push(streamEstimate(size, pace));
  }
  return {user_id: app.userId, app_id: app.appId, streams: estimates};
}

/** Rows of the mirror, which tell only once all of the stream was read. */
async function storedCount(store: Store | null, scope: Scope, stream: Stream): Promise<number | null> {
  if (store === null || !(await streamsRead(store, scope)).has(stream.name)) return null;
  return await countRows(store, scope, stream);
}

function streamEstimate(size: StreamSize, pace: Pace): StreamEstimate {
  const {all, unchanged} = requestsFor(size);
  // Each answer of StreamInputs says where the next one begins; all else is read several pages at a time.
  const inTurn = size.stream.pages === 'last_id' ? 1 : 0;
  const seconds = (requests: number | null): number | null =>
    requests === null ? null : secondsFor(requests, requests * inTurn, pace);
  return {
    stream: size.stream.name,
    records: size.records,
    first_requests: all,
    first_seconds: seconds(all),
    unchanged_requests: unchanged,
    unchanged_seconds: seconds(unchanged),
  };
}

function estimateLines({user_id: userId, app_id: appId, streams}: AppEstimate): string[] {
  const unknown = streams.filter((stream) => stream.first_requests === null).map(({stream}) => stream);
  const sum = (of: (stream: StreamEstimate) => number | null): number =>
    streams.reduce((total, stream) => total + (of(stream) ?? 0), 0);
  const about = unknown.length === 0 ? 'about' : 'at least';
  // One request more begins the run: it asks for the app and its marker.
  const first = `${about} ${1 + sum((s) => s.first_requests)} requests, ${durationText(sum((s) => s.first_seconds))}`;
  const unchanged = `about ${1 + sum((s) => s.unchanged_requests)} requests, ${durationText(sum((s) => s.unchanged_seconds))}`;
  const rows = streams.map((stream) => [
    stream.stream,
    stream.records ?? '?',
    stream.first_requests ?? '?',
    stream.first_seconds === null ? '?' : durationText(stream.first_seconds),
    stream.unchanged_requests ?? '?',
  ]);
  return [
    `${userId}/${appId}: a first run takes ${first}; one with nothing changed ${unchanged}`,
    ...tableLines(['stream', 'records', 'first run: requests', 'time', 'nothing changed: requests'], rows).map(
      (line) => `  ${line}`,
    ),
    ...(unknown.length === 0 ? [] : [`  not known before they are read once: ${unknown.join(', ')}`]),
  ];
}
