import {describe, expect, test} from 'vitest';
import type {SimulatorOptions} from '../../src/simulator/simulator.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const inputsOf = (harness: SyncHarness): string[] =>
  [...harness.simulator.truth('inputs')].map(({key}) => key[0] as string);

/** Rows of all tables that are marked deleted, by stream. */
async function marked(harness: SyncHarness): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const name of [
    'inputs',
    'annotations',
    'datasets',
    'dataset_inputs',
    'dataset_versions',
    'concepts',
    'bulk_operations',
  ]) {
    const [row] = await harness.query<{n: number}>(
      `select count(*)::int as n from clarifai.${name} where _sync_deleted_at is not null`,
    );
    if (row !== undefined && row.n > 0) found[name] = row.n;
  }
  return found;
}

const asked = (harness: SyncHarness, pattern: RegExp): string[] =>
  harness.requests().filter((request) => pattern.test(request));

/** An app of which every list is short enough to stay under the guard's floor of 100 rows. */
const SMALL: SimulatorOptions = {inputs: 60, annotations: 90, datasets: 2, datasetInputs: 0.2};

describe('the proof of a deletion', () => {
  test('many inputs are asked for in batches, each with a record that is known to live', async () => {
    await using harness = await syncHarness({inputs: 300, annotations: 0, datasets: 0});
    await harness.sync();
    const gone = inputsOf(harness).slice(40, 100);
    harness.change({kind: 'deleteInputs', ids: gone});
    harness.forgetRequests();
    expect((await harness.sync({full: true})).stream('inputs')).toMatchObject({deleted: 60});
    const proofs = asked(harness, /\/inputs\?ids=/).filter((request) => gone.some((id) => request.includes(id)));
    expect(proofs).toHaveLength(1);
    expect(inputsOf(harness).some((id) => proofs[0]?.includes(id))).toBe(true);
    expect(await harness.differences(['inputs'])).toEqual([]);
  });

  test('a batch whose control record is missing proves nothing: each is asked for by itself', async () => {
    await using harness = await syncHarness(SMALL);
    await harness.sync();
    const gone = inputsOf(harness).slice(10, 13);
    harness.change({kind: 'deleteInputs', ids: gone});
    // The list of inputs answers nothing to any question, and the whole pass besides.
    harness.simulator.faults.add({kind: 'empty-page', match: String.raw`/inputs(/stream)?\?`});
    expect((await harness.sync({full: true})).stream('inputs')).toMatchObject({deleted: 3});
    harness.simulator.faults.clear();
    expect(await harness.differences(['inputs'])).toEqual([]);
  });

  test('a batch that lacks its control record is not believed, though what it is asked about was missed', async () => {
    await using harness = await syncHarness(SMALL, 'stream_options: {inputs: {page_size: 20}}\n');
    await harness.sync();
    const [gone] = inputsOf(harness).slice(10) as [string];
    harness.change({kind: 'deleteInputs', ids: [gone]});
    // Each page of the list lacks one that lives, and no question by ids finds anything.
    harness.simulator.faults.add({kind: 'shift', match: String.raw`/inputs/stream\?`});
    harness.simulator.faults.add({kind: 'empty-page', match: String.raw`/inputs\?ids=`});
    expect((await harness.sync({full: true})).stream('inputs')).toMatchObject({deleted: 1});
    harness.simulator.faults.clear();
    expect(await harness.differences(['inputs'])).toEqual([]);
  });

  test('where an unknown id makes the batch an error, each is asked for by itself', async () => {
    await using harness = await syncHarness({...SMALL, settings: {missingIds: 'error'}});
    harness.change({kind: 'addInputs', ids: ['waiting-1', 'waiting-2'], statusCode: 30001});
    await harness.sync();
    harness.change(
      {kind: 'deleteInputs', ids: [...inputsOf(harness).slice(10, 15), 'waiting-1']},
      {kind: 'setInputStatus', id: 'waiting-2', statusCode: 30000},
    );
    expect((await harness.sync({full: true})).stream('inputs')).toMatchObject({deleted: 6});
    expect(await harness.differences()).toEqual([]);
  });

  test('the marker stands for many proofs when it has settled and has not moved', async () => {
    await using harness = await syncHarness({inputs: 1200, annotations: 0, datasets: 0}, 'run: {settle: 0s}\n');
    await harness.sync();
    const gone = inputsOf(harness).slice(100, 450);
    harness.change({kind: 'deleteInputs', ids: gone});
    harness.forgetRequests();
    expect((await harness.sync({full: true})).stream('inputs')).toMatchObject({deleted: 350});
    // Only a sample is asked for.
    expect(asked(harness, /\/inputs\?ids=/).filter((request) => gone.some((id) => request.includes(id)))).toHaveLength(
      1,
    );
    expect(await harness.differences(['inputs'])).toEqual([]);
  });

  test('a marker that stands still does not vouch for a list that was cut short by mistake', async () => {
    await using harness = await syncHarness(
      {inputs: 600, annotations: 0, datasets: 0},
      'run: {settle: 0s}\nstream_options: {inputs: {page_size: 450}}\n',
    );
    await harness.sync();
    // After the tail's two pages and the first of the pass.
    harness.simulator.faults.add({kind: 'empty-page', match: '/inputs/stream', after: 3, times: 1});
    const result = await harness.sync({full: true});
    expect(result.stream('inputs')).toMatchObject({read: 451, deleted: 0});
    expect(await marked(harness)).toEqual({});
    expect(result.said).toContain('the list was not believed');
  });

  test('a marker that moved during the pass stands for nothing: all are asked for', async () => {
    await using harness = await syncHarness({inputs: 1200, annotations: 0, datasets: 0}, 'run: {settle: 0s}\n');
    await harness.sync();
    const gone = inputsOf(harness).slice(100, 450);
    harness.change({kind: 'deleteInputs', ids: gone});
    harness.simulator.changeEvery(1, () => {
      if (harness.requests().at(-1)?.includes('/inputs/stream') === true) harness.change({kind: 'moveMarker'});
    });
    harness.forgetRequests();
    await harness.sync({full: true});
    expect(asked(harness, /\/inputs\?ids=/).filter((request) => gone.some((id) => request.includes(id)))).toHaveLength(
      3,
    );
    expect(await harness.differences(['inputs'])).toEqual([]);
  });

  test('what the budget of requests does not reach is carried over', async () => {
    await using harness = await syncHarness(SMALL, 'run: {proof_requests: 3}\n');
    await harness.sync();
    harness.change(
      ...harness
        .truthKeys('concepts')
        .slice(0, 8)
        .map((id) => ({kind: 'deleteConcept', id}) as const),
    );
    const deleted = [];
    for (let run = 0; run < 3; run++) {
      const result = await harness.sync();
      expect(result.code).toBe(0);
      deleted.push(result.stream('concepts').deleted);
      const [row] = await harness.query<{unproved: number}>(`select unproved::int from clarifai_sync.stream_runs s
        join clarifai_sync.runs using (run_id) where stream = 'concepts' order by sequence desc limit 1`);
      expect(row?.unproved).toBe([5, 2, 0][run]);
    }
    expect(deleted).toEqual([3, 3, 2]);
    expect(await harness.differences(['concepts'])).toEqual([]);
  });

  test('deletions are found on pages that are mixed because some inputs have failed', async () => {
    await using harness = await syncHarness(SMALL);
    harness.change({kind: 'addInputs', count: 5, statusCode: 30002});
    await harness.sync();
    const [failed] = inputsOf(harness).slice(-1) as [string];
    harness.change({kind: 'deleteInputs', ids: [failed, ...inputsOf(harness).slice(3, 6)]});
    expect((await harness.sync({full: true})).stream('inputs')).toMatchObject({deleted: 4});
    expect(harness.simulator.stats().byStatus['207']).toBeGreaterThan(0);
    expect(await harness.differences()).toEqual([]);
  });

  test('a record without a readable key withholds the deletions of its stream until it is gone', async () => {
    await using harness = await syncHarness(SMALL);
    await harness.sync();
    const [gone] = harness.truthKeys('concepts') as [string];
    harness.change(
      {kind: 'setRaw', stream: 'concepts', key: ['bad'], text: '{"name":"without an id"}'},
      {kind: 'deleteConcept', id: gone},
    );
    expect((await harness.sync()).code).toBe(5);
    expect(await harness.storedKeys('concepts')).toContain(gone);
    harness.change({kind: 'deleteConcept', id: 'bad'});
    expect((await harness.sync()).stream('concepts')).toMatchObject({deleted: 1});
  });
});

