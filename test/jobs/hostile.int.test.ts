import {randomBytes} from 'node:crypto';
import {describe, expect, test} from 'vitest';
import {inputText, openRejects, putInput, writesSoFar} from '../support/hostile-records.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const SMALL = {inputs: 3, annotations: 3, datasets: 1};
const NUL = '\\u0000';
const HALF = '\\ud83d';
const STREAMS = ['inputs', 'annotations', 'datasets', 'dataset_versions', 'bulk_operations', 'concepts'];
const INPUTS = {stream: ['inputs']};
/** Two of them go into one commit of a first reading, five into one of any other. */
const PAGES_OF_TWO = 'source: {page_size: 2, requests_per_second: 0}\n';

async function input(harness: SyncHarness, id: string): Promise<Record<string, unknown> | undefined> {
  const rows = await harness.query<Record<string, unknown>>(
    `select *, raw::text as text from clarifai.inputs where id = $1 and _sync_deleted_at is null`,
    [id],
  );
  return rows[0];
}

describe('what jsonb cannot hold in a record', () => {
  test('is repaired and listed once; the run succeeds, and later ones write nothing', async () => {
    await using harness = await syncHarness(SMALL);
    putInput(
      harness,
      'bad',
      inputText(
        '"bad"',
        `{"metadata":{"a${NUL}b":"x${NUL}","half":"${HALF}!","whole":"\\ud83d\\ude00","back":"\\\\u0000"}}`,
      ),
    );
    putInput(
      harness,
      'bytes',
      Buffer.concat([
        Buffer.from('{"id":"bytes","data":{"text":{"raw":"'),
        Buffer.from([0xff, 0x41]),
        Buffer.from('"}}}'),
      ]),
    );
    const first = await harness.sync();
    expect([first.code, first.document.outcome]).toEqual([0, 'succeeded']);
    expect(first.stream('inputs')).toMatchObject({inserted: 5, repaired: 2, rejected: 0});
    expect((await input(harness, 'bad'))?.['raw']).toMatchObject({
      data: {metadata: {'a\ufffdb': 'x\ufffd', half: '\ufffd!', whole: '\u{1f600}', back: '\\u0000'}},
    });
    expect((await input(harness, 'bytes'))?.['text_raw']).toBe('\ufffdA');
    const listed = ['inputs repaired invalid_utf8 bytes', 'inputs repaired nul_or_surrogate bad'];
    expect(await openRejects(harness)).toEqual(listed);

    const before = await writesSoFar(harness, STREAMS);
    const again = await harness.sync({full: true});
    expect([again.code, again.stream('inputs').updated]).toEqual([0, 0]);
    expect(await writesSoFar(harness, STREAMS)).toEqual(before);
    expect(await openRejects(harness)).toEqual(listed);

    putInput(harness, 'bad', inputText('"bad"', '{"metadata":{"a":"well"}}'));
    await harness.sync({full: true});
    expect(await openRejects(harness)).toEqual(['inputs repaired invalid_utf8 bytes']);
  });

  test('in its key is repaired, never asked for, and a deletion that only asking could prove stays unproved', async () => {
    await using harness = await syncHarness(SMALL);
    putInput(harness, 'k\u0000', inputText(`"k${NUL}"`));
    putInput(harness, 'h\ud83d', inputText(`"h${HALF}"`));
    harness.change({
      kind: 'setRaw',
      stream: 'datasets',
      key: ['d\u0000'],
      text: `{"id":"d${NUL}","created_at":"2024-05-01T00:00:00Z"}`,
    });
    const first = await harness.sync();
    expect([first.code, first.document.outcome]).toEqual([0, 'succeeded']);
    expect(await harness.storedKeys('inputs')).toEqual(expect.arrayContaining(['k\ufffd', 'h\ufffd']));
    expect(await openRejects(harness)).toEqual([
      'datasets repaired nul_or_surrogate d\ufffd',
      'inputs repaired nul_or_surrogate h\ufffd',
      'inputs repaired nul_or_surrogate k\ufffd',
    ]);
    harness.change({kind: 'deleteInputs', ids: ['k\u0000']});
    const full = await harness.sync({full: true});
    expect(full.code).toBe(0);
    expect(await harness.storedKeys('inputs')).toContain('k\ufffd');
    expect(
      await harness.query(
        `select unproved::int from clarifai_sync.stream_runs where run_id = $1 and stream = 'inputs'`,
        [full.document.run_id],
      ),
    ).toEqual([{unproved: 1}]);
    expect(harness.requests().filter((request) => /%EF%BF%BD|%00/.test(request))).toEqual([]);
  });
});

