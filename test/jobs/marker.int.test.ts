import {describe, expect, test} from 'vitest';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const AT_ONCE = 'run: {settle: 0s}\n';

/** What was asked for of inputs, annotations and members: what the marker can spare. */
const read = (harness: SyncHarness): string[] =>
  harness.requests().filter((request) => /\/inputs\/stream\?|\/annotations|\/datasets\/[^/]+\/inputs\?/.test(request));

const pagesOf = (harness: SyncHarness, pattern: RegExp): string[] =>
  harness.requests().filter((request) => pattern.test(request));

/**
 * Syncs, and ends it as a signal would when a request fits the pattern for the n-th time. From that one on they are not
 * answered: it takes a while until the signal is heard.
 */
async function interruptedSync(harness: SyncHarness, pattern: RegExp, count: number): Promise<void> {
  const stop = new AbortController();
  let seen = 0;
  harness.simulator.changeEvery(1, () => {
    if (!pattern.test(harness.requests().at(-1) ?? '') || ++seen !== count) return;
    harness.simulator.faults.add({kind: 'hang', match: pattern.source});
    stop.abort();
  });
  const {document} = await harness.sync({full: true}, stop.signal);
  harness.simulator.changeEvery(1, null);
  harness.simulator.faults.clear();
  expect(document.outcome).toBe('interrupted');
  harness.forgetRequests();
}

describe('the marker', () => {
  test('spares what has been read under it, once it had settled', async () => {
    await using harness = await syncHarness({inputs: 60, annotations: 60}, AT_ONCE);
    await harness.sync();
    await harness.sync();
    harness.forgetRequests();
    const result = await harness.sync();
    expect(read(harness)).toEqual([]);
    expect(result.stream('inputs').outcome).toBe('skipped');
    expect(result.stream('annotations').outcome).toBe('skipped');
  });

  test('spares nothing while it may stand for what cannot be read yet', async () => {
    await using harness = await syncHarness({inputs: 60, annotations: 60}, 'run: {settle: 1h}\n');
    await harness.sync();
    await harness.sync();
    harness.forgetRequests();
    await harness.sync();
    expect(pagesOf(harness, /\/inputs\/stream\?/).length).toBeGreaterThan(0);
    expect(pagesOf(harness, /\/annotations\/searches/).length).toBeGreaterThan(0);
  });

  test('that was first seen before settle spares nothing until a reading that began after it', async () => {
    await using harness = await syncHarness({inputs: 60, annotations: 60}, 'run: {settle: 1h}\n');
    await harness.sync();
    await harness.sync();
    await harness.query(`update clarifai_sync.marker_sightings set first_seen_at = first_seen_at - interval '2 hours'`);
    harness.forgetRequests();
    await harness.sync();
    expect(pagesOf(harness, /\/inputs\/stream\?/).length).toBeGreaterThan(0);
    harness.forgetRequests();
    await harness.sync();
    expect(read(harness)).toEqual([]);
  });

  test('that is absent spares nothing', async () => {
    await using harness = await syncHarness({inputs: 60, annotations: 60, settings: {markerAbsent: true}}, AT_ONCE);
    await harness.sync();
    harness.change({kind: 'addInputs', count: 2});
    await harness.sync();
    harness.change({kind: 'addInputs', count: 2});
    await harness.sync();
    expect(await harness.differences(['inputs'])).toEqual([]);
  });

  test('never spares a run that was asked for as a full one', async () => {
    await using harness = await syncHarness({inputs: 60, annotations: 60}, AT_ONCE);
    await harness.sync();
    await harness.sync();
    harness.forgetRequests();
    await harness.sync({full: true});
    expect(pagesOf(harness, /\/inputs\/stream\?/).length).toBeGreaterThan(3);
    expect(pagesOf(harness, /GET .*\/annotations\?/).length).toBeGreaterThan(1);
    expect(pagesOf(harness, /\/datasets\/[^/]+\/inputs\?/).length).toBeGreaterThan(1);
  });

  test('is kept for each stream: a run of one takes nothing from the others', async () => {
    await using harness = await syncHarness({inputs: 60, annotations: 60}, AT_ONCE);
    await harness.sync();
    const [inputId] = harness.truthKeys('inputs') as [string];
    harness.change({kind: 'addInputs', count: 2}, {kind: 'addAnnotations', inputId, count: 2});
    const alone = await harness.sync({stream: ['annotations']});
    expect(alone.document.streams.map(({stream}) => stream)).toEqual(['annotations']);
    expect(await harness.differences(['annotations'])).toEqual([]);
    expect((await harness.sync()).stream('inputs')).toMatchObject({inserted: 2});
  });

  test('of a window spares no pass: annotations are in the next full run', async () => {
    await using harness = await syncHarness({inputs: 60, annotations: 60}, AT_ONCE);
    await harness.sync();
    const [inputId, id] = (harness.truthKeys('annotations')[7] as string).split('/') as [string, string];
    harness.change({kind: 'deleteAnnotations', inputId, ids: [id]});
    await harness.sync();
    expect((await harness.sync({full: true})).stream('annotations')).toMatchObject({deleted: 1});
  });
});

