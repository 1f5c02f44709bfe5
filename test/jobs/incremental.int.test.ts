import {describe, expect, test} from 'vitest';
import {runCli} from '../support/process.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

/** Requests that are not those of the small lists. */
const beyondSmallLists = (harness: SyncHarness): string[] =>
  harness
    .requests()
    .filter((request) => !/\/(apps|datasets|concepts|bulk_operations)\?|\/datasets\/[^/]+\/versions/.test(request));

/** First key parts of differences: `inputs abc` of `inputs abc: missing`. */
const places = (differences: readonly string[]): string[] =>
  differences.map((line) => line.split(':')[0] as string).sort();

/** Inputs of the app as it was seeded, oldest first. */
const seededInputs = (harness: SyncHarness): string[] =>
  [...harness.simulator.truth('inputs')].map(({key}) => key[0] as string);

const annotationsOf = (harness: SyncHarness, isWanted: (raw: Record<string, unknown>) => boolean): [string, string][] =>
  [...harness.simulator.truth('annotations')]
    .filter(({raw}) => isWanted(raw as Record<string, unknown>))
    .map(({key}) => [key[0] as string, key[1] as string]);

const statusOf = (raw: Record<string, unknown>): unknown => (raw['status'] as {code: number}).code;

const HOUR_MS = 3_600_000;