describe('records whose keys collide after repair', () => {
  test('within a page are all rejected, each listed, and stored once they are told apart', async () => {
    await using harness = await syncHarness(SMALL);
    putInput(harness, 'x\u0000', inputText(`"x${NUL}"`));
    putInput(harness, 'x\ufffd', inputText('"x\ufffd"'));
    const first = await harness.sync();
    expect([first.code, first.document.outcome]).toEqual([5, 'partial']);
    expect(await input(harness, 'x\ufffd')).toBeUndefined();
    expect(await openRejects(harness)).toEqual(Array(2).fill('inputs rejected key_collision x\ufffd'));
    const again = await harness.sync({full: true});
    expect([again.code, await openRejects(harness)]).toEqual([
      0,
      Array(2).fill('inputs rejected key_collision x\ufffd'),
    ]);
    harness.change({kind: 'deleteInputs', ids: ['x\u0000']});
    expect((await harness.sync({full: true})).code).toBe(0);
    expect((await input(harness, 'x\ufffd'))?.['raw']).toMatchObject({id: 'x\ufffd'});
    expect(await openRejects(harness)).toEqual([]);
  });

  test.each([
    // A first reading commits two pages at once: four records, of which these are the first and the last.
    ['on pages of one commit', 1, 2],
    ['in commits of one run', 0, 14],
  ])('%s are rejected, not merged', async (_, before, between) => {
    await using harness = await syncHarness(SMALL);
    harness.config = PAGES_OF_TWO;
    for (let i = 0; i < before; i++) putInput(harness, `before-${i}`, inputText(`"before-${i}"`));
    putInput(harness, 'x\u0000', inputText(`"x${NUL}"`, '{"metadata":{"who":"nul"}}'));
    for (let i = 0; i < between; i++) putInput(harness, `between-${i}`, inputText(`"between-${i}"`));
    putInput(harness, 'x\ufffd', inputText('"x\ufffd"', '{"metadata":{"who":"plain"}}'));
    const first = await harness.sync();
    expect(first.code).toBe(5);
    const row = await input(harness, 'x\ufffd');
    expect(row?.['metadata']).toEqual(between < 10 ? undefined : {who: 'nul'});
    expect(await openRejects(harness)).toContain('inputs rejected key_collision x\ufffd');
    const again = await harness.sync({full: true});
    expect(again.code).toBe(0);
    // A tail that begins between the two has met one of them alone by now, and may keep it; the other stays rejected.
    expect((await input(harness, 'x\ufffd'))?.['metadata']).toEqual({who: between < 10 ? 'plain' : 'nul'});
    expect((await openRejects(harness)).filter((line) => line.includes('key_collision'))).toHaveLength(1);
  });

  test('in different runs are rejected, not merged; the row goes with its own record alone', async () => {
    await using harness = await syncHarness(SMALL);
    harness.config = PAGES_OF_TWO;
    putInput(harness, 'x\ufffd', inputText('"x\ufffd"', '{"metadata":{"who":"plain"}}'));
    expect((await harness.sync(INPUTS)).code).toBe(0);
    for (let i = 0; i < 6; i++) putInput(harness, `between-${i}`, inputText(`"between-${i}"`));
    putInput(harness, 'x\u0000', inputText(`"x${NUL}"`, '{"metadata":{"who":"nul"}}'));
    expect((await harness.sync(INPUTS)).code).toBe(5);
    expect((await input(harness, 'x\ufffd'))?.['metadata']).toEqual({who: 'plain'});
    expect(await openRejects(harness)).toEqual(['inputs rejected key_collision x\ufffd']);
    expect((await harness.sync({...INPUTS, full: true})).code).toBe(0);

    // The record that has the row is gone: what collided with it does not keep it alive, and may take its place.
    harness.change({kind: 'deleteInputs', ids: ['x\ufffd']});
    const gone = await harness.sync({...INPUTS, full: true});
    expect([gone.code, gone.stream('inputs').deleted]).toEqual([0, 1]);
    expect((await harness.sync({...INPUTS, full: true})).code).toBe(0);
    expect((await input(harness, 'x\ufffd'))?.['metadata']).toEqual({who: 'nul'});
    expect(await openRejects(harness)).toEqual(['inputs repaired nul_or_surrogate x\ufffd']);
  });
});