describe('a full run that was interrupted', () => {
  const PAGES = 'stream_options: {inputs: {page_size: 10}, annotations: {page_size: 10}}\n';
  const PASS_OF_INPUTS = /\/inputs\/stream\?per_page=10/;
  const LIST_OF_ANNOTATIONS = /GET .*\/annotations\?list_all/;

  test('is carried on by the next full run where it stopped, marks and all', async () => {
    await using harness = await syncHarness({inputs: 200, annotations: 200, datasets: 1}, PAGES);
    await harness.sync();
    const inputs = [...harness.simulator.truth('inputs')].map(({key}) => key[0] as string);
    // One that the first half has seen and one that it has missed, both gone before the run began.
    harness.change({kind: 'deleteInputs', ids: [inputs[3] as string, inputs[180] as string]});
    await interruptedSync(harness, PASS_OF_INPUTS, 14);
    const result = await harness.sync({full: true});
    expect(result.code).toBe(0);
    // Two of the tail, one of the end, and what was left of twenty.
    expect(pagesOf(harness, PASS_OF_INPUTS).length).toBeLessThan(17);
    expect(result.stream('inputs')).toMatchObject({deleted: 2});
    expect(await harness.differences()).toEqual([]);
  });

  test('keeps its place through an incremental run', async () => {
    await using harness = await syncHarness({inputs: 200, annotations: 200, datasets: 1}, PAGES);
    await harness.sync();
    harness.change({kind: 'deleteInputs', ids: harness.truthKeys('inputs').slice(0, 3)});
    await interruptedSync(harness, PASS_OF_INPUTS, 14);
    const place = `select stream, pass_id, cursor from clarifai_sync.passes where stream in ('inputs', 'annotations') order by 1`;
    const before = await harness.query(place);
    expect(before.length).toBeGreaterThan(0);
    const added = harness.change({kind: 'addInputs', count: 2});
    const incremental = await harness.sync();
    expect(incremental.stream('inputs')).toMatchObject({inserted: 2, deleted: 0});
    expect(await harness.query(place)).toEqual(before);
    harness.forgetRequests();
    const full = await harness.sync({full: true});
    expect(pagesOf(harness, PASS_OF_INPUTS).length).toBeLessThan(18);
    expect(full.stream('inputs')).toMatchObject({deleted: 3});
    expect(await harness.storedKeys('inputs')).toEqual(expect.arrayContaining(added));
    expect(await harness.differences()).toEqual([]);
  });

  test('reads a numbered list from its start again when the marker has moved, and goes on when it has not', async () => {
    await using harness = await syncHarness({inputs: 20, annotations: 200, datasets: 1}, PAGES);
    await harness.sync();
    await interruptedSync(harness, LIST_OF_ANNOTATIONS, 16);
    // Where it stopped depends on how far the reading was ahead of the commits: the ledger says.
    const [stopped] = await harness.query<{cursor: string}>(
      `select cursor from clarifai_sync.passes where stream = 'annotations'`,
    );
    const [, offset] = /^page:(\d+):10$/.exec(stopped?.cursor ?? '') ?? [];
    expect(Number(offset)).toBeGreaterThan(0);
    await harness.sync({full: true});
    expect(pagesOf(harness, LIST_OF_ANNOTATIONS)[0]).toContain(`page=${Number(offset) / 10 + 1}&`);

    await interruptedSync(harness, LIST_OF_ANNOTATIONS, 16);
    const [inputId, id] = (harness.truthKeys('annotations')[7] as string).split('/') as [string, string];
    harness.change({kind: 'deleteAnnotations', inputId, ids: [id]});
    const result = await harness.sync({full: true});
    expect(pagesOf(harness, LIST_OF_ANNOTATIONS)[0]).toContain('page=1&');
    // All that are left, and one that the glance of the search shows.
    expect(result.stream('annotations')).toMatchObject({read: 200, deleted: 1});
    expect(await harness.differences()).toEqual([]);
  });

  test('begins anew when its pass is older than sweep_hours', async () => {
    await using harness = await syncHarness({inputs: 200, annotations: 0, datasets: 0}, PAGES);
    await harness.sync();
    await interruptedSync(harness, PASS_OF_INPUTS, 14);
    await harness.query(`update clarifai_sync.passes set started_at = started_at - interval '25 hours'`);
    await harness.sync({full: true});
    expect(pagesOf(harness, PASS_OF_INPUTS).length).toBeGreaterThan(20);
  });
});
