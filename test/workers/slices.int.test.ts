import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import {askForRun, pendingRuns, type PendingRun} from '../../src/store/pending-runs.ts';
import type {Run, Store} from '../../src/store/ledger.ts';
import {makeWay, noteSweeping} from '../../src/store/slices.ts';

import {beginRunOf, SCOPE, Stores, takeFirst} from '../support/stores.ts';
import {InProcess} from '../support/service-in-process.ts';
import {syncHarness} from '../support/sync-harness.ts';
import {startRedis} from '../support/redis.ts';
import {until} from '../support/until.ts';

// A machine that is busy takes its time.
vi.setConfig({testTimeout: 150_000, hookTimeout: 120_000});

const STREAMS = ['inputs', 'annotations', 'datasets', 'bulk_operations', 'dataset_inputs', 'concepts'];
const PAGE_SIZE = 20;
const BACKENDS = ['store', 'redis'] as const;

interface RunRow {
  readonly run_id: string;
  readonly sequence: string;
  readonly mode: string;
  readonly outcome: string | null;
  readonly asked_by: string;
  readonly error_code: string | null;
}

test.each(BACKENDS)(
  'a full run makes way for what is fresh, and those after it read each page that is left once, to the end (queue in %s)',
  async (backend) => {
    await using redis = backend === 'redis' ? await startRedis() : null;
    await using harness = await syncHarness(
      {inputs: 200, annotations: 1_200, datasets: 3},
      `streams: [${STREAMS.join(', ')}]\n`,
    );
    const {simulator} = harness;
    expect((await harness.sync()).code).toBe(0);
    await using parts = await InProcess.open(harness, redis?.url ?? null, {streams: STREAMS, pageSize: PAGE_SIZE});
    parts.sliceMs = 0;
    const {store, runs} = parts;
    const scope = {userId: simulator.userId, appId: simulator.appId};
    const ask = (mode: 'full' | 'incremental', askedBy: string): Promise<PendingRun> =>
      askForRun(store, {scope, mode, streams: null, askedBy, delayMs: 0});

    const annotations = [...simulator.truth('annotations')].map(({key}) => key);
    const deleteAt = (...places: number[]): string[] =>
      places.map((place) => {
        const [inputId, id] = annotations[place] as [string, string];
        harness.change({kind: 'deleteAnnotations', inputId, ids: [id]});
        return `annotations ${inputId}/${id}`;
      });
    deleteAt(300, 301, 900);
    const [goneInput] = harness.truthKeys('inputs');
    harness.change({kind: 'deleteInputs', ids: [goneInput ?? '']});

    // At two places of the list the run is held up until it has made way; meanwhile the source moves on, marker and all.
    const places = [20, 40].map((page) => `page=${page}&per_page=${PAGE_SIZE}`);
    for (const place of places) simulator.faults.add({kind: 'hang', match: `/annotations\\?.*${place}`, times: 1});
    harness.forgetRequests();
    parts.work();
    const first = await ask('full', 'nightly');
    await runs.look(scope, first.runId);
    const ids: string[] = [];
    const added: string[] = [];
    const perhapsSeen: string[] = [];
    for (const [at, place] of places.entries()) {
      await until(
        `${place} was asked for`,
        () => harness.requests().some((request) => request.includes(place)),
        60_000,
      );
      added.push(...harness.change({kind: 'addInputs', count: 1}));
      perhapsSeen.push(...deleteAt(10 + at, 600 + at, 1_100 + at));
      ids.push((await ask('incremental', 'fresh')).runId);
    }
    const all = (): Promise<RunRow[]> =>
      store.database.query<RunRow>(
        `select run_id, sequence::text, mode, outcome, asked_by, error_code from clarifai_sync.runs
       where user_id = $1 and app_id = $2 and sequence > 1 order by sequence`,
        [scope.userId, scope.appId],
      );
    await until('the third run ended', async () => (await all())[2]?.outcome ?? false, 60_000);

    const yielded = {mode: 'full', outcome: 'interrupted', asked_by: 'nightly', error_code: 'SYNC_RUN_YIELDED'};
    expect(await all()).toMatchObject([
      {...yielded, run_id: first.runId},
      {...yielded, run_id: ids[0]},
      {...yielded, run_id: ids[1], outcome: 'succeeded', error_code: null},
    ]);
    expect(await pendingRuns(store)).toEqual([]);

    // Each new input came with the very next run at the latest, long before the last page was read.
    const sequences = (await all()).map(({sequence}) => Number(sequence));
    for (const [at, id] of added.entries()) {
      const [row] = await harness.query<{in_run: number}>(
        `select _sync_first_sequence::int as in_run from clarifai.inputs where id = $1`,
        [id],
      );
      expect(row?.in_run).toBeLessThanOrEqual(sequences[at + 1] ?? 0);
    }

    const pagesAsked = (pattern: RegExp): number[] =>
      harness.requests().flatMap((request) => pattern.exec(request)?.slice(1, 2).map(Number) ?? []);
    const counts = new Map<number, number>();
    for (const page of pagesAsked(/\/annotations\?.*page=(\d+)&per_page=20/))
      counts.set(page, (counts.get(page) ?? 0) + 1);
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual(Array.from({length: counts.size}, (_, i) => i + 1));
    expect(counts.size).toBeGreaterThan(55);
    // Those that were open, read ahead or in a group that was not committed, when the run made way.
    const again = [...counts].filter(([, count]) => count > 1).map(([page]) => page);
    expect(
      again.every((page) => (page > 8 && page < 30) || (page > 28 && page < 50)),
      again.join(' '),
    ).toBe(true);
    expect(again.length).toBeLessThan(30);
    const starts = harness
      .requests()
      .filter((request) => /\/inputs\/stream\?/.test(request) && !/last_id=/.test(request));
    expect(starts.length).toBe(1);

    // What was deleted behind the reader is for the next full run; nothing that lives was taken for gone.
    const left = await harness.differences(STREAMS);
    expect(left.filter((line) => !perhapsSeen.some((name) => line.startsWith(`${name}:`)))).toEqual([]);
    const next = await ask('full', 'nightly');
    await runs.look(scope, next.runId);
    await until('the fourth run ended', async () => (await all())[3]?.outcome ?? false, 60_000);
    expect(await harness.differences(STREAMS)).toEqual([]);
  },
);

