import {describe, expect, test} from 'vitest';
import {SourceThrottledError} from '../../src/core/source-errors.ts';
import {Budget, type SlotReply, type SlotSource} from '../../src/source/budget.ts';
import {LocalSlots} from '../../src/source/local-slots.ts';
import type {Timing} from '../../src/source/pause.ts';

const never = new AbortController().signal;

/** Time that passes only by being waited for; wait number n ends `lateness(n)` too late. */
class TestTime implements Timing {
  nowMs = 1000;
  lateness: (wait: number) => number = () => 0;
  readonly waits: number[] = [];

  now = () => this.nowMs;

  pause(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    this.waits.push(ms);
    this.nowMs += ms + this.lateness(this.waits.length);
    return Promise.resolve();
  }
}

/** Slots as listed, on a clock `aheadMs` before ours, each answer taking `delaysMs`. */
class ListedSlots implements SlotSource {
  readonly #slots: (number | {retryInMs: number})[];
  readonly #time: TestTime;
  aheadMs = 0;
  delaysMs: number[] = [];
  /** How long each reading of the clock takes, all of it on the way back. */
  clockDelaysMs: number[] = [];
  clockReads = 0;
  given = 0;
  givenBack: number[] = [];
  paused: number[] = [];

  constructor(time: TestTime, slots: (number | {retryInMs: number})[]) {
    this.#time = time;
    this.#slots = slots;
  }

  clock(): Promise<number> {
    const theirNowMs = this.#time.nowMs + this.aheadMs;
    this.#time.nowMs += this.clockDelaysMs[this.clockReads] ?? 0;
    this.clockReads += 1;
    return Promise.resolve(theirNowMs);
  }

