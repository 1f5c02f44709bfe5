import {expect, test} from 'vitest';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {keyNames} from '../../src/streams/stream.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const HISTORY = 'sinks: [{name: w, type: postgres, url: "${DATABASE_URL}", schema: clarifai, history: true}]\n';

interface Version {
  readonly key: string;
  readonly op: string;
  readonly isOpen: boolean;
}

/** Versions of a stream in their order, by key. */
async function versions(harness: SyncHarness, name: string): Promise<Map<string, Version[]>> {
  const stream = CATALOGUE.find((each) => each.name === name);
  const key = `concat_ws('/', ${keyNames(stream as (typeof CATALOGUE)[number]).join(', ')})`;
  const rows = await harness.query<Version>(
    `select ${key} as key, _sync_op as op, _sync_valid_to is null as "isOpen" from clarifai.${name}_history
     order by key, _sync_valid_from, _sync_version`,
  );
  const found = new Map<string, Version[]>();
  for (const row of rows) found.set(row.key, [...(found.get(row.key) ?? []), row]);
  return found;
}

const opsOf = (found: Map<string, Version[]>, key: string): string[] => (found.get(key) ?? []).map(({op}) => op);

/**
 * What is wrong with the versions of all streams: a gap or an overlap between two of a key, none or several open ones, an
 * open one that is not the row, a first that is no insert, a version that says nothing new.
 */
async function faults(harness: SyncHarness): Promise<string[]> {
  const found: string[] = [];
  for (const stream of CATALOGUE) {
    const keys = ['user_id', 'app_id', ...keyNames(stream)].join(', ');
    const rows = await harness.query<{key: string; fault: string}>(
      `with v as (select *, row(${keys})::text as k, row_number() over w as n, lead(_sync_valid_from) over w as next_from,
           lag(_sync_op) over w as before_op, lag(_sync_hash) over w as before_hash
         from clarifai.${stream.name}_history window w as (partition by ${keys} order by _sync_valid_from, _sync_version))
       select k as key, 'ends when no other begins' as fault from v where _sync_valid_to is distinct from next_from
       union all select k, 'ends before it begins' from v where _sync_valid_to < _sync_valid_from
       union all select k, 'begins with ' || _sync_op from v where n = 1 and _sync_op <> 'insert'
       union all select k, 'is inserted twice' from v where n > 1 and _sync_op = 'insert'
       union all select k, 'is deleted twice' from v where _sync_op = 'delete' and before_op = 'delete'
       union all select k, 'says nothing new' from v where _sync_op = 'update' and before_op <> 'delete' and before_hash = _sync_hash
       union all select row(${keys})::text, 'is not the row' from
         (select ${keys}, raw, _sync_hash, _sync_deleted_at is null from clarifai.${stream.name}
          except select ${keys}, raw, _sync_hash, _sync_op <> 'delete' from clarifai.${stream.name}_history where _sync_valid_to is null) d
       union all select row(${keys})::text, 'is open without a row' from
         (select ${keys}, _sync_changed_at from clarifai.${stream.name}_history where _sync_valid_to is null
          except select ${keys}, _sync_changed_at from clarifai.${stream.name}) d`,
    );
    found.push(...rows.map(({key, fault}) => `${stream.name} ${key} ${fault}`));
  }
  return found;
}

async function versionCount(harness: SyncHarness): Promise<number> {
  let count = 0;
  for (const stream of CATALOGUE) {
    const [row] = await harness.query<{n: number}>(`select count(*)::int as n from clarifai.${stream.name}_history`);
    count += row?.n ?? 0;
  }
  return count;
}

test('there is one version for each change, deletions and returns included, and none for a run without changes', async () => {
  await using harness = await syncHarness({inputs: 40, annotations: 80, datasets: 2}, HISTORY);
  await harness.sync();
  expect(await faults(harness)).toEqual([]);
  const [id, gone] = harness.truthKeys('inputs') as [string, string];
  const level = [...harness.simulator.truth('annotations')]
    .find(({key, raw}) => key[0] === gone && (raw as {input_level?: boolean}).input_level === true)
    ?.key.join('/') as string;
  const [concept] = harness.truthKeys('concepts') as [string];

  harness.change({kind: 'editInput', id, metadata: {a: 1}}, {kind: 'editConcept', id: concept, name: 'once'});
  await harness.sync();
  harness.change({kind: 'editInput', id, metadata: {a: 2}}, {kind: 'editConcept', id: concept, name: 'twice'});
  harness.change({kind: 'deleteInputs', ids: [gone]});
  await harness.sync({full: true});
  harness.change({kind: 'deleteConcept', id: concept}, {kind: 'restoreInput', id: gone, metadata: {back: true}});
  await harness.sync();
  harness.change({kind: 'addConcept', id: concept, name: 'back'});
  await harness.sync();

  expect(await faults(harness)).toEqual([]);
  const inputs = await versions(harness, 'inputs');
  expect(opsOf(inputs, id)).toEqual(['insert', 'update', 'update']);
  expect(opsOf(inputs, gone)).toEqual(['insert', 'delete', 'update']);
  expect(opsOf(await versions(harness, 'annotations'), level)).toEqual(['insert', 'delete']);
  expect(opsOf(await versions(harness, 'concepts'), concept)).toEqual([
    'insert',
    'update',
    'update',
    'delete',
    'update',
  ]);
  expect(
    await harness.query(
      `select raw #>> '{name}' as name from clarifai.concepts_history where id = $1 and _sync_op <> 'delete' order by _sync_valid_from`,
      [concept],
    ),
  ).toEqual([{name: expect.any(String) as string}, {name: 'once'}, {name: 'twice'}, {name: 'back'}]);

  const before = await versionCount(harness);
  await harness.sync();
  await harness.sync({full: true});
  expect(await versionCount(harness)).toBe(before);
});

test('a run that is interrupted, and carried on, leaves every version there once', async () => {
  await using harness = await syncHarness(
    {inputs: 100, annotations: 200, datasets: 2},
    `${HISTORY}stream_options: {inputs: {page_size: 10}, annotations: {page_size: 10}}\n`,
  );
  for (let round = 0; round < 4; round++) {
    const [edited, gone] = harness.truthKeys('inputs').slice(10 * round) as [string, string];
    harness.change(
      {kind: 'addInputs', count: 3},
      {kind: 'editInput', id: edited, metadata: {round}, annotationToo: false},
      {kind: 'deleteInputs', ids: [gone]},
      {kind: 'addDataset', inputIds: [edited]},
    );
    const stop = new AbortController();
    harness.simulator.changeEvery(5 + 9 * round, () => stop.abort());
    await harness.sync({full: true}, stop.signal);
    harness.simulator.changeEvery(1, null);
    expect(await faults(harness)).toEqual([]);
  }
  await harness.sync({full: true});
  await harness.sync({full: true});
  expect(await faults(harness)).toEqual([]);
  expect(await harness.differences()).toEqual([]);
  const ops = [...(await versions(harness, 'inputs')).values()].map((each) => each.map(({op}) => op).join());
  expect(ops.filter((each) => each === 'insert,delete').length).toBeGreaterThan(0);
  expect(ops.filter((each) => each.includes('update')).length).toBeGreaterThan(0);
});