describe('a full run', () => {
  let stores: Stores;
  let store: Store;
  let run: Run;
  beforeAll(async () => {
    stores = await Stores.make();
    store = await stores.open();
    run = await beginRunOf(store, ['concepts', 'annotations']);
    await store.database.query(`update clarifai_sync.runs set started_at = started_at - interval '1 minute'`);
  });
  afterAll(() => stores[Symbol.asyncDispose]());

  const ask = (delayMs = 0, mode: 'full' | 'incremental' = 'incremental', streams: string[] | null = null) =>
    askForRun(store, {scope: SCOPE, mode, streams, askedBy: 'fresh', delayMs});
  const takeBack = () => store.database.query('delete from clarifai_sync.pending_runs');

  test('makes no way before its own fresh work is done, nor for what is not due, or full, or no part of it', async () => {
    await ask();
    expect(await makeWay(store, run, 0)).toBeNull();
    const concepts = await takeFirst(store, run);
    await noteSweeping(store, concepts);
    expect(await makeWay(store, run, 0)).toBeNull();
    const annotations = await takeFirst(store, run);
    await noteSweeping(store, annotations);
    expect(await makeWay(store, run, 120_000)).toBeNull();
    await takeBack();
    for (const [delayMs, mode, streams] of [
      [60_000, 'incremental', null],
      [0, 'full', null],
      [0, 'incremental', ['models']],
    ] as const) {
      await ask(delayMs, mode, streams === null ? null : [...streams]);
      expect(await makeWay(store, run, 0)).toBeNull();
      await takeBack();
    }
    expect(await makeWay(store, run, 0)).toBeNull();
  });

  test('makes way once, and what was due carries on its reading unless all is asked for anew', async () => {
    const pending = await ask();
    expect(await makeWay(store, run, 0)).toBe(pending.runId);
    expect(await makeWay(store, run, 0)).toBeNull();
    const carriesOn = {runId: pending.runId, mode: 'full', askedBy: 'sync', sweepFrom: run.sequence};
    expect(await pendingRuns(store)).toMatchObject([carriesOn]);
    await ask();
    expect(await pendingRuns(store)).toMatchObject([carriesOn]);
    await ask(0, 'full');
    expect(await pendingRuns(store)).toMatchObject([{...carriesOn, sweepFrom: null}]);
  });
});