describe('a record that cannot be stored', () => {
  const BAD: Record<string, [reason: string, text: string]> = {
    number: ['store_refused', inputText('"number"', '{"metadata":{"n":1e400000}}')],
    broken: ['store_refused', inputText('"broken"', '{"metadata":{"n":tru}}')],
    large: ['too_large', inputText('"large"', `{"text":{"raw":"${'x'.repeat(70_000)}"}}`)],
    deep: ['too_deep', inputText('"deep"', '{"metadata":' + '['.repeat(600) + ']'.repeat(600) + '}')],
  };

  test('is rejected and listed; the others on its page are stored; once it is known it is a warning', async () => {
    await using harness = await syncHarness(SMALL, 'run: {max_record_bytes: 64KiB}');
    // Too long for an index entry, and nothing that could be packed to fit one.
    const long = randomBytes(1_500).toString('hex');
    for (const [id, [, text]] of Object.entries(BAD)) putInput(harness, id, text);
    putInput(harness, long, inputText(JSON.stringify(long)));
    const first = await harness.sync();
    expect([first.code, first.document.outcome]).toEqual([5, 'partial']);
    expect(first.stream('inputs')).toMatchObject({read: 8, inserted: 3, rejected: 5});
    const listed = [
      ...Object.entries(BAD).map(([id, [reason]]) => `inputs rejected ${reason} ${id}`),
      `inputs rejected store_refused ${long}`,
    ].sort();
    expect(await openRejects(harness)).toEqual(listed);
    const before = await writesSoFar(harness, STREAMS);
    const again = await harness.sync({full: true});
    expect([again.code, again.document.outcome, await openRejects(harness)]).toEqual([0, 'succeeded', listed]);
    expect(await writesSoFar(harness, STREAMS)).toEqual(before);

    putInput(harness, 'deep', inputText('"deep"'));
    harness.change({kind: 'deleteInputs', ids: ['large']});
    await harness.sync({full: true});
    expect(await openRejects(harness)).toEqual(listed.filter((line) => !/deep$|large$/.test(line)));
    expect(await input(harness, 'deep')).toBeDefined();

    putInput(harness, 'deep', BAD['deep']?.[1] ?? '');
    expect((await harness.sync({full: true})).code, 'bad again is newly rejected').toBe(5);
    expect(await input(harness, 'deep'), 'its old row stays alive').toBeDefined();
  });

  test('and has no key withholds deletions of its stream until it is gone', async () => {
    await using harness = await syncHarness(SMALL);
    await harness.sync();
    const [victim] = harness.truthKeys('inputs') as [string];
    const nameless = (signature: string): string => `{"data":{"image":{"url":"u","hosted":{"prefix":"${signature}"}}}}`;
    putInput(harness, 'nameless', nameless('1'));
    harness.change({kind: 'deleteInputs', ids: [victim]});
    const withheld = await harness.sync({full: true});
    expect([withheld.code, withheld.stream('inputs').deleted]).toEqual([5, 0]);
    expect(await harness.storedKeys('inputs')).toContain(victim);
    // Its signed address is another one each time; it is the same record for all that.
    putInput(harness, 'nameless', nameless('2'));
    expect((await harness.sync({full: true})).code).toBe(0);
    expect(await openRejects(harness)).toEqual(['inputs rejected key_missing -']);
    harness.change({kind: 'deleteInputs', ids: ['nameless']});
    const goesOn = await harness.sync({full: true});
    expect([goesOn.code, goesOn.stream('inputs').deleted]).toEqual([0, 1]);
    expect(await openRejects(harness)).toEqual([]);
  });

  test('below a parent is listed, and resolved when it is gone or its parent is', async () => {
    await using harness = await syncHarness({inputs: 3, annotations: 3, datasets: 2});
    const [one, two] = harness.truthKeys('datasets') as [string, string];
    const text = '{"description":"nameless"}';
    harness.change(
      {kind: 'setRaw', stream: 'dataset_versions', key: [one, 'n1'], text},
      {kind: 'setRaw', stream: 'dataset_versions', key: [two, 'n2'], text: '{"description":"another"}'},
      {
        kind: 'setRaw',
        stream: 'dataset_versions',
        key: [two, 'n3'],
        text: '{"id":"n3","metrics":{"/":{"inputs_count":"9007199254740993"}},"metadata":{"n":1e400000}}',
      },
    );
    const first = await harness.sync();
    expect([first.code, first.stream('dataset_versions').rejected]).toEqual([5, 3]);
    harness.change({kind: 'deleteDatasetVersion', datasetId: one, id: 'n1'}, {kind: 'deleteDataset', id: two});
    expect((await harness.sync({full: true})).code).toBe(0);
    expect(await openRejects(harness)).toEqual([]);
  });
});

