import {isDeepStrictEqual} from 'node:util';
import {expect, test, vi} from 'vitest';
import type {Change} from '../../src/simulator/changes.ts';
import {CATALOGUE, streamNamed} from '../../src/streams/catalogue.ts';
import {keyNames} from '../../src/streams/stream.ts';
import type {SyncHarness} from '../support/sync-harness.ts';
import {comparable} from '../support/sync-harness.ts';
import {cliSync, documentOf} from './cli-sync.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 180_000});

const BATCH = 2_000;

/** How many living rows differ from the source, record by record, `raw` included; never holds a whole table. */
async function differing(harness: SyncHarness, name: string): Promise<string[]> {
  const keys = keyNames(streamNamed(name));
  const found: string[] = [];
  let records = 0;
  const compare = async (batch: readonly {key: readonly string[]; raw: unknown}[]): Promise<void> => {
    const columns = keys.map((_, p) => batch.map(({key}) => key[p] as string));
    const rows = await harness.query<{n: string; raw: unknown}>(
      `select u.n, t.raw from unnest(${keys.map((_, p) => `$${p + 1}::text[]`).join(', ')}) with ordinality
         u(${keys.map((_, p) => `k${p}`).join(', ')}, n)
       join clarifai.${name} t on ${keys.map((key, p) => `t.${key} = u.k${p}`).join(' and ')} and t._sync_deleted_at is null`,
      columns,
    );
    const raws = new Map(rows.map(({n, raw}) => [Number(n) - 1, raw]));
    for (const [n, {key, raw}] of batch.entries()) {
      if (!isDeepStrictEqual(comparable(name, raws.get(n) ?? null), comparable(name, raw))) found.push(key.join('/'));
    }
    records += batch.length;
  };
  let batch: {key: readonly string[]; raw: unknown}[] = [];
  for (const {key, raw} of harness.simulator.truth(name)) {
    batch.push({key, raw});
    if (batch.length < BATCH) continue;
    await compare(batch);
    batch = [];
  }
  await compare(batch);
  const [stored] = await harness.query<{n: number}>(
    `select count(*)::int as n from clarifai.${name} where _sync_deleted_at is null`,
  );
  if (stored?.n !== records) found.push(`${records} records, ${stored?.n ?? 0} rows`);
  return found;
}

async function allDiffering(harness: SyncHarness): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const {name} of CATALOGUE) {
    const each = await differing(harness, name);
    if (each.length > 0) found[name] = each;
  }
  return found;
}

test('20,000 inputs and 80,000 annotations equal the source, and so they do after changes of every kind', async () => {
  await using sync = await cliSync(
    {inputs: 20_000, annotations: 80_000, datasets: 5, datasetInputs: 0.05},
    'source: {requests_per_second: 0}\n',
  );
  const {harness} = sync;
  const first = await sync.run();
  expect(first.code, first.stderr).toBe(0);
  expect(await allDiffering(harness)).toEqual({});

  const inputs = harness.truthKeys('inputs');
  const annotations = harness.truthKeys('annotations').map((key) => key.split('/') as [string, string]);
  const datasets = harness.truthKeys('datasets');
  const every = <T>(all: readonly T[], step: number, from: number): T[] => all.filter((_, n) => n % step === from);
  const gone = new Set(every(inputs, 200, 7));
  const left = annotations.filter(([inputId]) => !gone.has(inputId));
  const changes: Change[] = [
    {kind: 'addInputs', count: 150},
    ...every(inputs, 100, 3).map((id): Change => ({kind: 'editInput', id, metadata: {lot: 7}, annotationToo: false})),
    {kind: 'deleteInputs', ids: [...gone]},
    ...every(inputs, 400, 11).map((id): Change => ({kind: 'addAnnotations', inputId: id, count: 4, trusted: false})),
    ...every(left, 200, 1).map(([inputId, id]): Change => ({kind: 'editAnnotation', inputId, id, metadata: {seen: 1}})),
    ...every(left, 200, 2).map(([inputId, id]): Change => ({kind: 'deleteAnnotations', inputId, ids: [id]})),
    {kind: 'deleteDataset', id: datasets[0] as string},
    {kind: 'addDataset', id: 'fresh', inputIds: every(inputs, 500, 9).filter((id) => !gone.has(id))},
    {kind: 'addDatasetVersion', datasetId: datasets[1] as string},
    {kind: 'editDataset', id: datasets[2] as string, description: 'seen'},
    {kind: 'addBulkOperation'},
    {kind: 'addConcept', id: 'new-concept'},
    {kind: 'deleteConcept', id: harness.truthKeys('concepts')[0] as string},
  ];
  harness.change(...changes);
  const full = await sync.run(['--full']);
  expect(full.code, full.stderr).toBe(0);
  expect(await allDiffering(harness)).toEqual({});
  const counts = documentOf(full).streams.find(({stream}) => stream === 'inputs');
  expect(counts).toMatchObject({inserted: 150, deleted: gone.size});
});