describe('inputs in an incremental run', () => {
  test('those added, finished, and edited along with their annotation are read; other edits and deletions wait for a full run', async () => {
    await using harness = await syncHarness();
    harness.change(
      {kind: 'addInputs', ids: ['pending-1', 'pending-2', 'pending-3'], statusCode: 30001},
      {kind: 'addInputs', ids: ['after']},
    );
    await harness.sync();
    const [edited, silent, gone] = seededInputs(harness) as [string, string, string];
    harness.change(
      {kind: 'addInputs', count: 3},
      {kind: 'setInputStatus', id: 'pending-1', statusCode: 30000},
      {kind: 'setInputStatus', id: 'pending-2', statusCode: 30002},
      {kind: 'setInputStatus', id: 'pending-3', statusCode: 30003},
      {kind: 'editInput', id: edited, metadata: {lot: 1}},
      {kind: 'editInput', id: silent, metadata: {lot: 2}, annotationToo: false},
      {kind: 'deleteInputs', ids: [gone]},
    );
    const result = await harness.sync();
    expect(result.document.mode).toBe('incremental');
    expect(result.stream('inputs')).toMatchObject({inserted: 3, updated: 4, deleted: 0});
    expect(places(await harness.differences(['inputs']))).toEqual([`inputs ${gone}`, `inputs ${silent}`].sort());

    await harness.sync({full: true});
    expect(await harness.differences()).toEqual([]);
  });

  test('an edit that a run of annotations alone has learnt of is read by the next run that has inputs', async () => {
    await using harness = await syncHarness();
    await harness.sync();
    const [edited] = seededInputs(harness) as [string];
    harness.change({kind: 'editInput', id: edited, metadata: {lot: 7}});
    await harness.sync({stream: ['annotations']});
    expect(places(await harness.differences(['inputs', 'annotations']))).toEqual([`inputs ${edited}`]);
    await harness.sync({stream: ['inputs']});
    expect(await harness.differences(['inputs', 'annotations'])).toEqual([]);
  });

  test('those added out of order, before others that were added within settle, are read', async () => {
    await using harness = await syncHarness();
    await harness.sync();
    harness.change({kind: 'addInputs', ids: ['recent-1', 'recent-2']});
    await harness.sync();
    harness.change(
      {kind: 'addInputs', ids: ['late'], before: 'recent-1'},
      {kind: 'addInputs', ids: ['later'], before: 'recent-2'},
    );
    expect((await harness.sync()).stream('inputs')).toMatchObject({inserted: 2});
    expect(await harness.differences(['inputs'])).toEqual([]);
  });

  test('an app that was empty is read from its start', async () => {
    await using harness = await syncHarness({inputs: 0, annotations: 0, datasets: 0});
    await harness.sync();
    expect(await harness.storedKeys('inputs')).toEqual([]);
    const [id] = harness.change({kind: 'addInputs', count: 4}) as [string];
    harness.change({kind: 'addAnnotations', inputId: id, count: 2, trusted: false});
    const result = await harness.sync();
    expect(result.document.mode).toBe('incremental');
    expect(await harness.differences(['inputs', 'annotations'])).toEqual([]);
    harness.change({kind: 'addInputs', count: 2});
    expect((await harness.sync()).stream('inputs')).toMatchObject({inserted: 2});
  });

  test('whatever the API answers to a last_id that was deleted, those added since are read', async () => {
    await using harness = await syncHarness({inputs: 120, annotations: 120});
    await harness.sync();
    for (const form of ['error', 'empty', 'continue', 'jump', 'restart'] as const) {
      harness.simulator.settings.lastIdDeleted = form;
      const alive = seededInputs(harness);
      // The newest two, and one of those that the tail would begin from.
      harness.change({kind: 'deleteInputs', ids: [...alive.slice(-2), alive.at(-5) as string]});
      const added = harness.change({kind: 'addInputs', count: 12});
      const result = await harness.sync();
      expect(result.code, form).toBe(0);
      expect(await harness.storedKeys('inputs'), form).toEqual(expect.arrayContaining(added));
    }
  });

  test('a last_id that is deleted while the tail is read loses nothing, whatever the API answers', async () => {
    await using harness = await syncHarness({inputs: 40, annotations: 0}, 'stream_options: {inputs: {page_size: 5}}\n');
    await harness.sync();
    for (const form of ['error', 'empty', 'continue', 'jump', 'restart'] as const) {
      harness.simulator.settings.lastIdDeleted = form;
      const added = harness.change({kind: 'addInputs', count: 20});
      let pages = 0;
      harness.simulator.changeEvery(1, () => {
        const isPage = harness.requests().at(-1)?.includes('/inputs/stream?') === true;
        // What the third page ends with, while the fourth is asked for: 1 old input, then 4, then 5 more …
        if (isPage && ++pages === 4) harness.change({kind: 'deleteInputs', ids: [added[13] as string]});
      });
      await harness.sync();
      harness.simulator.changeEvery(1, null);
      const lost = (await harness.differences(['inputs'])).filter((line) => line.endsWith(': missing'));
      expect(lost, form).toEqual([]);
    }
  });

  test('when all recent ones were deleted, the tail goes on from an older one', async () => {
    await using harness = await syncHarness({inputs: 60, annotations: 0});
    await harness.sync();
    harness.change({kind: 'deleteInputs', ids: seededInputs(harness).slice(-20)}, {kind: 'addInputs', count: 3});
    expect((await harness.sync()).stream('inputs')).toMatchObject({inserted: 3});
  });

  test('one that hangs in the download is asked for ever more rarely', async () => {
    await using harness = await syncHarness({inputs: 20, annotations: 0, datasets: 0});
    // Among old ones, where the tail does not come by.
    harness.change({
      kind: 'addInputs',
      ids: ['hanging'],
      before: seededInputs(harness)[5] as string,
      statusCode: 30003,
    });
    await harness.sync();
    const isAskedFor = async (pendingFor: string, askedAgo: string): Promise<boolean> => {
      await harness.query(
        `update clarifai.inputs set _sync_changed_at = clock_timestamp() - $1::interval where id = 'hanging'`,
        [pendingFor],
      );
      await harness.query(
        `insert into clarifai_sync.asks select scope_id, 'inputs', array['hanging'], clock_timestamp() - $1::interval
         from clarifai_sync.scopes where app_id <> '' on conflict (scope_id, stream, key) do update set asked_at = excluded.asked_at`,
        [askedAgo],
      );
      harness.forgetRequests();
      await harness.sync();
      return harness.requests().some((request) => request.includes('/inputs?ids=hanging'));
    };
    expect(await isAskedFor('30 minutes', '1 second')).toBe(true);
    expect(await isAskedFor('9 hours', '30 minutes')).toBe(false);
    expect(await isAskedFor('9 hours', '2 hours')).toBe(true);
    expect(await isAskedFor('8 days', '6 hours')).toBe(false);
    harness.change({kind: 'setInputStatus', id: 'hanging', statusCode: 30000});
    expect(await isAskedFor('8 days', '1 day')).toBe(true);
    expect(await harness.differences(['inputs'])).toEqual([]);
    expect(await harness.query('select key from clarifai_sync.asks')).toEqual([]);
  });
});