describe('odd but good records', () => {
  test('are stored exactly: long numbers, digits of floats, nesting, names of prototypes, duplicate members', async () => {
    await using harness = await syncHarness(SMALL);
    const nested = '['.repeat(100) + '7' + ']'.repeat(100);
    const metadata =
      `{"big":9007199254740993,"float":1.10,"tiny":1e-30,"nested":${nested},"__proto__":{"x":1},"constructor":{"prototype":1},` +
      '"hasOwnProperty":2,"twice":1,"twice":2,"formula":"=1+1","sql":"\'; drop table x; --"}';
    putInput(harness, 'odd', inputText('"odd"', `{"metadata":${metadata}}`, ',"__proto__":{"id":"other"}'));
    harness.change({
      kind: 'setRaw',
      stream: 'bulk_operations',
      key: ['bulk'],
      text: '{"id":"bulk","progress":{"processed":"9223372036854775807"},"last_modified_at":"2024-05-01T00:00:00.123456789Z"}',
    });
    expect((await harness.sync()).code).toBe(0);
    const row = await input(harness, 'odd');
    expect(row?.['text']).toContain('"big": 9007199254740993');
    expect(row?.['text']).toContain('"float": 1.10');
    expect(row?.['text']).toContain(nested);
    expect(row?.['text']).toContain('"__proto__": {"id": "other"}');
    expect(row?.['text']).toContain('"twice": 2');
    expect(
      await harness.query(
        `select processed::text, modified_at::text like '%.123456%' as exact from clarifai.bulk_operations where id = 'bulk'`,
      ),
    ).toEqual([{processed: '9223372036854775807', exact: true}]);
    expect(await openRejects(harness)).toEqual([]);
    const again = await harness.sync({full: true});
    expect([again.stream('inputs').updated, again.stream('bulk_operations').updated]).toEqual([0, 0]);
  });

  test('with what a column cannot hold have null there, and are listed', async () => {
    await using harness = await syncHarness(SMALL);
    const dates = {
      'year-0': '0000-01-01T00:00:00Z',
      'year-300000': '+300000-01-01T00:00:00Z',
      february: '2024-02-31T00:00:00+01:00',
      text: 'soon',
    };
    for (const [id, date] of Object.entries(dates)) {
      putInput(
        harness,
        id,
        `{"id":"${id}","modified_at":"${date}","created_at":"2024-05-01T00:00:00Z","status":{"code":30000}}`,
      );
    }
    putInput(harness, 'code', '{"id":"code","status":{"code":2147483648}}');
    harness.change({
      kind: 'setRaw',
      stream: 'bulk_operations',
      key: ['bulk'],
      text: '{"id":"bulk","progress":{"processed":"9223372036854775808"}}',
    });
    const first = await harness.sync();
    expect([first.code, first.document.outcome]).toEqual([0, 'succeeded']);
    const listed = [...Object.keys(dates), 'code'].map((id) => `inputs repaired column_unreadable ${id}`);
    expect(await openRejects(harness)).toEqual([...listed, 'bulk_operations repaired column_unreadable bulk'].sort());
    expect(
      await harness.query(
        `select id from clarifai.inputs where id = any ($1) and modified_at is null and created_at is not null order by id`,
        [Object.keys(dates)],
      ),
    ).toHaveLength(4);
    // Such a time says nothing of which is newer: the later answer counts, however often.
    for (const metadata of ['{"n":1}', '{"n":2}']) {
      putInput(
        harness,
        'february',
        `{"id":"february","modified_at":"2024-02-31T00:00:00+01:00","data":{"metadata":${metadata}}}`,
      );
      expect((await harness.sync({full: true})).code).toBe(0);
      expect((await input(harness, 'february'))?.['metadata']).toEqual(JSON.parse(metadata));
    }
  });

  test('are asked for by ids of any characters, and found gone by them', async () => {
    await using harness = await syncHarness(SMALL);
    const printable = Array.from({length: 94}, (_, i) => String.fromCharCode(33 + i)).join('');
    const ids = [
      '.',
      '..',
      '../..',
      'a/b',
      '%2e%2e',
      '%',
      'a?b#c&d=e',
      ' ',
      printable,
      '\u{1f600}'.repeat(63),
      'ünï\u0301',
    ];
    for (const id of ids) {
      putInput(harness, id, inputText(JSON.stringify(id)));
      harness.change({kind: 'addDataset', id}, {kind: 'addDatasetVersion', datasetId: id, id: `v${id}`});
      harness.change({kind: 'addConcept', id});
    }
    expect((await harness.sync()).code).toBe(0);
    expect(await harness.differences()).toEqual([]);
    const keep = ids.slice(0, 2);
    harness.change(
      {kind: 'deleteInputs', ids: ids.filter((id) => !keep.includes(id))},
      ...ids
        .filter((id) => !keep.includes(id))
        .flatMap((id) => [{kind: 'deleteDataset', id} as const, {kind: 'deleteConcept', id} as const]),
    );
    expect((await harness.sync({full: true})).code).toBe(0);
    harness.change(
      ...keep.flatMap((id) => [
        {kind: 'deleteDatasetVersion', datasetId: id, id: `v${id}`} as const,
        {kind: 'deleteConcept', id} as const,
      ]),
      {kind: 'deleteInputs', ids: keep},
    );
    expect((await harness.sync({full: true})).code).toBe(0);
    expect(await harness.differences()).toEqual([]);
  });

  test('of thousands of regions are stored as any other', async () => {
    await using harness = await syncHarness(SMALL);
    const [inputId] = harness.truthKeys('inputs') as [string];
    const regions = Array.from({length: 5_000}, (_, i) => `{"id":"r${i}","value":0.${i + 1}}`).join(',');
    harness.change({
      kind: 'setRaw',
      stream: 'annotations',
      key: [inputId, 'wide'],
      text: `{"id":"wide","input_id":"${inputId}","created_at":"2024-05-01T00:00:00Z","modified_at":"2024-05-01T00:00:00Z","data":{"regions":[${regions}]}}`,
    });
    expect((await harness.sync()).code).toBe(0);
    expect(
      await harness.query(
        `select jsonb_array_length(raw #> '{data,regions}') as n from clarifai.annotations where id = 'wide'`,
      ),
    ).toEqual([{n: 5_000}]);
  });
});

