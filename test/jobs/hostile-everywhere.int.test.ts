import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import pg from 'pg';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {closeStore, openStore} from '../../src/store/open.ts';
import {httpOn} from '../http/http-service.ts';
import {inputText, openRejects, putInput} from '../support/hostile-records.ts';
import {folderPlace, Lake} from '../support/lake.ts';
import {scratchDatabase, type ScratchDatabase} from '../support/postgres.ts';
import {syncHarness, type SyncHarness, type SyncResult} from '../support/sync-harness.ts';

const PRINTABLE = Array.from({length: 94}, (_, i) => String.fromCharCode(33 + i)).join('');
/** 255 bytes: 63 emoji of four bytes each, and three letters. */
const EMOJI = `${'\u{1f600}'.repeat(63)}end`;
const NESTED = `${'['.repeat(100)}7${']'.repeat(100)}`;

/** Texts that some program takes for orders. */
const ORDERS = [
  '=1+1',
  "=cmd|' /C calc'!A0",
  '+1',
  '-1',
  '@SUM(A1)',
  '\t=1',
  "'; drop table inputs; --",
  '$(reboot)',
  '`reboot`',
  '${jndi:ldap://h/a}',
  '{{7*7}}',
  '%s%n',
  '<script>document.title="taken"</script>',
  '"><img src=x onerror=alert(1)>',
  '\\.',
  '\\N',
  'a\tb\nc\r\nd\\n',
  '\u202eright to left',
  '\u2028',
];

/** Metadata of each odd input, as JSON text. */
const ODD: Record<string, string> = {
  prototypes: '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1}',
  nested: `{"n":${NESTED}}`,
  numbers: '{"big":9007199254740993,"long":0.1000000000000000055511151231257827,"exp":1E+400,"minus":-0}',
  twice: '{"a":1,"a":{"b":2},"a":3}',
  orders: JSON.stringify({texts: ORDERS}),
  [PRINTABLE]: '{"id":"printable"}',
  [EMOJI]: '{"id":"emoji"}',
  '../../../etc/passwd': '{"id":"path"}',
  '=HYPERLINK("h")': '{"id":"formula"}',
};

let harness: SyncHarness;
let replica: ScratchDatabase;
let folder: string;
let first: SyncResult;

const lakes = (): Lake[] => ['parquet', 'jsonl'].map((format) => new Lake(folderPlace(join(folder, format))));

beforeAll(async () => {
  harness = await syncHarness({
    inputs: 2,
    annotations: 2,
    datasets: 1,
    userId: '..o%2fbrien"=<b>1',
    appId: '=a%2f..&"<b>',
  });
  replica = await scratchDatabase();
  folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-hostile-'));
  harness.config = `source: {requests_per_second: 0}
streams: [apps, inputs, annotations, datasets, dataset_versions]
state: {url: "\${DATABASE_URL}", schema: clarifai}
sinks:
  - {name: copy, type: postgres, url: "${replica.url}", schema: copied}
  - {name: parquet, type: s3, url: "file://${folder}/parquet", format: parquet}
  - {name: jsonl, type: s3, url: "file://${folder}/jsonl", format: jsonl}
`;
  for (const [id, metadata] of Object.entries(ODD))
    putInput(harness, id, inputText(JSON.stringify(id), `{"metadata":${metadata}}`));
  first = await harness.sync();
});

afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await replica.drop();
  await rm(folder, {recursive: true, force: true});
});

/** `raw` as the store has it, by id: what every copy must have, to the letter. */
async function stored(): Promise<Map<string, string>> {
  const rows = await harness.query<{id: string; raw: string}>('select id, raw::text from clarifai.inputs');
  return new Map(rows.map(({id, raw}) => [id, raw]));
}