  reserve(): Promise<SlotReply> {
    const slot = this.#slots[this.given];
    if (slot === undefined) throw new Error('no slot left in the list');
    const delayMs = this.delaysMs[this.given] ?? 0;
    this.given += 1;
    if (typeof slot === 'object') return Promise.resolve(slot);
    const reply = {atMs: slot + this.aheadMs, nowMs: this.#time.nowMs + delayMs / 2 + this.aheadMs};
    this.#time.nowMs += delayMs;
    return Promise.resolve(reply);
  }

  giveBack(atMs: number): Promise<void> {
    this.givenBack.push(atMs);
    return Promise.resolve();
  }

  pause(ms: number): Promise<void> {
    this.paused.push(ms);
    return Promise.resolve();
  }
}

function made(slots: (number | {retryInMs: number})[]) {
  const time = new TestTime();
  const listed = new ListedSlots(time, slots);
  return {time, listed, budget: new Budget(listed, 20_000, time)};
}

describe('Budget', () => {
  test('returns at the moment of the slot', async () => {
    const {time, budget} = made([1300]);
    await budget.take(never);
    expect(time.nowMs).toBe(1300);
  });

  test('understands a slot on a clock that is not ours', async () => {
    const {time, listed, budget} = made([1300]);
    listed.aheadMs = 7_000_000;
    await budget.take(never);
    expect(time.nowMs).toBe(1300);
  });

  test('trusts the quickest answer to tell how far the clocks are apart', async () => {
    const {time, listed, budget} = made([1300, 2500]);
    listed.aheadMs = 500;
    await budget.take(never);
    // The second answer is a slow one, and spends its delay on the way back alone.
    listed.reserve = () => {
      const reply = {atMs: 2500 + 500, nowMs: time.nowMs + 500};
      time.nowMs += 400;
      return Promise.resolve(reply);
    };
    await budget.take(never);
    expect(time.nowMs).toBe(2500);
  });

  test('reads the clock before the first slot, again while the answers are slow, and then no more', async () => {
    const {time, listed, budget} = made([1300, 1400]);
    listed.aheadMs = 500;
    listed.clockDelaysMs = [80, 2];
    // The slot's own answer tells the time badly too.
    listed.delaysMs = [60];
    await budget.take(never);
    // The quick reading is off by half of its 2 ms.
    expect(time.nowMs).toBe(1301);
    await budget.take(never);
    expect([listed.clockReads, time.nowMs]).toEqual([2, 1400]);
  });

  test('reads the clock three times at the most', async () => {
    const {listed, budget} = made([2300]);
    listed.clockDelaysMs = [80, 80, 80, 80];
    await budget.take(never);
    expect(listed.clockReads).toBe(3);
  });

  test('reads the clock anew when it could not be read', async () => {
    const {listed, budget} = made([1300]);
    const clock = listed.clock.bind(listed);
    listed.clock = () => Promise.reject(new Error('redis is gone'));
    await expect(budget.take(never)).rejects.toThrow('redis is gone');
    listed.clock = clock;
    await budget.take(never);
    expect(listed.given).toBe(1);
  });

  test('uses a slot that is 20 ms late', async () => {
    const {time, listed, budget} = made([1300, 1400]);
    time.lateness = () => 20;
    await budget.take(never);
    expect([listed.given, budget.dropped]).toEqual([1, 0]);
  });

  test('drops a slot that it would use later than that, and reserves anew', async () => {
    const {time, listed, budget} = made([1300, 1321]);
    time.lateness = () => 21;
    await budget.take(never);
    expect([listed.given, budget.dropped, time.nowMs]).toEqual([2, 1, 1321]);
  });

  describe('a request whose connection was made late', () => {
    test('may leave within 20 ms of its slot', async () => {
      const {time, budget} = made([1300]);
      const slotMs = await budget.take(never);
      time.nowMs = 1320;
      expect([budget.mayLeave(slotMs), budget.dropped]).toEqual([true, 0]);
    });

    test('may not leave after that, and its slot is gone', async () => {
      const {time, budget} = made([1300]);
      const slotMs = await budget.take(never);
      time.nowMs = 1321;
      expect([budget.mayLeave(slotMs), budget.dropped]).toEqual([false, 1]);
    });

    test('may not leave in a pause that has begun meanwhile', async () => {
      const {budget} = made([1300]);
      const slotMs = await budget.take(never);
      await budget.throttled(1000);
      expect(budget.mayLeave(slotMs)).toBe(false);
    });

    test('may leave at any time where there is no limit', async () => {
      const time = new TestTime();
      const budget = new Budget(null, 20_000, time);
      const slotMs = await budget.take(never);
      time.nowMs += 60_000;
      expect(budget.mayLeave(slotMs)).toBe(true);
    });
  });

  test('waits again when the timer fires early', async () => {
    const {time, budget} = made([1300]);
    time.lateness = (wait) => (wait === 1 ? -1 : 0);
    await budget.take(never);
    expect(time.nowMs).toBeGreaterThanOrEqual(1300);
  });

  test('asks again as late as it is told to', async () => {
    const {time, listed, budget} = made([{retryInMs: 250}, 1251]);
    await budget.take(never);
    expect([time.waits[0], listed.given, time.nowMs]).toEqual([250, 2, 1251]);
  });

  test('sends nothing while the credential is throttled, and tells all who share it', async () => {
    const {time, listed, budget} = made([16_500]);
    await budget.throttled(15_000);
    await budget.take(never);
    expect(listed.paused).toEqual([15_000]);
    expect(time.waits[0]).toBe(15_000);
    expect(time.nowMs).toBe(16_500);
  });

  test('drops a slot reserved before the pause began', async () => {
    const {time, listed, budget} = made([1300, 9000]);
    const pause = time.pause.bind(time);
    time.pause = async (ms, signal) => {
      if (time.waits.length === 0) await budget.throttled(5000);
      await pause(ms, signal);
    };
    await budget.take(never);
    expect([listed.given, budget.dropped, time.nowMs]).toEqual([2, 1, 9000]);
  });

  test('does not shorten a pause by a shorter one', async () => {
    const {time, budget} = made([1300]);
    await budget.throttled(15_000);
    await budget.throttled(1);
    await budget.take(never).catch(() => undefined);
    expect(time.waits[0]).toBe(15_000);
  });

  test('refuses at once, with the pause that is left, when it is too long to wait out', async () => {
    const {time, budget} = made([1300]);
    await budget.throttled(60_000);
    const refused = budget.take(never);
    await expect(refused).rejects.toThrow(SourceThrottledError);
    await expect(refused).rejects.toMatchObject({retryAfterMs: 60_000});
    expect(time.waits).toEqual([]);
  });

  test('refuses when those who share the slots pause for too long', async () => {
    const {budget} = made([{retryInMs: 3_600_000}]);
    await expect(budget.take(never)).rejects.toMatchObject({retryAfterMs: 3_600_000});
  });

  test('throws the reason of the signal, and takes no slot after it', async () => {
    const {listed, budget} = made([1300]);
    await expect(budget.take(AbortSignal.abort(new Error('drain')))).rejects.toThrow('drain');
    expect(listed.given).toBe(0);
  });

  test('gives a slot back, by the clock of the giver, when its caller is aborted before it', async () => {
    const {time, listed, budget} = made([1300]);
    listed.aheadMs = 500;
    const stop = new AbortController();
    const pause = time.pause.bind(time);
    time.pause = (ms, signal) => {
      stop.abort(new Error('the list has ended'));
      return pause(ms, signal);
    };
    await expect(budget.take(stop.signal)).rejects.toThrow('the list has ended');
    expect(listed.givenBack).toEqual([1800]);
  });

  test('tells the abort when a slot cannot be given back', async () => {
    const {time, listed, budget} = made([1300]);
    const stop = new AbortController();
    time.pause = () => {
      stop.abort(new Error('the list has ended'));
      return Promise.reject(stop.signal.reason as Error);
    };
    listed.giveBack = () => Promise.reject(new Error('redis is gone'));
    await expect(budget.take(stop.signal)).rejects.toThrow('the list has ended');
  });

  test('waits for no slot as long as the clock of the giver has jumped', async () => {
    const {time, listed, budget} = made([1300, 1400]);
    listed.delaysMs = [2, 4];
    await budget.take(never);
    listed.aheadMs = 8 * 3_600_000;
    await budget.take(never);
    expect(time.nowMs).toBeLessThanOrEqual(1402);
  });

  test('tells how far ahead slots are booked, by our own clock', async () => {
    const {time, listed, budget} = made([1300, {retryInMs: 5}, 1400]);
    listed.aheadMs = 7_000_000;
    expect(budget.bookedMs).toBe(0);
    const seen: number[] = [];
    const pause = time.pause.bind(time);
    time.pause = (ms, signal) => {
      seen.push(budget.bookedMs);
      return pause(ms, signal);
    };
    await budget.take(never);
    await budget.take(never);
    expect(seen).toEqual([300, Infinity, 95]);
    expect(budget.bookedMs).toBe(0);
  });

  test('sends nothing when the slots cannot be reached', async () => {
    const {listed, budget} = made([1300]);
    listed.reserve = () => Promise.reject(new Error('redis is gone'));
    await expect(budget.take(never)).rejects.toThrow('redis is gone');
  });

  test('without a limit keeps nobody waiting, but for a pause', async () => {
    const time = new TestTime();
    const budget = new Budget(null, 20_000, time);
    await budget.take(never);
    await budget.throttled(100);
    await budget.take(never);
    expect(time.waits).toEqual([100]);
  });
});

describe('Budget over LocalSlots', () => {
  test('sends at the rate less the headroom, and never more than the rate in a sliding second', async () => {
    const time = new TestTime();
    time.lateness = (wait) => (wait * 7) % 25;
    const budget = new Budget(new LocalSlots(15, 0.07, time), 20_000, time);
    const sentMs: number[] = [];
    for (let i = 0; i < 200; i++) {
      await budget.take(never);
      sentMs.push(time.nowMs);
    }
    for (let i = 15; i < sentMs.length; i++) expect(sentMs[i]! - sentMs[i - 15]!).toBeGreaterThanOrEqual(1000);
    expect((199 * 1000) / (sentMs[199]! - sentMs[0]!)).toBeLessThanOrEqual(13.96);
  });

  describe('a slot that was given back', () => {
    async function given() {
      const time = new TestTime();
      const slots = new LocalSlots(15, 0.07, time);
      const reserve = async () => ((await slots.reserve()) as {atMs: number}).atMs;
      await reserve();
      const atMs = await reserve();
      await slots.giveBack(atMs);
      return {time, slots, reserve, atMs};
    }

    test('is the next one, once', async () => {
      const {reserve, atMs} = await given();
      expect(await reserve()).toBe(atMs);
      expect(await reserve()).toBeGreaterThan(atMs + 70);
    });

    test('is gone once its time has come', async () => {
      const {time, reserve, atMs} = await given();
      time.nowMs = atMs + 1;
      expect(await reserve()).toBeGreaterThan(atMs);
    });

    test('is gone when it falls into a pause, also one that began before', async () => {
      const {slots, reserve, atMs} = await given();
      await slots.pause(1200);
      expect(await reserve()).toBe(2200);
      await slots.giveBack(atMs);
      expect(await reserve()).toBeGreaterThan(2270);
    });
  });

  test('gives no slot within a pause', async () => {
    const time = new TestTime();
    const slots = new LocalSlots(15, 0.07, time);
    await slots.pause(1200);
    expect(await slots.reserve()).toMatchObject({atMs: 2200});
    await slots.pause(60_000);
    expect(await slots.reserve()).toHaveProperty('retryInMs');
  });
});
