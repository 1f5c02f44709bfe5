import {setTimeout as delay} from 'node:timers/promises';
import {expect, test} from 'vitest';
import {OK, startApi} from '../source/scripted-api.ts';

const RATE = 15;
const SECONDS = 6;

/** Most requests that arrived within any second. */
function mostInASecond(atMs: readonly number[]): number {
  let most = 0;
  for (let first = 0, last = 0; last < atMs.length; last++) {
    while (atMs[last]! - atMs[first]! >= 1000) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

test('uses the budget of 15 requests a second up, and never goes over it, at 200 ms of latency', async () => {
  await using api = await startApi(async () => {
    await delay(200);
    return {body: {status: OK}};
  });
  const client = api.client({requestsPerSecond: RATE, headroom: 0.07, maxConcurrency: 16});
  const stop = AbortSignal.timeout(SECONDS * 1000);
  const caller = async () => {
    while (!stop.aborted) await client.get('/v2/users/me', {}, {}, {}, stop);
  };
  await Promise.allSettled(Array.from({length: 20}, caller));

  const arrivedMs = api.asked.map(({atMs}) => atMs);
  // Arrival, not sending: the headroom leaves 75 ms for what lies between, and a local socket takes about 1 ms.
  expect(mostInASecond(arrivedMs)).toBeLessThanOrEqual(RATE);
  // 13.95 a second are possible. A slot that comes too late on a busy machine is dropped, so a little less is seen.
  const perSecond = ((arrivedMs.length - 1) * 1000) / (arrivedMs.at(-1)! - arrivedMs[0]!);
  expect(perSecond).toBeGreaterThan(13.5);
  expect(Math.max(...api.reports.map(({placeWaitMs, slotWaitMs}) => placeWaitMs + slotWaitMs))).toBeGreaterThan(0);
}, 20_000);
