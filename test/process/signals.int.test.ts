import {describe, expect, test, vi} from 'vitest';
import {cliSync, documentOf} from './cli-sync.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 180_000});

describe('a sync that is told to end', () => {
  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('by %s commits what it has read, says so, and the next one goes on', async (signal, code) => {
    await using sync = await cliSync();
    sync.harness.simulator.settings.latencyMs = 20;
    await using cli = sync.start();
    await sync.request(60);
    const toldMs = performance.now();
    cli.kill(signal);
    const ended = await cli.ended;
    expect(ended.code, ended.stderr).toBe(code);
    expect(performance.now() - toldMs).toBeLessThan(10_000);
    const document = documentOf(ended);
    expect(document.outcome).toBe('interrupted');
    const read = document.streams.find(({stream}) => stream === 'annotations')?.read ?? 0;
    expect(read).toBeGreaterThan(0);
    const [stored] = await sync.harness.query<{n: number}>('select count(*)::int as n from clarifai.annotations');
    expect(stored?.n).toBe(read);
    expect(await sync.unfinishedRuns()).toBe(0);

    const next = await sync.run();
    expect(next.code, next.stderr).toBe(0);
    const rest = documentOf(next).streams.find(({stream}) => stream === 'annotations');
    expect(rest?.inserted).toBe(2400 - read);
    expect(await sync.harness.differences()).toEqual([]);
  });

  test('a second signal ends it at once, whatever it waits for', async () => {
    await using sync = await cliSync();
    await sync.run(['--stream', 'concepts']);
    // A commit that cannot go on: it takes no signal, so the first one waits for it.
    const client = await sync.harness.pool.connect();
    try {
      await client.query('begin');
      await client.query('lock table clarifai.annotations in exclusive mode');
      await using cli = sync.start();
      await sync.request(40);
      cli.kill('SIGTERM');
      const secondMs = performance.now();
      cli.kill('SIGINT');
      const ended = await cli.ended;
      // Of two that wait, the system may give either first.
      expect([130, 143]).toContain(ended.code);
      // The first one alone would wait for the commit, 25 s at most.
      expect(performance.now() - secondMs).toBeLessThan(5_000);
    } finally {
      await client.query('rollback');
      client.release();
    }
    const next = await sync.run();
    expect(next.code, next.stderr).toBe(0);
    expect(await sync.harness.differences()).toEqual([]);
  });
});
