import {describe, expect, test} from 'vitest';
import {Concurrency} from '../../src/source/concurrency.ts';

const never = new AbortController().signal;
const after = (concurrency: Concurrency, latencyMs: number) => {
  for (let i = 0; i < 200; i++) concurrency.succeeded(latencyMs);
  return concurrency.allowed;
};

/** A task that ends when told to. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {open, opened};
}

describe('Concurrency', () => {
  test.each([
    [50, 3],
    [200, 6],
    [400, 10],
    [5000, 16],
  ])('follows rate x latency at %i ms: %i', (latencyMs, expected) => {
    expect(after(new Concurrency({requestsPerSecond: 15, maxConcurrency: 16}), latencyMs)).toBe(expected);
  });

  test('goes by the first answers alone, not by what was guessed before them', () => {
    const concurrency = new Concurrency({requestsPerSecond: 15, maxConcurrency: 99});
    concurrency.succeeded(800);
    expect(concurrency.allowed).toBe(19);
    concurrency.succeeded(400);
    expect(concurrency.allowed).toBe(15);
  });

  describe('at 15 requests a second and 800 ms, of which 19 places follow', () => {
    const ended: (() => void)[] = [];
    /** Requests that have places: some at the server, the others waiting for their slots. */
    const holding = (atServer: number, waiting: number) => {
      const concurrency = new Concurrency({requestsPerSecond: 15, maxConcurrency: 99});
      concurrency.succeeded(800);
      const {open, opened} = gate();
      ended.push(open);
      for (let i = 0; i < atServer; i++) void concurrency.run(() => concurrency.send(() => opened), never);
      for (let i = 0; i < waiting; i++) void concurrency.run(() => opened, never);
      return concurrency;
    };

    test.each([
      ['no slot is booked for long', 3, 15, 400, false],
      ['slots are booked for long, and one waits', 3, 1, 401, false],
      ['slots are booked for long, and two wait', 3, 2, 401, true],
      ['all places are taken', 19, 0, 0, true],
    ])('where %s, is it full: %i at the server, %i waiting, booked %i ms ahead: %s', async (...of) => {
      const [, atServer, waiting, bookedMs, expected] = of;
      const concurrency = holding(atServer, waiting);
      await new Promise(setImmediate);
      expect(concurrency.isFull(bookedMs)).toBe(expected);
      for (const end of ended) end();
    });

    test('a request that failed is no longer at the server', async () => {
      const concurrency = holding(0, 1);
      const failed = concurrency.send(() => Promise.reject(new Error('cut off')));
      await expect(failed).rejects.toThrow('cut off');
      expect(concurrency.isFull(401)).toBe(false);
      void concurrency.run(() => Promise.resolve(), never);
      expect(concurrency.isFull(401)).toBe(true);
    });

    test('bookings mean nothing where there is no rate', async () => {
      const concurrency = new Concurrency({requestsPerSecond: 0, maxConcurrency: 9});
      for (let i = 0; i < 8; i++) void concurrency.run(() => Promise.resolve(), never);
      expect(concurrency.isFull(Infinity)).toBe(false);
      await new Promise(setImmediate);
    });
  });

  test('uses all it may when there is no rate to follow', () => {
    expect(after(new Concurrency({requestsPerSecond: 0, maxConcurrency: 9}), 1)).toBe(9);
  });

  test('halves once for all requests of one throttled moment', () => {
    const concurrency = new Concurrency({requestsPerSecond: 0, maxConcurrency: 16});
    for (let i = 0; i < 16; i++) concurrency.throttled(1000 + i, 2000 + i);
    expect(concurrency.allowed).toBe(8);
    concurrency.throttled(3000, 3100);
    expect(concurrency.allowed).toBe(4);
  });

  test('never goes below one', () => {
    const concurrency = new Concurrency({requestsPerSecond: 15, maxConcurrency: 4});
    for (let i = 1; i < 9; i++) concurrency.throttled(i * 1000, i * 1000 + 1);
    expect(concurrency.allowed).toBe(1);
  });

  test('goes up by one for as many good answers as are allowed, and no further than it may', () => {
    const concurrency = new Concurrency({requestsPerSecond: 0, maxConcurrency: 6});
    concurrency.throttled(1000, 1001);
    const seen: number[] = [];
    for (let i = 0; i < 13; i++) {
      concurrency.succeeded(10);
      seen.push(concurrency.allowed);
    }
    expect(seen).toEqual([3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6]);
  });

  test('runs no more tasks at once than allowed', async () => {
    const concurrency = new Concurrency({requestsPerSecond: 0, maxConcurrency: 2});
    const gates = [gate(), gate(), gate()];
    let running = 0;
    const runs = gates.map((one) =>
      concurrency.run(async () => {
        running += 1;
        await one.opened;
      }, never),
    );
    await new Promise(setImmediate);
    expect(running).toBe(2);
    gates[0]!.open();
    await runs[0];
    await new Promise(setImmediate);
    expect(running).toBe(3);
    for (const one of gates) one.open();
    await Promise.all(runs);
  });

  test('lets a waiting task go when its signal is aborted, and does not run it later', async () => {
    const concurrency = new Concurrency({requestsPerSecond: 0, maxConcurrency: 1});
    const first = gate();
    const holding = concurrency.run(() => first.opened, never);
    const stop = new AbortController();
    let ran = false;
    const waiting = concurrency.run(() => {
      ran = true;
      return Promise.resolve();
    }, stop.signal);
    stop.abort(new Error('drain'));
    await expect(waiting).rejects.toThrow('drain');
    first.open();
    await holding;
    await concurrency.run(() => Promise.resolve(), never);
    expect(ran).toBe(false);
  });
});
