import {knownDrift} from '../store/drift.ts';
import type {Store} from '../store/ledger.ts';
import {metricFacts, type MetricFacts, type WorkFacts} from '../store/metric-facts.ts';
import {sinkPositions, type SinkPosition} from '../store/sink-positions.ts';
import {reportStatus, type ScopeStatus} from '../store/status.ts';
import type {Log} from '../telemetry/log.ts';
import type {Labels, Metrics} from '../telemetry/metrics.ts';
import {shared} from './shared.ts';

/** Jobs in a queue, by state. */
export interface QueueDepth {
  readonly queue: string;
  readonly jobs: Readonly<Record<string, number>>;
}

/** However many ask, the ledger is looked at this often, ms. */
const LOOK_EVERY_MS = 3_000;
/** Runs are counted that ended since the last look, and this much before, s. */
const MARGIN_SECONDS = 60;
const GAUGES = [
  'active',
  'lastOk',
  'lastSuccess',
  'lastFull',
  'lastProgress',
  'lag',
  'sourceRecords',
  'mirrorRecords',
  'drift',
  'verifyDrift',
  'rejects',
  'sinkSequence',
  'sinkBehind',
  'tasks',
  'queueJobs',
] as const;

/**
 * Has the metrics that are of the ledger filled whenever somebody asks: they tell of all workers, wherever they are. Where
 * the store or the queue does not answer the rest is told all the same.
 */
export function fillFromLedger(
  metrics: Metrics,
  store: Pick<Store, 'database'>,
  queueDepths: () => Promise<readonly QueueDepth[]>,
  log: Log,
  now: () => number,
): void {
  const counters = new LedgerCounters(metrics);
  metrics.beforeScrape = shared(
    async () => {
      const sinceSeconds = counters.sinceLastMs(now()) / 1_000 + MARGIN_SECONDS;
      for (const gauge of GAUGES) metrics.clear(gauge);
      metrics.set('storeUp', {}, 0);
      const found = await Promise.all([
        metricFacts(store, sinceSeconds),
        reportStatus(store),
        sinkPositions(store),
        queueDepths(),
        knownDrift(store),
      ]).catch((error: unknown) => {
        log.warn({err: error}, 'ledger was not read for the metrics');
        return null;
      });
      if (found === null) return;
      const [facts, statuses, sinks, depths, drifts] = found;
      metrics.set('storeUp', {}, 1);
      counters.count(facts.work, now());
      setScopes(metrics, facts);
      setLag(metrics, statuses);
      setSinks(metrics, sinks);
      for (const {scope, stream, place, records} of drifts) {
        metrics.set('verifyDrift', {user_id: scope.userId, app_id: scope.appId, stream, place}, records);
      }
      for (const {queue, jobs} of depths) {
        for (const [state, count] of Object.entries(jobs)) metrics.set('queueJobs', {queue, state}, count);
      }
    },
    LOOK_EVERY_MS,
    now,
  );
}

function setScopes(metrics: Metrics, {scopes, streams, tasks, notifications}: MetricFacts): void {
  for (const {userId, appId, isActive, hasSucceeded, lastSuccess, lastFull, lastProgress} of scopes) {
    const app = {user_id: userId, app_id: appId};
    metrics.set('active', app, isActive ? 1 : 0);
    if (hasSucceeded !== null) metrics.set('lastOk', app, hasSucceeded ? 1 : 0);
    if (lastSuccess !== null) metrics.set('lastSuccess', app, lastSuccess);
    if (lastFull !== null) metrics.set('lastFull', app, lastFull);
    if (lastProgress !== null) metrics.set('lastProgress', app, lastProgress);
  }
  for (const {userId, appId, stream, sourceCount, mirrorCount, drift, openRejects} of streams) {
    const labels = {user_id: userId, app_id: appId, stream};
    if (sourceCount !== null) metrics.set('sourceRecords', labels, sourceCount);
    if (mirrorCount !== null) metrics.set('mirrorRecords', labels, mirrorCount);
    if (drift !== null) metrics.set('drift', labels, drift);
    metrics.set('rejects', labels, openRejects);
  }
  for (const {kind, state, count} of tasks) metrics.set('tasks', {kind, state}, count);
  metrics.set('notifications', {}, notifications);
}

function setLag(metrics: Metrics, statuses: readonly ScopeStatus[]): void {
  for (const {scope, streams} of statuses) {
    for (const {stream, lagSeconds} of streams) {
      if (lagSeconds === null) continue;
      metrics.set('lag', {user_id: scope.userId, app_id: scope.appId, stream}, lagSeconds);
    }
  }
}

function setSinks(metrics: Metrics, sinks: readonly SinkPosition[]): void {
  for (const {sink, userId, appId, sequence, runsBehind} of sinks) {
    const labels = {sink, user_id: userId, app_id: appId};
    if (sequence !== null) metrics.set('sinkSequence', labels, sequence);
    metrics.set('sinkBehind', labels, runsBehind);
  }
}

/**
 * Counters out of the ledger's sums: what has been added since the last look. The first look only notes where things
 * stand, so that what was done before this process is not counted as done now.
 */
class LedgerCounters {
  readonly #metrics: Metrics;
  #known = new Map<string, number>();
  #ended = new Set<string>();
  #lookedMs: number | null = null;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  sinceLastMs(nowMs: number): number {
    return this.#lookedMs === null ? 0 : nowMs - this.#lookedMs;
  }

  count(work: readonly WorkFacts[], nowMs: number): void {
    const isFirst = this.#lookedMs === null;
    this.#lookedMs = nowMs;
    const known = new Map<string, number>();
    const ended = new Set<string>();
    const grow = (
      name: 'runRequests' | 'runThrottled' | 'records',
      key: string,
      labels: Labels,
      value: number,
    ): void => {
      const added = value - (this.#known.get(key) ?? 0);
      known.set(key, value);
      if (!isFirst && added > 0) this.#metrics.add(name, labels, added);
    };
    for (const {runId, mode, outcome, seconds, requests, throttled, stream, counts} of work) {
      if (!known.has(`${runId} requests`)) {
        grow('runRequests', `${runId} requests`, {}, requests);
        grow('runThrottled', `${runId} throttled`, {}, throttled);
      }
      if (stream !== null) {
        for (const [kind, value] of Object.entries(counts)) {
          grow('records', `${runId} ${stream} ${kind}`, {stream, kind}, value);
        }
      }
      if (outcome === null || ended.has(runId)) continue;
      ended.add(runId);
      if (isFirst || this.#ended.has(runId)) continue;
      this.#metrics.add('runs', {mode, outcome}, 1);
      this.#metrics.observeMs('runSeconds', {outcome}, (seconds ?? 0) * 1_000);
    }
    this.#known = known;
    this.#ended = ended;
  }
}
