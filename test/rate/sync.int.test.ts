import {expect, test, vi} from 'vitest';
import {cliSync, documentOf} from '../process/cli-sync.ts';
import {busySeconds, medianOf} from './traffic.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 180_000});

const PER_SECOND = 15;

test('a first sync at 15 requests a second and 200 ms latency uses them, and is never throttled', async () => {
  const size = {
    inputs: 900,
    annotations: 4_500,
    datasets: 2,
    settings: {latencyMs: 200, requestsPerSecond: PER_SECOND},
  };
  await using sync = await cliSync(size, 'source: {page_size: 20}\n');
  const ended = await sync.run();
  expect(ended.code, ended.stderr).toBe(0);
  expect(documentOf(ended).throttled).toBe(0);
  const {simulator} = sync.harness;
  expect(simulator.stats().throttled).toBe(0);
  expect(simulator.stats().peakPerSecond).toBeLessThanOrEqual(PER_SECOND);
  const seconds = busySeconds(simulator, 0);
  expect(seconds.length).toBeGreaterThan(15);
  // The median: one second in which the machine stood still is no fault of the budget, most of them would be.
  expect(medianOf(seconds), seconds.join(' ')).toBeGreaterThanOrEqual(13.5);
  expect(await sync.harness.differences()).toEqual([]);
});
