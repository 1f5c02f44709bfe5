import {describe, expect, test, vi} from 'vitest';
import type {Change} from '../../src/simulator/changes.ts';
import {cliSync, documentOf, MANY_PAGES, SMALL_PAGES, type CliSync} from './cli-sync.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 180_000});

/** Pages read ahead of a numbered list, pages that one commit takes, and commits under way at once. */
const READ_AHEAD = 6;
const PAGES_PER_COMMIT = 2;
const COMMITS = 2;
/** Asked for, and not committed by then: in flight, gathered for the next commit, or in one that is under way. */
const IN_FLIGHT = READ_AHEAD + PAGES_PER_COMMIT * (1 + COMMITS);

const PAGE = /^GET .*\/annotations\?.*page=(\d+)&per_page=50/;
const STREAMED = /^GET .*\/inputs\/stream\?/;

/** Whoever waited for a lease would wait for longer than any test. */
const LONG_LEASE = `${SMALL_PAGES}run: {lease_seconds: 300}\n`;

/** Kills a sync at its n-th request and waits for its end. */
async function killAt(sync: CliSync, n: number, args: readonly string[] = []): Promise<void> {
  await using cli = sync.start(args);
  sync.at(n, () => cli.kill('SIGKILL'));
  const {signal} = await cli.ended;
  expect(signal, `it ended before its request ${n}`).toBe('SIGKILL');
}

function pagesOf(requests: readonly string[]): number[] {
  return requests.flatMap((text) => {
    const page = PAGE.exec(text)?.[1];
    return page === undefined ? [] : [Number(page)];
  });
}

describe('a sync that is killed', () => {
  test.each([1, 4, 9, 16, 25, 36, 49, 64, 81])(
    'at request %i of the first run ends in the truth when run again',
    async (n) => {
      await using sync = await cliSync(MANY_PAGES, LONG_LEASE);
      const {harness} = sync;
      await killAt(sync, n);
      const asked = harness.requests();
      const left = await sync.harness.query<{run_id: string}>(
        `select run_id from clarifai_sync.runs where state <> 'finished' and app_id <> ''`,
      );
      const [pass] = await harness.query<{cursor: string | null}>(
        `select cursor from clarifai_sync.passes where stream = 'annotations'`,
      );
      harness.forgetRequests();

      const startedMs = performance.now();
      const again = await sync.run();
      expect(again.code, again.stderr).toBe(0);
      const document = documentOf(again);
      // At once, not when the lease has run out, or when BullMQ has given up the jobs that were under way (30 s).
      expect(performance.now() - startedMs).toBeLessThan(25_000);
      if (left[0] !== undefined) expect(document.run_id).toBe(left[0].run_id);
      expect(await sync.unfinishedRuns()).toBe(0);
      expect(await harness.differences()).toEqual([]);

      const before = new Set(pagesOf(asked));
      const twice = pagesOf(harness.requests()).filter((page) => before.has(page));
      expect(twice.length).toBeLessThanOrEqual(IN_FLIGHT);
      const committed = pass?.cursor == null ? 0 : Number(/^page:(\d+):50$/.exec(pass.cursor)?.[1]) / 50;
      expect(twice.filter((page) => page <= committed)).toEqual([]);
      const streamed = new Set(asked.filter((text) => STREAMED.test(text)));
      const streamedTwice = harness.requests().filter((text) => streamed.has(text));
      expect(streamedTwice.length).toBeLessThanOrEqual(1 + PAGES_PER_COMMIT * (1 + COMMITS));
    },
  );

  test('three times in a row still ends in the truth', async () => {
    await using sync = await cliSync(MANY_PAGES, LONG_LEASE);
    for (const n of [30, 30, 30]) await killAt(sync, n);
    const last = await sync.run();
    expect(last.code, last.stderr).toBe(0);
    expect(await sync.unfinishedRuns()).toBe(0);
    expect(await sync.harness.differences()).toEqual([]);
  });

  test('at many requests of a full run finds what was deleted when run again', async () => {
    await using sync = await cliSync(MANY_PAGES, LONG_LEASE);
    const {harness} = sync;
    expect((await sync.run()).code).toBe(0);
    for (const n of [12, 45, 75, 95]) {
      const [input, gone] = harness.truthKeys('inputs') as [string, string];
      const [inputId, id] = (harness.truthKeys('annotations').at(-1) ?? '').split('/') as [string, string];
      const changes: Change[] = [
        {kind: 'editInput', id: input, metadata: {n}, annotationToo: false},
        {kind: 'deleteInputs', ids: [gone]},
        {kind: 'deleteAnnotations', inputId, ids: [id]},
        {kind: 'addInputs', count: 3},
      ];
      harness.change(...changes);
      await killAt(sync, n, ['--full']);
      const again = await sync.run(['--full']);
      expect(again.code, again.stderr).toBe(0);
      expect(documentOf(again).mode).toBe('full');
      expect(await sync.unfinishedRuns()).toBe(0);
      expect(await harness.differences()).toEqual([]);
    }
  });
});
