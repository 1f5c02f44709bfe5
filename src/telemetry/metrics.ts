import {Counter, Gauge, Histogram, Registry} from 'prom-client';

/** One metric, as it is exposed and documented. */
export interface MetricFact {
  readonly name: `clarifai_sync_${string}`;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** `process`: of this process alone. `ledger`: of all processes, looked up when asked. */
  readonly of: 'process' | 'ledger';
  /** Of a histogram, seconds. */
  readonly buckets?: readonly number[];
}

const APP = ['user_id', 'app_id'] as const;
const QUICK = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
const LONG = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200] as const;

function fact<Kind extends MetricFact['kind'], Name extends string>(
  kind: Kind,
  name: Name,
  labels: readonly string[],
  help: string,
  of: MetricFact['of'],
  buckets?: readonly number[],
) {
  return {kind, name: `clarifai_sync_${name}`, labels, help, of, ...(buckets === undefined ? {} : {buckets})} as const;
}

/**
 * Every metric: the one place that names them; the README's table is made of it. Labels have few values: never a key, a
 * cursor or the id of a run. Counters of the ledger count from the start of the process that exposes them.
 */
export const METRICS = {
  requests: fact(
    'counter',
    'source_requests_total',
    ['class'],
    'Requests to the API, by what the answer meant.',
    'process',
  ),
  requestSeconds: fact(
    'histogram',
    'source_request_duration_seconds',
    [],
    'From sending a request to its last byte.',
    'process',
    QUICK,
  ),
  bytes: fact('counter', 'source_bytes_total', [], 'Bytes of answers, unpacked.', 'process'),
  retries: fact('counter', 'source_retries_total', [], 'Calls that failed and were tried again.', 'process'),
  slotWait: fact(
    'histogram',
    'source_budget_wait_seconds',
    [],
    'Waited for a slot of the request budget, pauses included.',
    'process',
    QUICK,
  ),
  placeWait: fact(
    'histogram',
    'source_place_wait_seconds',
    [],
    'Waited for a place among the requests in flight.',
    'process',
    QUICK,
  ),
  commitSeconds: fact(
    'histogram',
    'commit_duration_seconds',
    [],
    'From giving pages to the store to their commit.',
    'process',
    QUICK,
  ),
  runs: fact('counter', 'runs_total', ['mode', 'outcome'], 'Runs that ended.', 'ledger'),
  runSeconds: fact('histogram', 'run_duration_seconds', ['outcome'], 'How long runs took.', 'ledger', LONG),
  runRequests: fact('counter', 'run_requests_total', [], 'Requests that runs took, of all workers.', 'ledger'),
  runThrottled: fact('counter', 'run_requests_throttled_total', [], 'Those of them that were throttled.', 'ledger'),
  records: fact(
    'counter',
    'records_total',
    ['stream', 'kind'],
    'Records read, inserted, updated, deleted, unchanged, rejected, repaired.',
    'ledger',
  ),
  storeUp: fact(
    'gauge',
    'store_up',
    [],
    '1 when the ledger could be read at the last look; without it what is of the ledger is left out.',
    'ledger',
  ),
  active: fact('gauge', 'run_active', APP, '1 while a run is under way.', 'ledger'),
  lastOk: fact('gauge', 'last_run_succeeded', APP, '1 when the last run that ended has succeeded, else 0.', 'ledger'),
  lastSuccess: fact('gauge', 'last_success_timestamp_seconds', APP, 'Start of the last run that succeeded.', 'ledger'),
  lastFull: fact(
    'gauge',
    'last_full_success_timestamp_seconds',
    APP,
    'Start of the last full run that succeeded.',
    'ledger',
  ),
  lastProgress: fact('gauge', 'last_progress_timestamp_seconds', APP, 'When something last moved in a run.', 'ledger'),
  lag: fact(
    'gauge',
    'lag_seconds',
    [...APP, 'stream'],
    'Now minus the start of the last run in which the stream succeeded.',
    'ledger',
  ),
  sourceRecords: fact(
    'gauge',
    'source_records',
    [...APP, 'stream'],
    'Records at the source, by its last count.',
    'ledger',
  ),
  mirrorRecords: fact(
    'gauge',
    'mirror_records',
    [...APP, 'stream'],
    'Records here when that count was compared.',
    'ledger',
  ),
  drift: fact(
    'gauge',
    'drift_records',
    [...APP, 'stream'],
    'Records at the source less those here, by the last comparison.',
    'ledger',
  ),
  verifyDrift: fact(
    'gauge',
    'verify_drift_records',
    [...APP, 'stream', 'place'],
    'Records that `verify` last found to differ at this place: the source, or a sink.',
    'ledger',
  ),
  rejects: fact(
    'gauge',
    'rejects_open',
    [...APP, 'stream'],
    'Records that could not be stored and are not by now.',
    'ledger',
  ),
  sinkSequence: fact(
    'gauge',
    'sink_sequence',
    ['sink', ...APP],
    'Number of the last run that a sink beside the store has got.',
    'ledger',
  ),
  sinkBehind: fact('gauge', 'sink_behind_runs', ['sink', ...APP], 'Finished runs that it has not got yet.', 'ledger'),
  tasks: fact('gauge', 'tasks', ['kind', 'state'], 'Tasks of the runs under way.', 'ledger'),
  queueJobs: fact('gauge', 'queue_jobs', ['queue', 'state'], 'Jobs in the queues.', 'ledger'),
  notifications: fact('gauge', 'notifications_waiting', [], 'Messages that have not been delivered yet.', 'ledger'),
} as const;