describe('of hostile records, of an app and a user with hostile names,', () => {
  test('none stops the run, and all are in the store', async () => {
    expect(first.code, first.said).toBe(0);
    expect(await openRejects(harness)).toEqual([]);
    expect([...(await stored()).keys()]).toEqual(expect.arrayContaining(Object.keys(ODD)));
    expect(await harness.differences(['annotations', 'datasets', 'dataset_versions'])).toEqual([]);
  });

  test('texts that look like orders are unchanged', async () => {
    const [row] = await harness.query<{texts: string[]}>(
      `select raw #> '{data,metadata,texts}' as texts from clarifai.inputs where id = 'orders'`,
    );
    expect(row?.texts).toEqual(ORDERS);
  });

  test('no digit of a number and no level of nesting is lost, and names of prototypes are names', async () => {
    const rows = await stored();
    expect(rows.get('numbers')).toContain('"big": 9007199254740993');
    expect(rows.get('numbers')).toContain('0.1000000000000000055511151231257827');
    expect(rows.get('numbers')).toContain(`1${'0'.repeat(400)}`);
    expect(rows.get('nested')).toContain(NESTED);
    expect(rows.get('twice')).toContain('"a": 3');
    expect(rows.get('prototypes')).toContain('"__proto__": {"polluted": true}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('each is the same in another Postgres', async () => {
    const client = new pg.Client({connectionString: replica.url});
    await client.connect();
    try {
      const {rows} = await client.query<{id: string; raw: string}>('select id, raw::text from copied.inputs');
      expect(new Map(rows.map(({id, raw}) => [id, raw]))).toEqual(await stored());
    } finally {
      await client.end();
    }
  });

  test.each(['parquet', 'jsonl'])('each is the same in objects of the format %s', async (format) => {
    const lake = lakes()[['parquet', 'jsonl'].indexOf(format)] as Lake;
    const {userId, appId} = harness.simulator;
    const scope = `user=${encodeURIComponent(userId)}/app=${encodeURIComponent(appId)}`;
    const found = new Map<string, unknown>();
    for (const {entries} of await lake.manifests('changes', scope)) {
      for (const entry of entries.filter(({stream}) => stream === 'inputs')) {
        for (const row of await lake.rows(entry)) found.set(String(row['id']), row['raw']);
      }
    }
    // The reader gives `raw` parsed; that no digit is lost shows in the text of the lines.
    expect(found).toEqual(new Map([...(await stored())].map(([id, raw]) => [id, JSON.parse(raw) as unknown])));
    if (format !== 'jsonl') return;
    const parts = (await lake.place.names()).filter((name) => name.startsWith('inputs/'));
    const texts = await Promise.all(parts.map(async (name) => gunzipSync(await lake.place.read(name)).toString()));
    expect(texts.join('')).toMatch(/9007199254740993\D/);
    expect(texts.join('')).toContain('0.1000000000000000055511151231257827');
  });

  test('none has made a file outside its folder or a key with a step up in it', async () => {
    for (const lake of lakes()) {
      const names = await lake.place.names();
      expect(names.length).toBeGreaterThan(4);
      for (const name of names) expect(name).toMatch(/^(_manifests|_latest|_owner\.json|[a-z_]+\/user=)/);
      expect(names.filter((name) => name.split('/').includes('..'))).toEqual([]);
    }
  });

  test('none is written again when nothing has changed', async () => {
    const next = await harness.sync({full: true});
    expect(next.code).toBe(0);
    expect([next.stream('inputs').updated, next.stream('inputs').deleted]).toEqual([0, 0]);
  });

  test('a name is only text on the status page and in its interface', async () => {
    const store = await openStore({
      connection: {url: harness.database.url},
      schema: 'clarifai',
      history: false,
      leaseMs: 15_000,
    });
    try {
      await using http = await httpOn(store);
      const runs = await http.ask('/api/runs');
      expect(runs.status).toBe(200);
      expect(runs.headers['content-type']).toMatch(/^application\/json/);
      expect(JSON.stringify(runs.json)).toContain(JSON.stringify(harness.simulator.userId).slice(1, -1));
      const page = await http.ask('/');
      expect(page.text).not.toContain(harness.simulator.userId);
      expect(page.headers['content-security-policy']).toMatch(/script-src 'self'/);
      const metrics = await http.ask('/metrics');
      expect(metrics.status).toBe(200);
      // A label's quotes and backslashes are escaped, and each line is one sample.
      for (const line of metrics.text.split('\n').filter((each) => each !== '' && !each.startsWith('#')))
        expect(line).toMatch(/^[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})? [-+\w.]+$/i);
    } finally {
      await closeStore(store);
    }
  });
});

describe('a record', () => {
  const LIMIT = 64 * 1024;

  /** An input of exactly so many bytes. */
  const ofBytes = (id: string, bytes: number): string => {
    const empty = inputText(`"${id}"`, '{"text":{"raw":""}}');
    return empty.replace('"raw":""', `"raw":"${'x'.repeat(bytes - Buffer.byteLength(empty))}"`);
  };

  test('of exactly the largest size is stored, and one of a byte more is rejected and listed', async () => {
    await using small = await syncHarness({inputs: 1, annotations: 0, datasets: 0}, 'run: {max_record_bytes: 64KiB}');
    putInput(small, 'fits', ofBytes('fits', LIMIT));
    putInput(small, 'beyond', ofBytes('beyond', LIMIT + 1));
    expect((await small.sync({stream: ['inputs']})).code).toBe(5);
    expect(await openRejects(small)).toEqual(['inputs rejected too_large beyond']);
    expect(await small.storedKeys('inputs')).toContain('fits');
  });

  test('of a million regions is rejected as too large, and the others on its page are stored', async () => {
    await using small = await syncHarness({inputs: 2, annotations: 3, datasets: 0});
    const [inputId] = small.truthKeys('inputs') as [string];
    const stamp = '2024-05-01T00:00:00Z';
    const regions = Array.from({length: 1_000_000}, (_, i) => `{"id":"${i}"}`).join(',');
    small.change({
      kind: 'setRaw',
      stream: 'annotations',
      key: [inputId, 'vast'],
      text: `{"id":"vast","input_id":"${inputId}","created_at":"${stamp}","modified_at":"${stamp}","data":{"regions":[${regions}]}}`,
    });
    expect((await small.sync({stream: ['annotations']})).code).toBe(5);
    expect(await openRejects(small)).toEqual([`annotations rejected too_large ${inputId}/vast`]);
    const others = small.truthKeys('annotations').filter((key) => !key.endsWith('/vast'));
    expect(await small.storedKeys('annotations')).toEqual(others);
  });
});
