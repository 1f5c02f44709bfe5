import {Redis} from 'ioredis';
import {describe, expect, test} from 'vitest';
import type {SlotSource} from '../../src/source/budget.ts';
import {pause} from '../../src/source/pause.ts';
import {AHEAD_MS, LEAD_MS, StoreSlots} from '../../src/store/rate-slots.ts';
import {RedisSlots} from '../../src/workers/redis-slots.ts';
import {storeDatabase} from '../support/postgres.ts';
import {startRedis} from '../support/redis.ts';

const never = new AbortController().signal;
const OPTIONS = {credential: 'c1', requestsPerSecond: 15, headroom: 0.07};
/** 13.95 a second. */
const STEP_MS = 71.6;

type Slots = SlotSource & {close(): Promise<void>};
interface Shared extends AsyncDisposable {
  /** Slots of the same credential, as another process has them. */
  open(): Slots;
}

async function inRedis(): Promise<Shared & {lose(): Promise<void>}> {
  const redis = await startRedis();
  const opened: Slots[] = [];
  return {
    open: () => {
      const slots = new RedisSlots(redis.url, OPTIONS, () => undefined);
      opened.push(slots);
      return slots;
    },
    lose: async () => {
      const client = new Redis(redis.url);
      await client.flushall();
      client.disconnect();
    },
    [Symbol.asyncDispose]: async () => {
      for (const slots of opened) await slots.close();
      await redis[Symbol.asyncDispose]();
    },
  };
}

async function inStore(): Promise<Shared> {
  const database = await storeDatabase();
  const opened: Slots[] = [];
  return {
    open: () => {
      const slots = new StoreSlots({url: database.url}, OPTIONS);
      opened.push(slots);
      return slots;
    },
    [Symbol.asyncDispose]: async () => {
      for (const slots of opened) await slots.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** The next slot, asked for again as late as told. */
async function next(slots: Slots): Promise<number> {
  for (;;) {
    const reply = await slots.reserve();
    if ('atMs' in reply) return reply.atMs;
    await pause(reply.retryInMs, never);
  }
}

describe.each([
  ['Redis', inRedis],
  ['the store', inStore],
])('slots that processes share in %s', (_, shared) => {
  test('keep their distance, whoever asks', async () => {
    await using there = await shared();
    const tenOf = async (slots: Slots): Promise<number[]> => {
      const atMs: number[] = [];
      while (atMs.length < 10) atMs.push(await next(slots));
      return atMs;
    };
    const atMs = (await Promise.all([there.open(), there.open(), there.open()].map(tenOf)))
      .flat()
      .sort((a, b) => a - b);
    for (let i = 1; i < atMs.length; i++) expect(atMs[i]! - atMs[i - 1]!).toBeGreaterThan(STEP_MS);
  });

  test('are booked ahead no further than they may be, nor closer than their answer needs', async () => {
    await using there = await shared();
    const slots = there.open();
    await next(slots);
    for (let i = 0; i < 5; i++) {
      const reply = await slots.reserve();
      if ('retryInMs' in reply) await pause(reply.retryInMs, never);
      else expect(reply.atMs - reply.nowMs).toBeLessThanOrEqual(AHEAD_MS + 2 * STEP_MS);
    }
    // Long after the last one that was booked.
    await pause(AHEAD_MS + 3 * STEP_MS, never);
    const nowMs = await slots.clock();
    expect(await next(slots)).toBeGreaterThanOrEqual(nowMs + LEAD_MS);
  });

  test('begin behind all that may have been given out before they were lost', async () => {
    await using there = await shared();
    const slots = there.open();
    const nowMs = await slots.clock();
    expect(await next(slots)).toBeGreaterThanOrEqual(nowMs + AHEAD_MS + STEP_MS);
  });

  test('that are given back go to the next one to ask, in another process, and once', async () => {
    await using there = await shared();
    const [one, other] = [there.open(), there.open()];
    const [first, second] = [await next(one), await next(one)];
    await one.giveBack(first);
    expect(await next(other)).toBeCloseTo(first, 2);
    expect(await next(other)).toBeGreaterThan(second + STEP_MS);
  });

  test('that are given back in any order are given out in theirs', async () => {
    await using there = await shared();
    const slots = there.open();
    const [first, second] = [await next(slots), await next(slots)];
    await slots.giveBack(second);
    await slots.giveBack(first);
    expect([await next(slots), await next(slots)].map((atMs) => Math.round(atMs - first))).toEqual([0, 72]);
  });

  test('that are given back too late are given to nobody', async () => {
    await using there = await shared();
    const slots = there.open();
    const first = await next(slots);
    await slots.giveBack((await slots.clock()) - 1);
    expect(await next(slots)).toBeGreaterThan(first + STEP_MS);
  });

  test('that nobody can have given out are not taken back', async () => {
    await using there = await shared();
    const slots = there.open();
    const first = await next(slots);
    await slots.giveBack(first + 60_000);
    expect(await next(slots)).toBeLessThan(first + 2 * STEP_MS);
  });

  test('are given to nobody within a pause, also those that were given back before it or are during it', async () => {
    await using there = await shared();
    const slots = there.open();
    const [first, second] = [await next(slots), await next(slots)];
    await slots.giveBack(first);
    const nowMs = await slots.clock();
    await slots.pause(AHEAD_MS + 1000);
    await slots.giveBack(second);
    expect(await next(slots)).toBeGreaterThanOrEqual(nowMs + AHEAD_MS + 1000);
  });
});

test('slots that were given back are lost with Redis, and come back to nobody', async () => {
  await using there = await inRedis();
  const slots = there.open();
  const first = await next(slots);
  await there.lose();
  await slots.giveBack(first);
  expect(await next(slots)).toBeGreaterThan(first + STEP_MS);
});
