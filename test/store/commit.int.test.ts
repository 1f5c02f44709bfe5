import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {comparableInstant} from '../../src/core/instant.ts';
import {commitGroup} from '../../src/store/progress.ts';
import {completePass, openPass} from '../../src/store/passes.ts';
import {copyIn} from '../../src/store/copy-in.ts';
import type {Store} from '../../src/store/ledger.ts';
import {streamNamed} from '../../src/streams/catalogue.ts';
import {beginRunOf, pageOf, Stores, takeFirst} from '../support/stores.ts';

const INPUTS = streamNamed('inputs');
const CONCEPTS = streamNamed('concepts');

/** Commits groups of pages of records one after the other, as a reading outside of a pass does. */
async function committing(store: Store, name: 'inputs' | 'concepts') {
  const stream = streamNamed(name);
  const task = await takeFirst(store, await beginRunOf(store, [name]));
  return async (...pages: object[][]) =>
    commitGroup(
      store,
      task,
      stream,
      {pages: pages.map((records) => pageOf(stream, records)), signs: []},
      {kind: 'none'},
    );
}

const stored = async (store: Store, table: string, path: string) =>
  Object.fromEntries(
    (
      await store.database.query<{id: string; value: string}>(
        `select id, raw #>> '{${path}}' as value from clarifai.${table} order by id`,
      )
    ).map(({id, value}) => [id, value]),
  );

const input = (id: string, modified: string | undefined, n: number) => ({
  id,
  ...(modified === undefined ? {} : {modified_at: modified}),
  data: {metadata: {n}},
});

