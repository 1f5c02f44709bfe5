import {describe, expect, test, vi} from 'vitest';
import {ownPostgres} from '../support/own-postgres.ts';
import {until} from '../support/until.ts';
import {BACKENDS, OF_THE_APP, serviceRun, type ServiceRun} from './service-run.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 240_000});

const MANY_PAGES = {inputs: 600, annotations: 2400, datasets: 3, versionsPerDataset: 2};
/** No rate limit, pages of 50 records, and leases that a test can wait for. */
const QUICK = 'source: {requests_per_second: 0, page_size: 50}\nrun: {lease_seconds: 3}\n';
const SLOW_ANSWERS = {...MANY_PAGES, settings: {latencyMs: 60}};

const LIMITED = {inputs: 600, annotations: 3_000, datasets: 2, settings: {latencyMs: 200, requestsPerSecond: 15}};

/** A machine on which more timers than this are too late is held up. */
const MOST_LATE = 0.003;
const PROBE_MS = 10;
/** Who wakes up later than this drops its slot (core/gcra.ts). */
const TOO_LATE_MS = 20;

/** Looks, until it is asked, which share of this process's timers fires so late that a slot would have been dropped. */
function watchLateness(): () => number {
  let [fired, late, dueMs] = [0, 0, performance.now() + PROBE_MS];
  const timer = setInterval(() => {
    fired += 1;
    if (performance.now() - dueMs > TOO_LATE_MS) late += 1;
    dueMs = performance.now() + PROBE_MS;
  }, PROBE_MS);
  return () => {
    clearInterval(timer);
    return late / fired;
  };
}

/**
 * A run at 15 requests a second: never more in any second, none throttled, and while there is work 13.6 on average (with the
 * usual headroom there are 13.95 slots a second). Where other work holds the machine up, two things are no fault of the
 * budget: a request that left in time stands still on its way and meets those behind it, since the simulator counts what
 * arrives; and slots are dropped by those who wake up too late for them. Then one may be throttled, and the median has to
 * do. That slots keep their distance is tried in test/source/budget and test/workers; without one budget, hundreds would
 * be throttled.
 * @param during looks at what is shown of the run while it goes on
 */
