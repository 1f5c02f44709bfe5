import {expect, test, vi} from 'vitest';
import {cliSync, documentOf} from './cli-sync.ts';

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
  // While there is work: from the first page of annotations to the last one that holds any. What comes before is the
  // start, what comes after is asked for one by one. The median second: one in which the machine stood still is no
  // fault of the budget, most of them would be.
  const times = simulator.requests().map(({monotonicMs}) => monotonicMs);
  const pages = simulator
    .requests()
    .filter(({path, query}) => path.endsWith('/annotations') && query.includes('page='));
  const [first, last] = [pages[0]?.monotonicMs ?? 0, pages.at(-2)?.monotonicMs ?? 0];
  const seconds = Array.from({length: Math.floor((last - first) / 1000)}, (_, second) => {
    const fromMs = first + second * 1000;
    return times.filter((atMs) => atMs >= fromMs && atMs < fromMs + 1000).length;
  });
  expect(seconds.length).toBeGreaterThan(15);
  expect(seconds.sort((a, b) => a - b)[seconds.length >> 1], seconds.join(' ')).toBeGreaterThanOrEqual(13.5);
  expect(await sync.harness.differences()).toEqual([]);
});