describe('a record', () => {
  test('that is older by its ninth digit never replaces a newer one', async () => {
    await using stores = await Stores.make();
    const store = await stores.open();
    const commit = await committing(store, 'inputs');
    await commit([input('a', '2024-05-01T00:00:00.000000002Z', 2)]);
    expect(await commit([input('a', '2024-05-01T00:00:00.000000001Z', 1)])).toMatchObject({updated: 0, unchanged: 1});
    // The same moments, an hour away from UTC.
    await commit([input('a', '2024-05-01T01:00:00.000000001+01:00', 1)]);
    expect(await stored(store, 'inputs', 'data,metadata,n')).toEqual({a: '2'});
    expect(await commit([input('a', '2024-05-01T01:00:00.000000002+01:00', 3)])).toMatchObject({updated: 1});
    expect(await commit([input('a', '2024-05-01T00:00:00.000000003Z', 4)])).toMatchObject({updated: 1});
    expect(await stored(store, 'inputs', 'data,metadata,n')).toEqual({a: '4'});
  });

  test('that does not say when it was changed is replaced by what was asked for later', async () => {
    await using stores = await Stores.make();
    const store = await stores.open();
    const commit = await committing(store, 'inputs');
    await commit([input('a', '2024-05-01T00:00:00Z', 1)]);
    await commit([input('a', undefined, 2)]);
    await commit([input('a', '2023-05-01T00:00:00Z', 3)]);
    await commit([input('a', 'soon', 4)]);
    expect(await stored(store, 'inputs', 'data,metadata,n')).toEqual({a: '4'});
    const named = await committingConcepts(stores);
    await named.commit([{id: 'c', name: 'one'}], [{id: 'c', name: 'two'}]);
    await named.commit([{id: 'c', name: 'three'}]);
    expect(await stored(store, 'concepts', 'name')).toEqual({c: 'three'});
  });

  test.each([false, true])(
    'that comes twice in a group counts as its newer version, whatever the order (empty table: %s)',
    async (isEmpty) => {
      await using stores = await Stores.make();
      const store = await stores.open();
      const task = await takeFirst(store, await beginRunOf(store, ['inputs']));
      const pass = await openPass(store, task, INPUTS, {parent: [], requestHash: 'h', sweepMs: 3_600_000});
      expect(pass.isEmpty).toBe(true);
      const records = [
        [
          input('up', '2024-05-01T00:00:00Z', 1),
          input('down', '2024-05-02T00:00:00Z', 2),
          input('same', '2024-05-01T00:00:00Z', 1),
        ],
        [
          input('up', '2024-05-02T00:00:00Z', 2),
          input('down', '2024-05-01T00:00:00Z', 1),
          input('same', '2024-05-01T00:00:00Z', 2),
        ],
      ];
      const position = isEmpty
        ? ({kind: 'pass', pass, listIndex: 0, cursor: null} as const)
        : ({kind: 'none'} as const);
      const counts = await commitGroup(
        store,
        task,
        INPUTS,
        {pages: records.map((each) => pageOf(INPUTS, each)), signs: []},
        position,
      );
      expect(counts).toMatchObject({read: 6, inserted: 3, unchanged: 3, rejected: 0});
      expect(await stored(store, 'inputs', 'data,metadata,n')).toEqual({down: '2', same: '2', up: '2'});
    },
  );

  test('that is refused by Postgres takes none of its group along, and leaves nothing behind, in an empty table too', async () => {
    await using stores = await Stores.make();
    const store = await stores.open();
    const task = await takeFirst(store, await beginRunOf(store, ['inputs']));
    const pass = await openPass(store, task, INPUTS, {parent: [], requestHash: 'h', sweepMs: 3_600_000});
    const bad = (id: string) => `{"id":"${id}","data":{"metadata":{"n":1e400000}}}`;
    const records = Array.from({length: 300}, (_, i) =>
      i % 3 === 0 ? bad(`bad-${i}`) : JSON.stringify(input(`good-${i}`, undefined, i)),
    );
    const group = {pages: [pageOf(INPUTS, records)], signs: []};
    const counts = await commitGroup(store, task, INPUTS, group, {kind: 'pass', pass, listIndex: 0, cursor: null});
    expect(counts).toMatchObject({read: 300, inserted: 200, rejected: 100, unchanged: 0});
    expect(
      await store.database.query(
        `select count(*)::int as n, count(distinct reason) ::int as reasons from clarifai_sync.rejects`,
      ),
    ).toEqual([{n: 100, reasons: 1}]);
    expect(await commitGroup(store, task, INPUTS, group, {kind: 'none'})).toMatchObject({
      inserted: 0,
      updated: 0,
      rejected: 100,
      unchanged: 200,
    });
  });

  test('that is rejected counts as seen by a pass where its key can be read, and holds it back where it cannot', async () => {
    await using stores = await Stores.make();
    const store = await stores.open();
    const task = await takeFirst(store, await beginRunOf(store, ['inputs']));
    const start = {parent: [], requestHash: 'h', sweepMs: 3_600_000};
    const read = async (...records: string[]) => {
      const pass = await openPass(store, task, INPUTS, start);
      const group = {pages: [pageOf(INPUTS, records)], signs: []};
      await commitGroup(store, task, INPUTS, group, {kind: 'pass', pass, listIndex: 0, cursor: null});
      return (await completePass(store, task, INPUTS, pass, 'h')).rows;
    };
    const deep = `{"id":"b","data":${'['.repeat(600)}${']'.repeat(600)}}`;
    const refused = '{"id":"c","data":{"metadata":{"n":1e400000}}}';
    await read('{"id":"a"}', '{"id":"b"}', '{"id":"c"}', '{"id":"d"}');
    expect(await read('{"id":"a"}', deep, refused, '{"name":"nameless"}'), 'any row may be the nameless one').toBe(0);
    expect(await read('{"id":"a"}', deep, refused), 'd alone').toBe(1);
  });

  test('that is unchanged but for key order, number spelling and volatile places is not written', async () => {
    await using stores = await Stores.make();
    const store = await stores.open();
    const task = await takeFirst(store, await beginRunOf(store, ['inputs']));
    const commit = async (text: string) =>
      commitGroup(store, task, INPUTS, {pages: [pageOf(INPUTS, [text])], signs: []}, {kind: 'none'});
    await commit('{"id":"a","data":{"image":{"url":"u","hosted":{"prefix":"1"}},"metadata":{"n":100}}}');
    const same = await commit('{"data":{"metadata":{"n":1e2},"image":{"hosted":{"prefix":"2"},"url":"u"}},"id":"a"}');
    expect(same).toMatchObject({updated: 0, unchanged: 1});
    expect(await commit('{"id":"a","data":{"image":{"url":"v"},"metadata":{"n":100}}}')).toMatchObject({updated: 1});
  });
});

