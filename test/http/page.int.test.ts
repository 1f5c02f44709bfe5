import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Page} from 'playwright-core';
import {expect, test, vi} from 'vitest';
import type {AskedRun} from '../../src/workers/ask-now.ts';
import {closeStore, openStore} from '../../src/store/open.ts';
import type {Store} from '../../src/store/ledger.ts';
import {chromiumPath, openPage} from '../support/browser.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';
import {until} from '../support/until.ts';
import {httpOn} from './http-service.ts';

// Each takes a browser and runs of several seconds, on what a busy machine gives them.
vi.setConfig({testTimeout: 180_000});

const HAS_BROWSER = chromiumPath() !== undefined;
if (!HAS_BROWSER) process.stderr.write('skipped, no chromium on PATH (apt-get install chromium): tests of the page\n');

/** Where pictures of the page go; they are made only when it is named. */
const PICTURES = process.env['PAGE_PICTURES'];

/** A simulated app whose runs take some seconds, its store, and runs of it that the page asks for. */
class PageWorld implements AsyncDisposable {
  readonly harness: SyncHarness;
  readonly store: Store;
  readonly #folder: string;
  #going: Promise<unknown>[] = [];

  private constructor(harness: SyncHarness, store: Store, folder: string) {
    this.harness = harness;
    this.store = store;
    this.#folder = folder;
  }

