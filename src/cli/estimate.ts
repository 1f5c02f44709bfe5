import type {Config} from '../config/config.ts';
import type {Scope} from '../core/scope.ts';
import {requestsFor, secondsFor, type Pace, type StreamSize} from '../jobs/estimate.ts';
import {lookAtApp} from '../jobs/look-at-app.ts';
import {sampleStreams, type Sample} from '../jobs/sample-streams.ts';
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
  /** null: neither the API nor the mirror tells; below parents the requests are then those for a page under each. */
  readonly records: number | null;
  /** How sure that is; `at least`: there may be more, and more requests. */
  readonly certainty: Sample['certainty'];
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

/** Tells how many requests, and how long, a first run and one with nothing changed will take, from what is known now and one page of each list. */
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
  const {counts: ofApp} = await lookAtApp(client, app, signal);
  const latencySeconds = (now() - askedMs) / 1000;
  const inputs = await inputCounts(client, app, signal);
  const {requestsPerSecond, headroom, maxConcurrency} = config.source;
  const pace: Pace = {requestsPerSecond: requestsPerSecond * (1 - headroom), maxConcurrency, latencySeconds};
  const fromApi: Readonly<Record<string, number>> = {...ofApp, ...(inputs === null ? {} : {inputs})};
  const streams = selectedStreams(config);
  const rules = rulesOf(config);
  const scopeOf = (stream: Stream): Scope => scopeFor(stream, app);
  const told = new Map<string, number>();
  for (const stream of streams) {
    // The API leaves some out of its counts (bookmarked datasets), the mirror what is new.
    const counted = [fromApi[stream.name] ?? null, await storedCount(store, scopeOf(stream), stream)];
    const known = counted.filter((each) => each !== null);
    if (known.length > 0) told.set(stream.name, Math.max(...known));
  }
  const samples = await sampleStreams({client, scopeOf, rules}, streams, told, signal);
  const estimates = streams.map((stream) => {
    const {records = null, certainty = 'counted'} = samples.get(stream.name) ?? {};
    const parents = stream.under === undefined ? 0 : (samples.get(stream.under.stream)?.records ?? null);
    const size: StreamSize = {
      stream,
      strategy: rules.strategyOf(stream),
      pageSize: rules.pageSizeOf(stream),
      records,
      parents,
    };
    return streamEstimate(size, certainty, pace);
  });
  return {user_id: app.userId, app_id: app.appId, streams: estimates};
}

/** Rows of the mirror, which tell only once all of the stream was read. */
async function storedCount(store: Store | null, scope: Scope, stream: Stream): Promise<number | null> {
  if (store === null || !(await streamsRead(store, scope)).has(stream.name)) return null;
  return await countRows(store, scope, stream);
}

function streamEstimate(size: StreamSize, certainty: Sample['certainty'], pace: Pace): StreamEstimate {
  const {all, unchanged} = requestsFor(size);
  // Each answer of StreamInputs says where the next one begins; all else is read several pages at a time.
  const inTurn = size.stream.pages === 'last_id' ? 1 : 0;
  const seconds = (requests: number | null): number | null =>
    requests === null ? null : secondsFor(requests, requests * inTurn, pace);
  return {
    stream: size.stream.name,
    records: size.records,
    certainty,
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
  const more = streams.filter((stream) => stream.certainty === 'at least').map(({stream}) => stream);
  const about = unknown.length === 0 && more.length === 0 ? 'about' : 'at least';
  // One request more begins the run: it asks for the app and its marker.
  const first = `${about} ${1 + sum((s) => s.first_requests)} requests, ${durationText(sum((s) => s.first_seconds))}`;
  const unchanged = `${about} ${1 + sum((s) => s.unchanged_requests)} requests, ${durationText(sum((s) => s.unchanged_seconds))}`;
  const time = (seconds: number | null): string => (seconds === null ? '?' : durationText(seconds));
  const rows = streams.map((stream) => [
    stream.stream,
    recordsText(stream),
    stream.first_requests ?? '?',
    time(stream.first_seconds),
    stream.unchanged_requests ?? '?',
    time(stream.unchanged_seconds),
  ]);
  const head = ['stream', 'records', 'first run: requests', 'time', 'nothing changed: requests', 'time'];
  return [
    `${userId}/${appId}: a first run takes ${first}; one with nothing changed ${unchanged}`,
    ...tableLines(head, rows).map((line) => `  ${line}`),
    ...(more.length === 0 ? [] : [`  more than a page, or below what has more: ${more.join(', ')}`]),
    ...(unknown.length === 0 ? [] : [`  not known before they are read once: ${unknown.join(', ')}`]),
  ];
}

function recordsText({records, certainty}: StreamEstimate): string {
  if (records === null) return '?';
  return {counted: `${records}`, sampled: `~${records}`, 'at least': `${records}+`}[certainty];
}
