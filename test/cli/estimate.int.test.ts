import {expect, test} from 'vitest';
import {estimate} from '../../src/cli/estimate.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const text = async (harness: SyncHarness): Promise<string> =>
  (await harness.command((context) => estimate(context, {}))).out;

test('before the first run estimate comes near the requests that it and one with nothing changed then make', async () => {
  await using harness = await syncHarness({}, 'streams: default\nrun: {settle: 0s}\n');
  const [, first, unchanged] =
    /first run takes about (\d+) requests, .* nothing changed about (\d+) requests/.exec(await text(harness)) ?? [];
  const runs = [await harness.sync(), await harness.sync()].map(({document}) => document.requests);
  for (const [i, estimated] of [first, unchanged].entries()) {
    expect(Number(estimated) / (runs[i] ?? 0), `${estimated} of ${runs[i]}`).toBeGreaterThan(0.75);
    expect(Number(estimated) / (runs[i] ?? 0), `${estimated} of ${runs[i]}`).toBeLessThan(1.25);
  }
});

test('a list that fills the page it was asked for makes both figures of estimate least ones', async () => {
  await using harness = await syncHarness(
    {concepts: 40},
    'streams: [concepts]\nstream_options: {concepts: {page_size: 20}}\n',
  );
  expect(await text(harness)).toMatch(/first run takes at least .* nothing changed at least /);
  expect(await text(harness)).toMatch(/^ {2}concepts +20\+ /m);
});