describe('counts', () => {
  test('a difference that lasts while nothing moves makes one incremental run a full one, once a day', async () => {
    await using harness = await syncHarness({inputs: 60, annotations: 60, datasets: 1});
    await harness.sync();
    const middle = seededInputs(harness)[20] as string;
    harness.change({kind: 'addInputs', ids: ['misplaced'], before: middle});
    const first = await harness.sync();
    expect(first.stream('inputs')).toMatchObject({inserted: 0, source_count: 61});
    const second = await harness.sync();
    expect([first.document.mode, second.document.mode]).toEqual(['incremental', 'incremental']);
    expect(
      await harness.query(`select source_count::int, mirror_count::int from clarifai_sync.stream_runs s
        join clarifai_sync.runs using (run_id) where stream = 'inputs' order by sequence desc limit 1`),
    ).toEqual([{source_count: 61, mirror_count: 60}]);
    expect(second.said).toContain('a full run is due');
    const status = await runCli(['status'], {cwd: '/', env: harness.env});
    expect(status.stdout).toContain('inputs: 1 more at the source than here, in 2 runs: a full run is due');

    const third = await harness.sync();
    expect(third.document.mode).toBe('full');
    expect(await harness.differences(['inputs'])).toEqual([]);

    const other = seededInputs(harness)[10] as string;
    harness.change({kind: 'addInputs', ids: ['misplaced-too'], before: other});
    const modes = [];
    for (let run = 0; run < 3; run++) modes.push((await harness.sync()).document.mode);
    expect(modes).toEqual(['incremental', 'incremental', 'incremental']);
    await harness.query(
      `update clarifai_sync.stream_states set full_for_count_at = full_for_count_at - interval '25 hours'`,
    );
    expect((await harness.sync()).document.mode).toBe('full');
    expect(await harness.differences(['inputs'])).toEqual([]);
  });

  test('a rejected input is no difference, and a moving marker puts the question off', async () => {
    await using harness = await syncHarness({inputs: 30, annotations: 0, datasets: 0});
    await harness.sync();
    const long = 'x'.repeat(2_600);
    harness.change({kind: 'addInputs', ids: [long]}, {kind: 'addInputs', count: 1});
    await harness.sync();
    expect(
      await harness.query(`select source_count::int, mirror_count::int from clarifai_sync.stream_runs s
        join clarifai_sync.runs using (run_id) where stream = 'inputs' order by sequence desc limit 1`),
    ).toEqual([{source_count: 32, mirror_count: 32}]);
    harness.change({kind: 'addInputs', ids: ['misplaced'], before: seededInputs(harness)[5] as string});
    for (let run = 0; run < 3; run++) {
      expect((await harness.sync()).document.mode).toBe('incremental');
      harness.change({kind: 'moveMarker'});
    }
  });
});

test('inputs that went and came back are counted without looking at all of them', async () => {
  await using harness = await syncHarness({inputs: 40, annotations: 40, datasets: 0});
  await harness.sync();
  const counts = async (): Promise<unknown> => {
    const [row] = await harness.query(
      `select s.source_count::int as source, s.mirror_count::int as mirror,
         (select live_rows::int from clarifai_sync.stream_states where stream = 'inputs') as kept,
         (select count(*)::int from clarifai.inputs_current) as stored
       from clarifai_sync.stream_runs s join clarifai_sync.runs using (run_id) where stream = 'inputs' order by sequence desc limit 1`,
    );
    return row;
  };
  const gone = seededInputs(harness).slice(3, 8);
  harness.change({kind: 'deleteInputs', ids: gone}, {kind: 'addInputs', count: 2});
  await harness.sync({full: true});
  expect(await counts()).toEqual({source: 37, mirror: 37, kept: 37, stored: 37});
  harness.change({kind: 'restoreInput', id: gone[0] as string}, {kind: 'addInputs', count: 1});
  expect((await harness.sync()).stream('inputs')).toMatchObject({inserted: 1, updated: 1});
  expect(await counts()).toEqual({source: 39, mirror: 39, kept: 39, stored: 39});
  // What was done by hand shows in a full run at the latest: only that one counts.
  await harness.query(`update clarifai_sync.stream_states set live_rows = 12 where stream = 'inputs'`);
  await harness.sync();
  expect(await counts()).toMatchObject({source: 39, mirror: 12});
  await harness.sync({full: true});
  expect(await counts()).toEqual({source: 39, mirror: 39, kept: 39, stored: 39});
});

