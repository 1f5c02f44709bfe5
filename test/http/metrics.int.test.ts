import {readFile} from 'node:fs/promises';
import {expect, test} from 'vitest';
import {finish} from '../../src/jobs/finish.ts';
import type {Store} from '../../src/store/ledger.ts';
import {METRICS, Metrics, metricsTableText, type MetricFact} from '../../src/telemetry/metrics.ts';
import {beginRunOf, Stores} from '../support/stores.ts';
import {httpOn, type TestHttp} from './http-service.ts';

/** Values by name and labels, as a scrape gives them. */
async function scrape(http: TestHttp): Promise<Map<string, number>> {
  const {text} = await http.ask('/metrics');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

/** Every look at the ledger is a fresh one. */
const hurried = () => {
  let nowMs = 0;
  return {now: () => (nowMs += 10_000)};
};

async function close(store: Store, runId: string): Promise<void> {
  await store.database.query(`update clarifai_sync.runs set state = 'closed' where run_id = $1`, [runId]);
}

const APP = '{user_id="acme",app_id="plants"}';
const INPUTS = '{user_id="acme",app_id="plants",stream="inputs"}';

test('names, units and labels of all metrics are as Prometheus has them', () => {
  for (const {name, kind, labels, help} of Object.values<MetricFact>(METRICS)) {
    expect(name).toMatch(/^clarifai_sync(_[a-z]+)+$/);
    expect([name, name.endsWith('_total')]).toEqual([name, kind === 'counter']);
    if (kind === 'histogram') expect(name).toMatch(/_seconds$/);
    expect(help).toMatch(/\.$/);
    for (const label of labels) expect(['run_id', 'key', 'cursor', 'input_id']).not.toContain(label);
  }
});

test('the table of metrics in the README is what the program has; else copy metricsTableText()', async () => {
  expect(await readFile(new URL('../../README.md', import.meta.url), 'utf8')).toContain(metricsTableText());
});

test('what the client and the commits of this process do is measured', async () => {
  await using stores = await Stores.make();
  const metrics = new Metrics();
  await using http = await httpOn(await stores.open(), {metrics, ...hurried()});
  metrics.requested({outcome: 'ok', bytes: 1_000, durationMs: 250, placeWaitMs: 0, slotWaitMs: 60});
  metrics.requested({outcome: 'throttled', bytes: 10, durationMs: 20, placeWaitMs: 0, slotWaitMs: 0});
  metrics.retrying();
  metrics.committed(40);
  expect(Object.fromEntries(await scrape(http))).toMatchObject({
    'clarifai_sync_source_requests_total{class="ok"}': 1,
    'clarifai_sync_source_requests_total{class="throttled"}': 1,
    clarifai_sync_source_bytes_total: 1_010,
    clarifai_sync_source_retries_total: 1,
    clarifai_sync_source_request_duration_seconds_sum: 0.27,
    'clarifai_sync_source_budget_wait_seconds_bucket{le="0.05"}': 1,
    'clarifai_sync_commit_duration_seconds_bucket{le="0.05"}': 1,
  });
});

test('what other processes do is counted from the ledger, each record once, and nothing from before', async () => {
  await using stores = await Stores.make();
  const store = await stores.open();
  const before = await beginRunOf(store, ['inputs']);
  const reads = (runId: string, read: number) =>
    store.database.query('update clarifai_sync.stream_runs set read = $2 where run_id = $1', [runId, read]);
  await reads(before.runId, 500);
  await using http = await httpOn(store, hurried());
  const counted = async () => (await scrape(http)).get('clarifai_sync_records_total{stream="inputs",kind="read"}');
  expect(await counted()).toBeUndefined();
  await reads(before.runId, 520);
  expect(await counted()).toBe(20);
  expect(await counted()).toBe(20);
  await close(store, before.runId);
  await finish(store, before.runId);
  const next = await beginRunOf(store, ['inputs']);
  await reads(next.runId, 7);
  await store.database.query('update clarifai_sync.runs set requests = 3, throttled = 1 where run_id = $1', [
    next.runId,
  ]);
  await close(store, next.runId);
  await finish(store, next.runId);
  const found = Object.fromEntries(await scrape(http));
  expect(found).toMatchObject({
    'clarifai_sync_records_total{stream="inputs",kind="read"}': 27,
    'clarifai_sync_runs_total{mode="full",outcome="failed"}': 2,
    'clarifai_sync_run_duration_seconds_count{outcome="failed"}': 2,
    clarifai_sync_run_requests_total: 3,
    clarifai_sync_run_requests_throttled_total: 1,
  });
  expect(Object.keys(found).some((name) => name.includes(next.runId))).toBe(false);
});

test('freshness, counts, rejects, sinks and queues are told as they are; what is not known is left out', async () => {
  await using stores = await Stores.make();
  const store = await stores.open();
  const queueDepths = () => Promise.resolve([{queue: 'tasks', jobs: {waiting: 4}}]);
  await using http = await httpOn(store, {queueDepths, ...hurried()});
  const run = await beginRunOf(store, ['inputs']);
  const running = await scrape(http);
  expect(running.get(`clarifai_sync_run_active${APP}`)).toBe(1);
  expect(running.get('clarifai_sync_tasks{kind="crawl",state="waiting"}')).toBe(1);
  expect(running.get('clarifai_sync_queue_jobs{queue="tasks",state="waiting"}')).toBe(4);
  expect(running.has(`clarifai_sync_last_success_timestamp_seconds${APP}`)).toBe(false);
  expect(running.has(`clarifai_sync_lag_seconds${INPUTS}`)).toBe(false);

  await store.database.query(
    `update clarifai_sync.stream_runs set outcome = 'succeeded', source_count = 9, mirror_count = 7 where run_id = $1`,
    [run.runId],
  );
  await store.database.query(
    `insert into clarifai_sync.stream_states (scope_id, stream, count_gap) values ($1, 'inputs', 2)`,
    [run.scopeId],
  );
  await store.database.query(
    `update clarifai_sync.runs set options = options || '{"sinks": ["lake"]}' where run_id = $1`,
    [run.runId],
  );
  await store.database.query(
    `insert into clarifai_sync.sink_runs (run_id, sink, outcome) values ($1, 'lake', 'succeeded')`,
    [run.runId],
  );
  await close(store, run.runId);
  await finish(store, run.runId);
  const done = Object.fromEntries(await scrape(http));
  expect(done).toMatchObject({
    [`clarifai_sync_run_active${APP}`]: 0,
    [`clarifai_sync_last_run_succeeded${APP}`]: 1,
    [`clarifai_sync_source_records${INPUTS}`]: 9,
    [`clarifai_sync_mirror_records${INPUTS}`]: 7,
    [`clarifai_sync_drift_records${INPUTS}`]: 2,
    [`clarifai_sync_rejects_open${INPUTS}`]: 0,
    'clarifai_sync_sink_sequence{sink="lake",user_id="acme",app_id="plants"}': 1,
    'clarifai_sync_sink_behind_runs{sink="lake",user_id="acme",app_id="plants"}': 0,
    clarifai_sync_notifications_waiting: 0,
  });
  expect(done[`clarifai_sync_last_success_timestamp_seconds${APP}`]).toBeGreaterThan(Date.now() / 1_000 - 60);
  expect(done[`clarifai_sync_lag_seconds${INPUTS}`]).toBeLessThan(60);
  expect(done['clarifai_sync_tasks{kind="crawl",state="waiting"}']).toBeUndefined();
});