describe('the guard', () => {
  test('holds back more than the ratio of a large stream, commits the rest and ends partial; leave can be given', async () => {
    await using harness = await syncHarness({inputs: 300, annotations: 30, datasets: 1});
    await harness.sync();
    harness.change({kind: 'deleteInputs', ids: inputsOf(harness).slice(0, 150)}, {kind: 'addInputs', count: 1});
    harness.forgetRequests();
    const held = await harness.sync({full: true});
    expect([held.code, held.document.outcome]).toEqual([5, 'partial']);
    expect(held.stream('inputs')).toMatchObject({inserted: 1, deleted: 0});
    expect(
      await harness.query(
        `select held_back::int from clarifai_sync.stream_runs where held_back > 0 and stream = 'inputs'`,
      ),
    ).toEqual([{held_back: 150}]);
    const allowed = await harness.sync({full: true, allowMassDelete: true});
    expect([allowed.code, allowed.document.outcome]).toEqual([0, 'succeeded']);
    expect(allowed.stream('inputs')).toMatchObject({deleted: 150});
    expect(await harness.differences()).toEqual([]);
  });

  test('lets up to a hundred rows go, however small the stream', async () => {
    await using harness = await syncHarness({inputs: 100, annotations: 0, datasets: 0});
    await harness.sync();
    harness.change({kind: 'deleteInputs', ids: inputsOf(harness)});
    const result = await harness.sync({full: true});
    expect(result.code).toBe(0);
    expect(result.stream('inputs')).toMatchObject({deleted: 100});
  });

  test('a ratio of the configuration counts', async () => {
    await using harness = await syncHarness(
      {inputs: 400, annotations: 0, datasets: 0},
      'run: {max_delete_ratio: 0.5}\n',
    );
    await harness.sync();
    harness.change({kind: 'deleteInputs', ids: inputsOf(harness).slice(0, 190)});
    expect((await harness.sync({full: true})).stream('inputs')).toMatchObject({deleted: 190});
  });
});