describe('annotations in an incremental run', () => {
  /** One edit of a record of each kind, and additions of each kind. */
  function changeEachKind(harness: SyncHarness): void {
    const isLevel = (raw: Record<string, unknown>): boolean => raw['input_level'] === true;
    const kinds = [
      annotationsOf(harness, (raw) => raw['trusted'] === true && !isLevel(raw)),
      annotationsOf(harness, (raw) => raw['trusted'] !== true && !isLevel(raw) && statusOf(raw) === 24150),
      annotationsOf(harness, (raw) => statusOf(raw) === 24157 && !isLevel(raw)),
      annotationsOf(harness, isLevel),
    ];
    for (const [edited] of kinds) {
      const [inputId, id] = edited as [string, string];
      harness.change({kind: 'editAnnotation', inputId, id});
    }
    const [inputId] = seededInputs(harness) as [string];
    harness.change(
      {kind: 'addAnnotations', inputId, count: 2},
      {kind: 'addAnnotations', inputId, count: 2, trusted: false},
      {kind: 'addAnnotations', inputId, count: 2, statusCode: 24157},
      {kind: 'addAnnotations', inputId, count: 1, inputLevel: true, metadata: {a: 1}},
      {
        kind: 'editAnnotation',
        inputId: (kinds[1]?.[1] as [string, string])[0],
        id: (kinds[1]?.[1] as [string, string])[1],
        trusted: true,
      },
    );
  }

  test('those added and edited are read, of every kind; deletions wait for a full run', async () => {
    await using harness = await syncHarness();
    await harness.sync();
    const [gone] = annotationsOf(harness, () => true).slice(-1) as [[string, string]];
    changeEachKind(harness);
    harness.change({kind: 'deleteAnnotations', inputId: gone[0], ids: [gone[1]]});
    harness.forgetRequests();
    const result = await harness.sync();
    expect(result.stream('annotations')).toMatchObject({inserted: 7, updated: 5, deleted: 0});
    expect(places(await harness.differences(['annotations', 'inputs']))).toEqual([`annotations ${gone.join('/')}`]);
    expect(harness.requests().filter((request) => /GET .*\/annotations\?/.test(request))).toEqual([]);
    expect((await harness.sync({full: true})).stream('annotations')).toMatchObject({deleted: 1});
    expect(await harness.differences(['annotations'])).toEqual([]);
  });

  test('what a settled search shows again costs no further request, also after a mass change of input-level ones', async () => {
    await using harness = await syncHarness({inputs: 400, annotations: 800, datasets: 0});
    await harness.sync();
    for (const id of seededInputs(harness).slice(0, 300)) harness.change({kind: 'editInput', id, metadata: {lot: 1}});
    await harness.sync();
    harness.simulator.clock.advance(11 * 60_000);
    // The first run since then settles the watermark; the next ones glance at what it has read.
    await harness.sync();
    await harness.query('delete from clarifai_sync.markers');
    harness.forgetRequests();
    await harness.sync();
    const byIds = harness.requests().filter((request) => /\/inputs\?ids=/.test(request));
    expect(byIds.length, byIds.join('\n')).toBeLessThanOrEqual(4);
    expect(beyondSmallLists(harness).length).toBeLessThanOrEqual(10);
    // One that is new there, though its time lies behind the watermark, is read with its input all the same.
    const [inputId, id] = annotationsOf(harness, (raw) => raw['input_level'] === true).at(-1) as [string, string];
    const late = new Date(harness.simulator.clock.nowMs() - 11.5 * 60_000).toISOString();
    harness.change({kind: 'editAnnotation', inputId, id, metadata: {late: true}, modifiedAt: late});
    harness.forgetRequests();
    const {document} = await harness.sync();
    expect(document.streams.find(({stream}) => stream === 'annotations')).toMatchObject({updated: 1});
    expect(harness.requests().some((request) => request.includes(`/inputs?ids=${inputId}&`))).toBe(true);
  });

  test('hits that only name annotations are read by key, and their inputs too', async () => {
    await using harness = await syncHarness({settings: {searchHits: 'bare'}});
    await harness.sync();
    changeEachKind(harness);
    const [edited] = seededInputs(harness).slice(7) as [string];
    harness.change({kind: 'editInput', id: edited, metadata: {lot: 3}});
    await harness.sync();
    expect(await harness.differences(['annotations', 'inputs'])).toEqual([]);
  });

  test('a window over the paging cap is halved, however small the cap', async () => {
    await using harness = await syncHarness();
    await harness.sync();
    harness.simulator.settings.pagingCap = 12;
    const now = harness.simulator.clock.nowMs();
    for (const [i, [inputId, id]] of annotationsOf(harness, () => true)
      .slice(0, 80)
      .entries()) {
      harness.change({kind: 'editAnnotation', inputId, id, modifiedAt: new Date(now - i * 1_000).toISOString()});
    }
    harness.forgetRequests();
    expect((await harness.sync()).stream('annotations')).toMatchObject({updated: 80});
    expect(await harness.differences(['annotations'])).toEqual([]);
    expect(harness.requests().filter((request) => /GET .*\/annotations\?/.test(request))).toEqual([]);
    expect(harness.requests().length).toBeLessThan(250);
  });

  test('a window that is over the cap and cannot be halved is read from the list', async () => {
    await using harness = await syncHarness();
    await harness.sync();
    harness.simulator.settings.pagingCap = 12;
    const modifiedAt = new Date(harness.simulator.clock.nowMs()).toISOString();
    for (const [inputId, id] of annotationsOf(harness, () => true).slice(0, 30)) {
      harness.change({kind: 'editAnnotation', inputId, id, modifiedAt});
    }
    const [edited] = seededInputs(harness).slice(-7) as [string];
    harness.change({kind: 'editInput', id: edited, metadata: {lot: 3}});
    harness.forgetRequests();
    await harness.sync();
    expect(await harness.differences(['annotations', 'inputs'])).toEqual([]);
    expect(harness.requests().length).toBeLessThan(80);
  });

  test.each(['scope', 'not-offered'] as const)(
    'when the search is refused (%s) the list is read, but only when the marker moved',
    async (kind) => {
      await using harness = await syncHarness({}, 'run: {settle: 0s}\n');
      await harness.sync();
      harness.simulator.faults.add({kind, match: 'annotations/searches'});
      changeEachKind(harness);
      const [edited] = seededInputs(harness).slice(7) as [string];
      harness.change({kind: 'editInput', id: edited, metadata: {lot: 3}});
      const result = await harness.sync();
      expect(result.code).toBe(0);
      expect(await harness.differences(['annotations', 'inputs'])).toEqual([]);
      harness.forgetRequests();
      await harness.sync();
      expect(harness.requests().filter((request) => request.includes('/annotations'))).toEqual([]);
    },
  );

  test.each([
    ['untrusted', {searchCoversUntrusted: false}],
    ['pending', {searchCoversPending: false}],
    ['input_level', {searchCoversInputLevel: false}],
  ] as const)('what the search does not show (%s) is found out, and read from the list', async (kind, settings) => {
    await using harness = await syncHarness({settings}, 'run: {settle: 0s}\n');
    await harness.sync();
    expect(
      await harness.query(
        `select search_gaps from clarifai_sync.stream_states where stream = 'annotations' and search_gaps <> '{}'`,
      ),
    ).toEqual([{search_gaps: [kind]}]);
    changeEachKind(harness);
    const [edited] = seededInputs(harness).slice(7) as [string];
    harness.change({kind: 'editInput', id: edited, metadata: {lot: 3}});
    await harness.sync();
    expect(await harness.differences(['annotations', 'inputs'])).toEqual([]);
    harness.forgetRequests();
    await harness.sync();
    expect(harness.requests().filter((request) => request.includes('/annotations'))).toEqual([]);
  });

  test('what is too fresh to judge the search by is read from the list until it can be judged', async () => {
    await using harness = await syncHarness({
      inputs: 0,
      annotations: 0,
      datasets: 0,
      settings: {searchCoversUntrusted: false},
    });
    const ids = harness.change({kind: 'addInputs', count: 3}) as [string, string];
    harness.change(
      {kind: 'addAnnotations', inputId: ids[0], count: 2, trusted: false},
      {kind: 'addAnnotations', inputId: ids[0], count: 2},
    );
    await harness.sync();
    harness.change({kind: 'addAnnotations', inputId: ids[1], count: 2, trusted: false});
    await harness.sync();
    expect(await harness.differences(['annotations'])).toEqual([]);
    expect(
      await harness.query(`select search_gaps from clarifai_sync.stream_states where stream = 'annotations'`),
    ).toEqual([{search_gaps: null}]);
    harness.simulator.clock.advance(20 * 60_000);
    await harness.sync();
    expect(
      await harness.query(`select search_gaps from clarifai_sync.stream_states where stream = 'annotations'`),
    ).toEqual([{search_gaps: ['untrusted']}]);
  });

  test('a change that the search shows late, but within settle, is not lost to those that it shows at once', async () => {
    await using harness = await syncHarness();
    await harness.sync();
    const minute = 60_000;
    const {settings, clock} = harness.simulator;
    const [slow, quick, other] = annotationsOf(harness, () => true).slice(20) as [
      [string, string],
      [string, string],
      [string, string],
    ];
    clock.advance(minute);
    settings.searchDelayMs = 8 * minute;
    harness.change(
      {kind: 'editAnnotation', inputId: slow[0], id: slow[1]},
      {kind: 'addAnnotations', inputId: slow[0], count: 1},
    );
    clock.advance(minute);
    settings.searchDelayMs = 0;
    harness.change({kind: 'editAnnotation', inputId: quick[0], id: quick[1]});
    clock.advance(minute);
    expect((await harness.sync()).stream('annotations')).toMatchObject({inserted: 0, updated: 1});
    clock.advance(minute);
    harness.change({kind: 'editAnnotation', inputId: other[0], id: other[1]});
    clock.advance(5.5 * minute);
    expect((await harness.sync()).stream('annotations')).toMatchObject({inserted: 1, updated: 2});
    expect(await harness.differences(['annotations'])).toEqual([]);
  });

  test('an edit after the clock of the source has gone back is read, and those after it has caught up', async () => {
    await using harness = await syncHarness();
    await harness.sync();
    const [one, two, three] = annotationsOf(harness, (raw) => statusOf(raw) === 24150);
    const edit = ([inputId, id] = ['', '']): void => {
      harness.change({kind: 'editAnnotation', inputId, id});
    };
    harness.simulator.clock.advance(3 * HOUR_MS);
    edit(one);
    expect((await harness.sync()).code).toBe(0);
    harness.simulator.clock.advance(-2 * HOUR_MS);
    edit(two);
    expect((await harness.sync()).code).toBe(0);
    expect(await harness.differences(['annotations'])).toEqual([]);
    harness.simulator.clock.advance(3 * HOUR_MS);
    edit(three);
    harness.forgetRequests();
    expect((await harness.sync()).code).toBe(0);
    expect(await harness.differences(['annotations'])).toEqual([]);
    expect(harness.requests().filter((request) => /GET .*\/annotations\?/.test(request))).toEqual([]);
  });

  test('with the strategy list the search is never asked', async () => {
    await using harness = await syncHarness({}, 'stream_options: {annotations: {strategy: list}}\n');
    await harness.sync();
    changeEachKind(harness);
    const [edited] = seededInputs(harness).slice(7) as [string];
    harness.change({kind: 'editInput', id: edited, metadata: {lot: 3}});
    await harness.sync();
    expect(await harness.differences(['annotations', 'inputs'])).toEqual([]);
    expect(harness.requests().filter((request) => request.includes('/searches'))).toEqual([]);
  });
});

