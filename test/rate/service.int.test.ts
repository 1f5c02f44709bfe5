import {describe, expect, test, vi} from 'vitest';
import {BACKENDS, OF_THE_APP, serviceRun, type ServiceRun} from '../process/service-run.ts';
import {until} from '../support/until.ts';
import {busySeconds, meanOf, medianOf, watchLateness} from './traffic.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 240_000});

const LIMITED = {inputs: 600, annotations: 3_000, datasets: 2, settings: {latencyMs: 200, requestsPerSecond: 15}};

/**
 * A run at 15 requests a second: never more in any second, none throttled, and while there is work 13.6 on average (with the
 * usual headroom there are 13.95 slots a second). Where other work holds the machine up, two things are no fault of the
 * budget: requests that left in time stand still on their way, and meet those behind them, since the simulator counts what
 * arrives; then one may be throttled. And slots are dropped by those who wake up too late for them; then the median has to
 * do. That slots keep their distance is tried in test/source/budget and test/workers/slots; without one budget, hundreds
 * would be throttled.
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
  const {isHeldUp, stoodStill} = lateness();
  const beyond = isHeldUp || stoodStill ? 1 : 0;
  expect(run).toMatchObject({outcome: 'succeeded', why: ''});
  const {throttled, peakPerSecond} = harness.simulator.stats();
  expect(throttled).toBeLessThanOrEqual(beyond);
  expect(peakPerSecond).toBeLessThanOrEqual(15 + beyond);
  // In the first second each stream has but one page to ask for, in the last one nothing is left.
  const seconds = busySeconds(harness.simulator, 1000);
  const said = `${seconds.join(' ')}; held up: ${isHeldUp}, stood still: ${stoodStill}`;
  expect(seconds.length, said).toBeGreaterThan(5);
  // All of them pause after the one answer that may be throttled: there are seconds then in which nobody sent anything.
  expect(medianOf(seconds.filter((requests) => requests > 0 || throttled === 0)), said).toBeGreaterThanOrEqual(13);
  if (beyond === 0) expect(meanOf(seconds), said).toBeGreaterThanOrEqual(13.6);
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
});