async function expectShared(
  service: ServiceRun,
  during: (runId: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const {harness} = service;
  const lateness = watchLateness();
  const runId = await service.ask();
  await during(runId);
  const run = await service.ended(runId);
  const heldUp = lateness() > MOST_LATE ? 1 : 0;
  expect(run).toMatchObject({outcome: 'succeeded', why: ''});
  const {throttled, peakPerSecond} = harness.simulator.stats();
  expect(throttled).toBeLessThanOrEqual(heldUp);
  expect(peakPerSecond).toBeLessThanOrEqual(15 + heldUp);
  const times = harness.simulator.requests().map(({monotonicMs}) => monotonicMs);
  const pages = harness.simulator
    .requests()
    .filter(({path, query}) => /annotations$/.test(path) && /page=/.test(query));
  // Without the first second, in which each stream has but one page to ask for, and the last one, in which nothing is left.
  const [first, last] = [(pages[0]?.monotonicMs ?? 0) + 1000, (pages.at(-2)?.monotonicMs ?? 0) - 1000];
  const seconds = Array.from({length: Math.floor((last - first) / 1000)}, (_, second) => {
    const fromMs = first + second * 1000;
    return times.filter((atMs) => atMs >= fromMs && atMs < fromMs + 1000).length;
  });
  const said = `${seconds.join(' ')}; held up: ${heldUp}`;
  expect(seconds.length, said).toBeGreaterThan(5);
  // All of them pause after the one answer that may be throttled: there are seconds then in which nobody sent anything.
  const busy = seconds.filter((requests) => requests > 0 || throttled === 0).sort((a, b) => a - b);
  expect(busy[busy.length >> 1], said).toBeGreaterThanOrEqual(13);
  const mean = seconds.reduce((sum, requests) => sum + requests, 0) / seconds.length;
  if (heldUp === 0) expect(mean, said).toBeGreaterThanOrEqual(13.6);
  expect(await harness.differences(OF_THE_APP)).toEqual([]);
}

test('ten workers share one budget', async () => {
  await using service = await serviceRun('redis', LIMITED, 'source: {page_size: 20}\n');
  await service.start('scheduler');
  await Promise.all(Array.from({length: 10}, () => service.start('worker')));
  await expectShared(service);
  expect(new Set(await service.stop())).toEqual(new Set([0]));
});

describe.each(BACKENDS)('the service with its queue in the %s', (backend) => {
  test('does a run that is asked for, as scheduler, two workers and http, which share one budget and show it', async () => {
    await using service = await serviceRun(backend, LIMITED, 'source: {page_size: 20}\nhttp: {port: 0}\n');
    const [http] = await Promise.all(['http', 'scheduler', 'worker', 'worker'].map((role) => service.start(role)));
    const url = /"url":"(http:[^"]+)"/.exec(http?.output().stderr ?? '')?.[1] ?? '';
    const read = async (path: string): Promise<string> => (await fetch(new URL(path, url))).text();
    const outcomeOf = async (runId: string): Promise<unknown> => {
      return (JSON.parse(await read(`/api/runs/${runId}`)) as {outcome: unknown}).outcome;
    };
    let asked = '';
    await expectShared(service, async (runId) => {
      asked = runId;
      const requests = /^clarifai_sync_\w*requests_total\{?[^}]*\}? [1-9]/m;
      await until('the metrics tell of requests', async () => requests.test(await read('/metrics')));
      expect((await fetch(new URL('/readyz', url))).status).toBe(200);
      expect(await outcomeOf(runId)).toBe(null);
      expect(await read('/')).toContain('<html');
    });
    expect(await outcomeOf(asked)).toBe('succeeded');
    expect(await service.stop()).toEqual([0, 0, 0, 0]);
  });

  test('ends in the truth when a worker is killed in mid-stream, and another goes on', async () => {
    await using service = await serviceRun(backend, SLOW_ANSWERS, QUICK);
    await service.start('scheduler');
    const first = await service.start('worker');
    const asked = service.request(30);
    const runId = await service.ask();
    await asked;
    const second = service.start('worker');
    first.kill('SIGKILL');
    await second;
    expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
    expect(await service.harness.differences(OF_THE_APP)).toEqual([]);
  });

  test('ends in the truth when a worker is frozen past its lease, overtaken, and goes on', async () => {
    await using service = await serviceRun(backend, SLOW_ANSWERS, QUICK);
    await service.start('scheduler');
    const frozen = await service.start('worker');
    const asked = service.request(30);
    const runId = await service.ask();
    await asked;
    frozen.kill('SIGSTOP');
    await service.start('worker');
    expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
    frozen.kill('SIGCONT');
    const next = await service.ask('full');
    expect(await service.ended(next)).toMatchObject({outcome: 'succeeded', why: ''});
    expect(await service.harness.differences(OF_THE_APP)).toEqual([]);
    expect(await service.stop()).toEqual([0, 0, 0]);
  });

  test('gives its work back when it is told to end, and the next worker goes on at the next page', async () => {
    await using service = await serviceRun(backend, SLOW_ANSWERS, QUICK);
    const {harness} = service;
    await service.start('scheduler');
    const first = await service.start('worker');
    const asked = service.request(40);
    const runId = await service.ask();
    await asked;
    const toldMs = performance.now();
    first.kill('SIGTERM');
    expect((await first.ended).code).toBe(0);
    expect(performance.now() - toldMs).toBeLessThan(15_000);
    const before = harness.requests();
    const [pass] = await harness.query<{cursor: string | null}>(
      `select cursor from clarifai_sync.passes where stream = 'annotations'`,
    );
    const tasks = await harness.query<{state: string}>(`select state from clarifai_sync.tasks where run_id = $1`, [
      runId,
    ]);
    expect(tasks.filter(({state}) => state === 'working')).toEqual([]);
    harness.forgetRequests();
    await service.start('worker');
    expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
    const committed = pass?.cursor == null ? 0 : Number(/^page:(\d+):50$/.exec(pass.cursor)?.[1]) / 50;
    const pages = (requests: readonly string[]): number[] =>
      requests.flatMap((text) => /\/annotations\?.*page=(\d+)&per_page=50/.exec(text)?.[1] ?? []).map(Number);
    expect(committed).toBeGreaterThan(0);
    expect(pages(before).length).toBeGreaterThan(0);
    expect(pages(harness.requests()).filter((page) => page <= committed)).toEqual([]);
    expect(await harness.differences(OF_THE_APP)).toEqual([]);
  });

  // What every connection that is cut shows too: here the server is away for a while besides.
  test.each(['SIGQUIT', 'SIGKILL'] as const)(
    'ends the run in the truth, by itself, when Postgres is ended by %s during it and started again',
    async (signal) => {
      await using database = await ownPostgres();
      await using service = await serviceRun(backend, SLOW_ANSWERS, QUICK, {database});
      const processes = [await service.start('scheduler,http'), await service.start('worker')];
      const asked = service.request(30);
      const runId = await service.ask();
      await asked;
      await database.restart(signal);
      expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
      expect(await service.harness.differences(OF_THE_APP)).toEqual([]);
      const again = await service.ask();
      expect(await service.ended(again)).toMatchObject({outcome: 'succeeded', why: ''});
      expect(processes.map((each) => /uncaught|unhandled/i.exec(each.output().stderr)?.[0])).toEqual([
        undefined,
        undefined,
      ]);
      expect(await service.stop()).toEqual([0, 0]);
    },
  );
});

describe('the service whose Redis', () => {
  test('is killed during a run and comes back with what it held, ends in the truth', async () => {
    await using service = await serviceRun('redis', SLOW_ANSWERS, QUICK, {durable: true});
    await service.start('scheduler,worker');
    const asked = service.request(30);
    const runId = await service.ask();
    await asked;
    await service.redis?.kill('SIGKILL');
    await service.redis?.restart();
    expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
    expect(await service.harness.differences(OF_THE_APP)).toEqual([]);
    expect(await service.stop()).toEqual([0]);
  });

  test('comes back empty during a run, ends in the truth and keeps its schedules', async () => {
    const schedule = 'schedules: [{name: often, cron: "*/5 * * * * *"}]\n';
    await using service = await serviceRun('redis', SLOW_ANSWERS, `${QUICK}${schedule}`);
    await service.start('scheduler,worker');
    await service.request(30);
    await service.redis?.kill('SIGKILL');
    await service.redis?.restart();
    const known = (await service.runs()).map(({run_id}) => run_id);
    for (const runId of known) expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
    for (let n = 0; n < 2; n++) await service.request(5);
    await vi.waitFor(async () => expect((await service.runs()).length).toBeGreaterThan(known.length + 1), 60_000);
    expect(await service.stop()).toEqual([0]);
    expect(await service.harness.differences(OF_THE_APP)).toEqual([]);
  });
});