describe('datasets, and what lies below them, in an incremental run', () => {
  test('small lists show what was added, edited and deleted', async () => {
    await using harness = await syncHarness({inputs: 10, annotations: 10});
    await harness.sync();
    const [datasetGone, dataset] = harness.truthKeys('datasets') as [string, string];
    const [conceptGone, concept] = harness.truthKeys('concepts') as [string, string];
    const [operationGone, operation] = harness.truthKeys('bulk_operations') as [string, string];
    harness.change(
      {kind: 'addDataset', id: 'new'},
      {kind: 'addDataset', id: 'new-bookmarked', bookmarked: true},
      {kind: 'editDataset', id: dataset, description: 'other'},
      {kind: 'deleteDataset', id: datasetGone},
      {kind: 'addConcept', id: 'new'},
      {kind: 'editConcept', id: concept, name: 'other'},
      {kind: 'deleteConcept', id: conceptGone},
      {kind: 'addBulkOperation', id: 'new'},
      {kind: 'editBulkOperation', id: operation, statusCode: 25400, processed: 9},
      {kind: 'deleteBulkOperation', id: operationGone},
    );
    const result = await harness.sync();
    expect(result.document.mode).toBe('incremental');
    expect(await harness.differences()).toEqual([]);
    for (const name of ['datasets', 'concepts', 'bulk_operations'])
      expect(result.stream(name)).toMatchObject({deleted: 1});
  });

  test('members are read anew by the sign of a bulk operation, a new dataset, a new version; else not', async () => {
    await using harness = await syncHarness({inputs: 40, annotations: 0, datasets: 4});
    await harness.sync();
    const inputs = seededInputs(harness);
    const datasets = [...harness.simulator.truth('datasets')].map(({key}) => key[0] as string);
    const own = datasets.filter((id) => harness.truthKeys('dataset_inputs').some((key) => key.startsWith(`${id}/`)));
    const [operated, versioned, silent] = own as [string, string, string];
    const memberOf = (id: string): string =>
      harness
        .truthKeys('dataset_inputs')
        .find((key) => key.startsWith(`${id}/`))
        ?.split('/')[1] as string;
    const strangerTo = (id: string): string =>
      inputs.find((input) => !harness.truthKeys('dataset_inputs').includes(`${id}/${input}`)) as string;
    const expected = [silent].flatMap((id) => [
      `dataset_inputs ${id}/${memberOf(id)}`,
      `dataset_inputs ${id}/${strangerTo(id)}`,
    ]);
    for (const id of [operated, versioned, silent]) {
      const [gone, added] = [memberOf(id), strangerTo(id)];
      harness.change(
        {kind: 'removeDatasetInputs', datasetId: id, inputIds: [gone]},
        {kind: 'addDatasetInputs', datasetId: id, inputIds: [added]},
      );
    }
    harness.change(
      {kind: 'addBulkOperation', operation: {add_to_dataset: {dataset_id: operated}}, statusCode: 25400},
      {kind: 'addDatasetVersion', datasetId: versioned, statusCode: 64015},
      {kind: 'addDataset', id: 'new', inputIds: inputs.slice(0, 5)},
    );
    const result = await harness.sync();
    expect(result.stream('dataset_inputs')).toMatchObject({inserted: 7, deleted: 2});
    expect(places(await harness.differences(['dataset_inputs']))).toEqual(expected.sort());
    await harness.sync({full: true});
    expect(await harness.differences(['dataset_inputs'])).toEqual([]);
  });

  test('each dataset is read within sweep_hours while the marker moves, and not at all while it stands', async () => {
    await using harness = await syncHarness(
      {inputs: 40, annotations: 0, datasets: 3},
      'run: {settle: 0s, sweep_hours: 24}\n',
    );
    await harness.sync();
    const [dataset, input] = (harness.truthKeys('dataset_inputs')[0] as string).split('/') as [string, string];
    const isMembersList = (request: string): boolean => /\/datasets\/[^/]+\/inputs\?/.test(request);
    const later = async (hours: number): Promise<string[]> => {
      await harness.query(
        `update clarifai_sync.parent_reads set read_at = clock_timestamp() - $1 * interval '1 hour'`,
        [hours],
      );
      harness.forgetRequests();
      await harness.sync();
      return harness.requests().filter(isMembersList);
    };
    expect(await later(25)).toEqual([]);
    harness.change({kind: 'removeDatasetInputs', datasetId: dataset, inputIds: [input]});
    // Their turns are spread over the last quarter of that time.
    expect(await later(17)).toEqual([]);
    expect((await later(25)).length).toBeGreaterThan(0);
    expect(await harness.differences(['dataset_inputs'])).toEqual([]);
  });

  test('a sign that an interrupted run has stored, without reading the members, counts in the next one', async () => {
    await using harness = await syncHarness({inputs: 40, annotations: 0, datasets: 2});
    await harness.sync();
    const [dataset, input] = (harness.truthKeys('dataset_inputs')[0] as string).split('/') as [string, string];
    harness.change(
      {kind: 'removeDatasetInputs', datasetId: dataset, inputIds: [input]},
      {kind: 'addBulkOperation', operation: {delete_from_dataset: {dataset_id: dataset}}, statusCode: 25400},
    );
    const stop = new AbortController();
    harness.simulator.changeEvery(1, () => {
      if (stop.signal.aborted || !/\/datasets\/[^/]+\/inputs\?/.test(harness.requests().at(-1) ?? '')) return;
      // It takes a while until the signal is heard: the list must not be read to its end meanwhile.
      harness.simulator.faults.add({kind: 'hang', match: '/datasets/[^/]+/inputs'});
      stop.abort();
    });
    expect((await harness.sync({}, stop.signal)).document.outcome).toBe('interrupted');
    harness.simulator.changeEvery(1, null);
    harness.simulator.faults.clear();
    expect(await harness.storedKeys('bulk_operations')).toEqual(harness.truthKeys('bulk_operations'));
    expect(await harness.storedKeys('dataset_inputs')).toContain(`${dataset}/${input}`);
    await harness.sync();
    expect(await harness.differences(['dataset_inputs'])).toEqual([]);
  });

  test('versions are followed until they are ready; a later edit shows within sweep_hours, or in a full run', async () => {
    await using harness = await syncHarness({inputs: 10, annotations: 0, datasets: 3});
    await harness.sync();
    const datasets = harness.truthKeys('datasets') as [string, string, string];
    harness.change({kind: 'addDatasetVersion', datasetId: datasets[0], id: 'v', statusCode: 64005});
    await harness.sync();
    expect(await harness.differences(['dataset_versions'])).toEqual([]);
    for (const statusCode of [64010, 64015]) {
      harness.change({kind: 'editDatasetVersion', datasetId: datasets[0], id: 'v', statusCode});
      // A newer version takes its place in the dataset's own record: that is no sign of it any more.
      if (statusCode === 64010) harness.change({kind: 'addDatasetVersion', datasetId: datasets[0], statusCode: 64015});
      await harness.sync();
      expect(await harness.differences(['dataset_versions'])).toEqual([]);
    }
    const old = harness
      .truthKeys('dataset_versions')
      .map((key) => key.split('/') as [string, string])
      .find(([id]) => id === datasets[1]) as [string, string];
    const isFinal = (): Promise<unknown[]> =>
      harness.query(`select 1 from clarifai.dataset_versions where dataset_id = $1 and status_code in (64005, 64010)`, [
        old[0],
      ]);
    for (const {id} of await harness.query<{id: string}>(
      `select id from clarifai.dataset_versions where dataset_id = $1 and status_code in (64005, 64010)`,
      [old[0]],
    )) {
      harness.change({kind: 'editDatasetVersion', datasetId: old[0], id, statusCode: 64015});
    }
    await harness.sync();
    expect(await isFinal()).toEqual([]);
    harness.change({kind: 'editDatasetVersion', datasetId: old[0], id: old[1], description: 'edited'});
    await harness.sync();
    expect(places(await harness.differences(['dataset_versions']))).toEqual([`dataset_versions ${old.join('/')}`]);
    await harness.query(`update clarifai_sync.parent_reads set read_at = read_at - interval '25 hours'`);
    await harness.sync();
    expect(await harness.differences(['dataset_versions'])).toEqual([]);

    harness.change({kind: 'editDatasetVersion', datasetId: old[0], id: old[1], description: 'edited again'});
    harness.change({kind: 'deleteDatasetVersion', datasetId: datasets[0], id: 'v'});
    expect(await harness.differences(['dataset_versions'])).toHaveLength(2);
    expect((await harness.sync({full: true})).stream('dataset_versions')).toMatchObject({updated: 1, deleted: 1});
    expect(await harness.differences(['dataset_versions'])).toEqual([]);
  });
});