/** The first task of a run of concepts, once the run before has let go of the scope. */
async function committingConcepts(stores: Stores) {
  const store = await stores.open();
  await store.database.query(`update clarifai_sync.runs set state = 'finished'`);
  return {commit: await committing(store, CONCEPTS.name as 'concepts')};
}

describe('times in SQL', () => {
  test('read as they do in the program, and never raise', async () => {
    await using stores = await Stores.make();
    const store = await stores.open();
    const two = fc.integer({min: 0, max: 99}).map((n) => String(n).padStart(2, '0'));
    const likely = (max: number) =>
      fc.oneof(
        {weight: 9, arbitrary: fc.integer({min: 0, max}).map((n) => String(n).padStart(2, '0'))},
        {weight: 1, arbitrary: two},
      );
    const year = fc.oneof(
      fc.constantFrom('0000', '0001', '9999', '2024', '2023', '1900', '2000', '10000', '20x4'),
      fc.integer({min: 1, max: 9999}).map((n) => String(n).padStart(4, '0')),
    );
    const zone = fc.oneof(
      fc.constantFrom('Z', 'z', '', '+0100', '-00:00'),
      fc.tuple(fc.constantFrom('+', '-'), likely(23), likely(59)).map(([s, h, m]) => `${s}${h}:${m}`),
    );
    const fraction = fc.oneof(
      fc.constant(''),
      fc.constant('.'),
      fc.bigInt({min: 0n, max: 10n ** 12n}).map((n) => `.${n}`),
    );
    const time = fc
      .tuple(
        year,
        likely(12),
        likely(31),
        fc.constantFrom('T', 't', ' '),
        likely(23),
        likely(59),
        likely(60),
        fraction,
        zone,
      )
      .map(([y, mo, d, t, h, mi, s, f, z]) => `${y}-${mo}-${d}${t}${h}:${mi}:${s}${f}${z}`);
    const texts = [
      ...fc.sample(time, {numRuns: 4_000, seed: 7}),
      '2024-02-29T00:00:00Z',
      '2023-02-29T00:00:00Z',
      '0001-01-01T00:00:00+00:01',
      '9999-12-31T23:59:59-00:01',
      'soon',
      '',
    ];
    const rows = await store.database.query<{text: string; instant: string | null}>(
      'select text, clarifai_sync.instant(text) as instant from unnest($1::text[]) text',
      [texts],
    );
    expect(rows.filter(({text, instant}) => instant !== comparableInstant(text))).toEqual([]);
    expect(rows.filter(({instant}) => instant !== null).length).toBeGreaterThan(500);
  });
});

test('COPY that is refused by its first line ends with what Postgres said, however much was still to be sent', async () => {
  await using stores = await Stores.make();
  const {database} = await stores.open();
  const client = await database.pool.connect();
  try {
    await client.query('create temp table numbers (n integer, text text)');
    const chunk = (...lines: string[]): Buffer => Buffer.from(lines.join(''));
    const lines = ['no number\tx\n', ...Array.from({length: 2_000}, (_, i) => `${i}\t${'x'.repeat(60)}\n`)];
    for (let i = 0; i < 25; i++) {
      await expect(
        copyIn(client, 'copy numbers from stdin', [chunk(...lines.slice(0, 1_000)), chunk(...lines.slice(1_000))]),
      ).rejects.toMatchObject({code: '22P02'});
      await copyIn(client, 'copy numbers from stdin', [chunk(...lines.slice(1, 3))]);
    }
    expect((await client.query('select count(*)::int as n from numbers')).rows).toEqual([{n: 50}]);
  } finally {
    client.release(true);
  }
});