type Facts = typeof METRICS;
type MetricName = keyof Facts;
type NamesOf<Kind extends MetricFact['kind']> = {
  [Name in MetricName]: Facts[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
export type Labels = Readonly<Record<string, string>>;

/** What a request's report tells, as far as metrics care; SourceObserver of source/observer.ts. */
interface RequestFigures {
  readonly outcome: string;
  readonly bytes: number;
  readonly durationMs: number;
  readonly placeWaitMs: number;
  readonly slotWaitMs: number;
}

/**
 * The metrics of a process. It may be given to the API's client as an observer. What is of the ledger is filled by
 * `beforeScrape`, which is asked when somebody asks for the metrics.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #made = new Map<MetricName, Counter | Gauge | Histogram>();
  /** Brings what is of the ledger up to date. */
  beforeScrape: () => Promise<void> = () => Promise.resolve();

  constructor() {
    for (const [key, each] of Object.entries<MetricFact>(METRICS)) {
      this.#made.set(key as MetricName, this.#make(each));
    }
    for (const known of ['ok', 'throttled']) this.add('requests', {class: known}, 0);
  }

  #make({kind, name, labels, help, of, buckets}: MetricFact): Counter | Gauge | Histogram {
    const collect = of === 'ledger' ? {collect: () => this.beforeScrape()} : {};
    const common = {name, help, labelNames: [...labels], registers: [this.registry], ...collect};
    switch (kind) {
      case 'counter':
        return new Counter(common);
      case 'gauge':
        return new Gauge(common);
      case 'histogram':
        return new Histogram({...common, buckets: [...(buckets ?? QUICK)]});
    }
  }

  add(name: NamesOf<'counter'>, labels: Labels, by: number): void {
    (this.#made.get(name) as Counter).inc(labels, by);
  }

  set(name: NamesOf<'gauge'>, labels: Labels, value: number): void {
    (this.#made.get(name) as Gauge).set(labels, value);
  }

  /** Forgets a gauge's values: what is not set again is not known any more. */
  clear(name: NamesOf<'gauge'>): void {
    (this.#made.get(name) as Gauge).reset();
  }

  observeMs(name: NamesOf<'histogram'>, labels: Labels, ms: number): void {
    (this.#made.get(name) as Histogram).observe(labels, ms / 1_000);
  }

  requested({outcome, bytes, durationMs, placeWaitMs, slotWaitMs}: RequestFigures): void {
    this.add('requests', {class: outcome}, 1);
    this.add('bytes', {}, bytes);
    this.observeMs('requestSeconds', {}, durationMs);
    this.observeMs('placeWait', {}, placeWaitMs);
    this.observeMs('slotWait', {}, slotWaitMs);
  }

  retrying(): void {
    this.add('retries', {}, 1);
  }

  /** @param durationMs how long a commit took */
  committed(durationMs: number): void {
    this.observeMs('commitSeconds', {}, durationMs);
  }
}

/** The README's table of them. */
export function metricsTableText(): string {
  const rows = Object.values<MetricFact>(METRICS).map(({name, kind, labels, help, of}) => {
    const shown = labels.length === 0 ? '' : `{${labels.join(', ')}}`;
    return `| \`${name}${shown}\` | ${kind} | ${help}${of === 'process' ? ' *Of this process.*' : ''} |`;
  });
  return ['| metric | kind | what it is |', '| --- | --- | --- |', ...rows].join('\n');
}