describe('lists that lie', () => {
  test('every list empty by mistake deletes nothing', async () => {
    await using harness = await syncHarness(SMALL);
    await harness.sync();
    harness.simulator.faults.add({kind: 'empty-page', match: String.raw`^GET .*[?&]per_page=`});
    const result = await harness.sync({full: true});
    expect(result.code).toBe(0);
    expect(await marked(harness)).toEqual({});
    harness.simulator.faults.clear();
    const healed = await harness.sync({full: true});
    expect(healed.document.streams.every(({inserted, updated}) => inserted === 0 && updated === 0)).toBe(true);
    expect(await harness.differences()).toEqual([]);
    expect(await harness.query('select * from clarifai_sync.candidates')).toEqual([]);
  });

  test('every list empty by mistake deletes nothing from a large stream either, and says so', async () => {
    await using harness = await syncHarness({inputs: 150, annotations: 200, datasets: 0}, 'run: {settle: 0s}\n');
    await harness.sync();
    harness.simulator.faults.add({kind: 'empty-page', match: String.raw`^GET .*[?&]per_page=`});
    const result = await harness.sync({full: true});
    expect(result.code).toBe(5);
    expect(await marked(harness)).toEqual({});
    harness.simulator.faults.clear();
    expect((await harness.sync({full: true})).code).toBe(0);
    expect(await harness.differences()).toEqual([]);
  });

  test.each([404, 403] as const)('lists that are refused as a whole (%i) are not empty', async (http) => {
    await using harness = await syncHarness(SMALL);
    await harness.sync();
    harness.simulator.faults.add(
      http === 404
        ? {kind: 'bare-404', match: String.raw`^GET .*/(concepts|datasets|annotations|inputs/stream)\?`}
        : {kind: 'scope', match: String.raw`^GET .*/(concepts|datasets|annotations|inputs/stream)\?`},
    );
    const result = await harness.sync({full: true});
    expect(result.document.outcome).not.toBe('succeeded');
    expect(await marked(harness)).toEqual({});
    for (const name of ['concepts', 'datasets', 'annotations', 'inputs'])
      expect(result.stream(name).outcome).toBe('failed');
  });

  test('pages that repeat, lack or turn round their records delete nothing, and hide nothing for long', async () => {
    await using harness = await syncHarness(
      SMALL,
      `stream_options: {${['inputs', 'annotations', 'datasets', 'concepts', 'dataset_inputs', 'dataset_versions', 'bulk_operations'].map((name) => `${name}: {page_size: 8}`).join(', ')}}\n`,
    );
    await harness.sync();
    for (const kind of ['duplicate-records', 'shift', 'reorder'] as const) {
      const [input] = inputsOf(harness).slice(20) as [string];
      const [concept] = harness.truthKeys('concepts').slice(5) as [string];
      harness.change({kind: 'deleteInputs', ids: [input]}, {kind: 'deleteConcept', id: concept});
      harness.simulator.faults.add({kind, match: String.raw`^GET .*[?&]per_page=8`});
      await harness.sync({full: true});
      harness.simulator.faults.clear();
      const wrong = (await harness.differences()).filter((line) => line.endsWith(': missing'));
      expect(wrong, kind).toEqual([]);
      await harness.sync({full: true});
      expect(await harness.differences(), kind).toEqual([]);
    }
  });
});