  static async make(): Promise<PageWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-page-'));
    const config = `source: {requests_per_second: 15, page_size: 20}
sinks:
  - {name: warehouse, type: postgres}
  - {name: lake, type: s3, url: "file://${folder}", format: jsonl}
`;
    const harness = await syncHarness({inputs: 400, annotations: 800, datasets: 3, settings: {latencyMs: 60}});
    harness.config = config;
    const connection = {url: harness.database.url};
    const store = await openStore({connection, schema: 'clarifai', history: false, leaseMs: 15_000});
    return new PageWorld(harness, store, folder);
  }

  /** Begins a run as the service would, in this process; resolves when it is in the ledger. */
  async begin({mode}: Pick<AskedRun, 'mode'>): Promise<{runId: string} | 'active'> {
    if ((await this.#active()) !== undefined) return 'active';
    this.#going.push(this.harness.sync({full: mode === 'full'}));
    return {runId: await until('the run begins', () => this.#active())};
  }

  async ended(): Promise<void> {
    await Promise.all(this.#going);
  }

  async #active(): Promise<string | undefined> {
    const [row] = await this.harness.query<{run_id: string}>(
      `select run_id from clarifai_sync.runs where app_id <> '' and state <> 'finished'`,
    );
    return row?.run_id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ended().catch(() => undefined);
    await closeStore(this.store);
    await this.harness[Symbol.asyncDispose]();
    await rm(this.#folder, {recursive: true, force: true});
  }
}

const httpOf = (world: PageWorld) =>
  httpOn(world.store, {
    askForRun: (asked) => world.begin(asked),
    nextRuns: () =>
      Promise.resolve([
        {name: 'fresh', mode: 'incremental', userId: 'acme', appId: 'plants', atMs: Date.now() + 9 * 60_000},
        {name: 'nightly', mode: 'full', userId: 'acme', appId: 'plants', atMs: Date.now() + 7 * 3_600_000},
      ]),
  });

const picture = async (page: Page, name: string, fullPage = true): Promise<void> => {
  if (PICTURES === undefined) return;
  await page.screenshot({path: join(PICTURES, `${name}.png`), fullPage});
};

const pagesOf = async (page: Page, stream: string): Promise<number> => {
  const told = await page.locator(`.lane[data-key="${stream}"] .told`).textContent();
  return Number(/^([\d,]+) pages/.exec(told ?? '')?.[1]?.replace(',', '') ?? 0);
};

test.skipIf(!HAS_BROWSER)(
  'the page shows a run as it goes on, its end, and what to do about the one that failed',
  async () => {
    await using world = await PageWorld.make();
    await using http = await httpOf(world);
    await using browser = await openPage(http.url);
    const {page} = browser;
    await page.getByText('Nothing was synced yet').waitFor();
    await picture(page, 'nothing');

    await world.begin({mode: 'incremental'});
    await page.getByText('run: reading').first().waitFor({timeout: 20_000});
    await expect.poll(() => pagesOf(page, 'annotations'), {timeout: 20_000}).toBeGreaterThan(2);
    const before = await pagesOf(page, 'annotations');
    await picture(page, 'running-first');
    await expect.poll(() => pagesOf(page, 'annotations'), {timeout: 20_000}).toBeGreaterThan(before);
    expect(await page.getByRole('button', {name: 'Sync now: acme/plants'}).isDisabled()).toBe(true);

    const app = page.getByRole('region', {name: 'acme/plants', exact: true});
    await app.locator('header .pill.good').waitFor({timeout: 60_000});
    await world.ended();
    await page.getByText('all is well').waitFor({timeout: 20_000});
    const rows = app.locator('tbody tr', {has: page.getByRole('rowheader', {name: 'inputs', exact: true})});
    expect(await rows.locator('td').nth(2).textContent()).toBe('400');

    world.harness.simulator.faults.add({kind: 'scope', match: '/concepts\\?'});
    await page.getByRole('button', {name: 'Sync now: acme/plants'}).focus();
    await page.keyboard.press('Enter');
    await page.getByText('was asked for').waitFor();
    const remark = page.locator('.card:not([data-key="runs"]) .remark', {hasText: 'SYNC_SOURCE_SCOPE'});
    await remark.waitFor({timeout: 60_000});
    expect(await remark.textContent()).toContain('concepts:');
    expect(await remark.textContent()).toContain('Give the token the scope for this stream');
    await page.getByText('acme/plants needs a look').waitFor();
    expect(browser.troubles).toEqual([]);
  },
  180_000,
);

test.skipIf(!HAS_BROWSER)('text from the source and from errors is shown as text', async () => {
  await using world = await PageWorld.make();
  const evil = '<img src=x onerror="document.title=1">';
  await world.begin({mode: 'incremental'});
  await world.ended();
  await world.harness.query(
    `update clarifai_sync.runs set outcome = 'failed', error_code = 'SYNC_RUN_STALLED', error = $1, error_cause = 'unexpected'`,
    [evil],
  );
  await using http = await httpOf(world);
  await using browser = await openPage(http.url);
  await browser.page.getByText(evil).first().waitFor();
  expect(await browser.page.locator('img[src="x"]').count()).toBe(0);
  expect(browser.troubles).toEqual([]);
});

test.skipIf(!HAS_BROWSER)('what the reader unfolded and focused stays while the page goes on', async () => {
  await using world = await PageWorld.make();
  await world.begin({mode: 'incremental'});
  await world.ended();
  await using http = await httpOf(world);
  await using browser = await openPage(http.url, {width: 390});
  const {page} = browser;
  const first = page.locator('details.run').first();
  await first.locator('summary').focus();
  await page.keyboard.press('Enter');
  await world.begin({mode: 'full'});
  await page
    .getByRole('region', {name: 'acme/plants', exact: true})
    .getByText('Full run: reading')
    .waitFor({timeout: 20_000});
  expect(await page.locator('details.run[open]').count()).toBe(1);
  expect(await page.evaluate('document.activeElement?.tagName')).toBe('SUMMARY');
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  await picture(page, 'narrow');
});

test.runIf(HAS_BROWSER && PICTURES !== undefined)(
  'pictures for docs/',
  async () => {
    await using world = await PageWorld.make();
    const {harness} = world;
    await world.begin({mode: 'incremental'});
    await world.ended();
    for (let i = 0; i < 12; i++) {
      if (i === 4) harness.simulator.faults.add({kind: 'scope', match: '/concepts\\?'});
      if (i === 5) harness.simulator.faults.clear();
      harness.change({kind: 'addInputs', count: 20 + i});
      await world.begin({mode: i === 7 ? 'full' : 'incremental'});
      await world.ended();
    }
    harness.simulator.faults.add({kind: 'scope', match: '/concepts\\?'});
    await world.begin({mode: 'incremental'});
    await world.ended();
    await using http = await httpOf(world);
    await using light = await openPage(http.url, {height: 1010});
    await using dark = await openPage(http.url, {colorScheme: 'dark', height: 1010});
    await dark.page.getByText('needs a look').first().waitFor();
    await picture(dark.page, 'status-dark', false);
    harness.simulator.faults.clear();
    await world.begin({mode: 'full'});
    await expect.poll(() => pagesOf(light.page, 'annotations'), {timeout: 20_000}).toBeGreaterThan(12);
    await picture(light.page, 'status-light', false);
  },
  180_000,
);