describe('annotations in the search', () => {
  test.each(['full', 'bare'] as const)(
    'that name inputs or themselves by what cannot be asked for stop nothing (%s hits)',
    async (searchHits) => {
      await using harness = await syncHarness({...SMALL, settings: {searchHits}});
      const [inputId] = harness.truthKeys('inputs') as [string];
      await harness.sync();
      const [id, named] = [`odd${HALF}${NUL}`, `no${HALF}input${NUL}`];
      const now = new Date().toISOString();
      harness.change(
        {kind: 'addAnnotations', inputId, count: 1, inputLevel: true},
        {
          kind: 'setRaw',
          stream: 'annotations',
          key: [inputId, JSON.parse(`"${id}"`) as string],
          text: `{"id":"${id}","input_id":"${named}","input_level":true,"created_at":"${now}","modified_at":"${now}","data":{}}`,
        },
      );
      harness.forgetRequests();
      const next = await harness.sync();
      expect([next.code, next.document.outcome]).toEqual([0, 'succeeded']);
      expect(harness.requests().some((request) => request.includes('/annotations/searches'))).toBe(true);
      expect(await harness.query(`select input_id from clarifai.annotations where id = 'odd\ufffd\ufffd'`)).toEqual([
        {input_id: 'no\ufffdinput\ufffd'},
      ]);
    },
  );
});