test('a run over a large app costs in proportion to what changed', async () => {
  await using harness = await syncHarness({inputs: 20_000, annotations: 80_000, datasets: 3, datasetInputs: 0.05});
  expect((await harness.sync()).code).toBe(0);
  const inputs = seededInputs(harness);
  harness.change({kind: 'addInputs', count: 25});
  for (let i = 0; i < 25; i++) harness.change({kind: 'editInput', id: inputs[i * 700] as string, metadata: {lot: i}});
  const annotations = annotationsOf(harness, () => true);
  for (let i = 0; i < 75; i++) {
    const [inputId, id] = annotations[i * 1_000 + 1] as [string, string];
    harness.change({kind: 'editAnnotation', inputId, id});
  }
  for (let i = 0; i < 25; i++)
    harness.change({kind: 'addAnnotations', inputId: inputs[i * 500 + 3] as string, trusted: i % 2 === 0});
  harness.forgetRequests();
  const result = await harness.sync();
  const beyond = beyondSmallLists(harness);
  expect(beyond.length, beyond.join('\n')).toBeLessThanOrEqual(30);
  expect(result.stream('inputs')).toMatchObject({inserted: 25, updated: 25});
  expect(result.stream('annotations')).toMatchObject({inserted: 25, updated: 100});
});