describe('what belongs to a record', () => {
  test('goes with a dataset that vanishes, in an incremental run, without being asked for', async () => {
    await using harness = await syncHarness(SMALL);
    await harness.sync();
    const [dataset] = (harness.truthKeys('dataset_inputs')[0] as string).split('/') as [string];
    harness.change({kind: 'deleteDataset', id: dataset});
    harness.forgetRequests();
    const result = await harness.sync();
    expect(result.document.mode).toBe('incremental');
    expect(result.stream('datasets')).toMatchObject({deleted: 1});
    expect(result.stream('dataset_inputs').deleted).toBeGreaterThan(5);
    expect(result.stream('dataset_versions').deleted).toBeGreaterThan(2);
    // Nothing was read of them, and yet they have not been skipped.
    const lost = result.document.streams.filter(({deleted}) => deleted > 0);
    expect(lost.map(({stream, outcome}) => [stream, outcome])).toEqual(lost.map(({stream}) => [stream, 'succeeded']));
    expect(asked(harness, new RegExp(`/datasets/${dataset}/(inputs|versions)`))).toEqual([]);
    expect(await harness.differences()).toEqual([]);
  });

  test('goes with a dataset that vanishes while its members are read', async () => {
    await using harness = await syncHarness(SMALL);
    await harness.sync();
    const [dataset] = (harness.truthKeys('dataset_inputs')[0] as string).split('/') as [string];
    harness.simulator.changeEvery(1, () => {
      const isIt = harness.requests().at(-1)?.includes(`/datasets/${dataset}/`) === true;
      if (isIt && harness.truthKeys('datasets').includes(dataset)) harness.change({kind: 'deleteDataset', id: dataset});
    });
    expect((await harness.sync({full: true})).code).toBe(0);
    harness.simulator.changeEvery(1, null);
    await harness.sync();
    expect(await harness.differences()).toEqual([]);
  });

  test('goes with an input, however much it is: the guard is for what is found missing', async () => {
    await using harness = await syncHarness({inputs: 20, annotations: 400, datasets: 1, datasetInputs: 1});
    await harness.sync();
    harness.change({kind: 'deleteInputs', ids: inputsOf(harness).slice(0, 10)});
    const result = await harness.sync({stream: ['inputs'], full: true});
    expect(result.code).toBe(0);
    expect(result.stream('annotations')).toMatchObject({deleted: 200});
    expect(await harness.differences()).toEqual([]);
  });

  test('comes back with an input that was taken for deleted, though nothing of it has changed', async () => {
    await using harness = await syncHarness({...SMALL, datasetInputs: 1});
    await harness.sync();
    const newest = inputsOf(harness).at(-1) as string;
    // As after a proof that was wrong, or an input that the source has lost and found again.
    for (const [table, key] of [
      ['inputs', 'id'],
      ['annotations', 'input_id'],
      ['dataset_inputs', 'input_id'],
    ] as const) {
      await harness.query(
        `update clarifai.${table} set _sync_deleted_at = clock_timestamp(), _sync_changed_at = clock_timestamp() where ${key} = $1`,
        [newest],
      );
    }
    expect((await marked(harness))['annotations']).toBeGreaterThan(0);
    const result = await harness.sync();
    expect(result.document.mode).toBe('incremental');
    expect(await harness.differences(['inputs', 'annotations'])).toEqual([]);
    await harness.sync();
    expect(await marked(harness)).toEqual({});
  });

  test('comes back with a dataset that was made again under its old id', async () => {
    await using harness = await syncHarness(SMALL);
    await harness.sync();
    const [dataset, input] = (harness.truthKeys('dataset_inputs')[0] as string).split('/') as [string, string];
    harness.change({kind: 'deleteDataset', id: dataset});
    await harness.sync();
    harness.change(
      {kind: 'addDataset', id: dataset, inputIds: [input]},
      {kind: 'addDatasetVersion', datasetId: dataset, statusCode: 64015},
    );
    await harness.sync();
    expect(await harness.differences(['datasets', 'dataset_inputs', 'dataset_versions'])).toEqual([]);
  });

  test('is not taken along when it was read after the parent had been marked deleted', async () => {
    await using harness = await syncHarness(SMALL, 'stream_options: {annotations: {page_size: 2}}\n');
    await harness.sync();
    const id = inputsOf(harness)[9] as string;
    harness.change({kind: 'deleteInputs', ids: [id]});
    await harness.sync({full: true});
    // The input returns behind the back of the inputs' pass, its annotation before that of the annotations.
    let [areInputsRead, isBack] = [false, false];
    harness.simulator.faults.add({kind: 'slow-body', match: String.raw`GET .*/annotations\?`, pieceMs: 20, pieces: 3});
    harness.simulator.changeEvery(1, () => {
      const request = harness.requests().at(-1) ?? '';
      // Asked for when the inputs have been read.
      areInputsRead ||= request.includes('/inputs/status');
      if (isBack || !areInputsRead || !/GET .*\/annotations\?/.test(request)) return;
      isBack = true;
      harness.change({kind: 'restoreInput', id}, {kind: 'addAnnotations', inputId: id, ids: ['early']});
    });
    const result = await harness.sync({full: true});
    harness.simulator.changeEvery(1, null);
    harness.simulator.faults.clear();
    expect(isBack).toBe(true);
    expect(result.code).toBe(0);
    const [row] = await harness.query<{dead: boolean}>(
      `select _sync_deleted_at is not null as dead from clarifai.annotations where id = 'early'`,
    );
    expect(row).toEqual({dead: false});
    await harness.sync();
    expect(await harness.differences()).toEqual([]);
  });
});

test('a deletion that lingers is found by the full run after it has taken effect', async () => {
  await using harness = await syncHarness(SMALL, 'run: {settle: 0s}\n');
  await harness.sync();
  const gone = inputsOf(harness).slice(5, 8);
  harness.change({kind: 'deleteInputs', ids: gone, lingerRequests: 60});
  await harness.sync({full: true});
  await harness.sync({full: true});
  while (harness.truthKeys('inputs').length > 57) await harness.sync();
  await harness.sync({full: true});
  expect(await harness.differences()).toEqual([]);
});
