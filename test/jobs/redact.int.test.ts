import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {gunzipSync} from 'node:zlib';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {expect, test} from 'vitest';
import {verify} from '../../src/cli/verify.ts';
import {folderPlace} from '../support/lake.ts';
import {scratchDatabase} from '../support/postgres.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const SECRET = 'planted-personal-data';
const REDACT = 'stream_options: {inputs: {redact: [data.metadata.secret]}}\n';

async function plant(harness: SyncHarness): Promise<string> {
  const [id] = harness.truthKeys('inputs') as [string];
  harness.change({kind: 'editInput', id, metadata: {secret: SECRET, open: 'kept'}});
  return id;
}

/** Tables of a database that hold the secret anywhere. */
async function holders(pool: {query: (text: string) => Promise<unknown>}, schema = 'clarifai'): Promise<string[]> {
  const rowsOf = async <Row>(text: string): Promise<Row[]> => {
    const found = (await pool.query(text)) as Row[] | {rows: Row[]};
    return Array.isArray(found) ? found : found.rows;
  };
  const tables = await rowsOf<{name: string}>(
    `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables where schemaname in ('${schema}', 'clarifai_sync')`,
  );
  const holding: string[] = [];
  for (const {name} of tables) {
    const [row] = await rowsOf<{n: string}>(
      `select count(*) as n from ${name} t where t::text like '%${SECRET}%' or t::text like '%${Buffer.from(SECRET).toString('hex')}%'`,
    );
    if (Number(row?.n) > 0) holding.push(name);
  }
  return holding;
}

test('a redacted place is stored nowhere, and what changes there is no change', async () => {
  await using harness = await syncHarness({}, `streams: [inputs]\n${REDACT}`);
  const id = await plant(harness);
  await harness.sync();
  expect(await holders(harness)).toEqual([]);
  const [row] = await harness.query<{metadata: unknown}>('select metadata from clarifai.inputs where id = $1', [id]);
  expect(row?.metadata).toEqual({open: 'kept'});
  const again = await harness.sync({full: true});
  expect(again.stream('inputs')).toMatchObject({updated: 0});
});

test('redacting later takes the place out of rows, history, replica, and with the next snapshot of the lake', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-redact-'));
  await using other = await scratchDatabase();
  const place = folderPlace(folder);
  const config =
    `state: {url: "\${DATABASE_URL}"}\nstreams: [inputs]\nsinks: [{name: copy, type: postgres, history: true, url: "${other.url}"}, ` +
    `{name: lake, type: s3, format: jsonl, url: "${place.url}"}]\n`;
  await using harness = await syncHarness({}, config);
  const replica = new pg.Pool({connectionString: other.url, max: 1});
  try {
    const id = await plant(harness);
    await harness.sync();
    harness.change({kind: 'editInput', id, metadata: {secret: SECRET, open: 'edited'}});
    await harness.sync({full: true});
    expect((await holders(harness)).sort()).toEqual(['clarifai.inputs', 'clarifai.inputs_history']);
    expect(await holders(replica)).toHaveLength(2);
    harness.config += REDACT;
    await harness.sync({snapshot: true});
    expect(await holders(harness)).toEqual([]);
    expect(await holders(replica)).toEqual([]);
    for (const name of await place.names()) {
      const bytes = await readFile(join(folder, name));
      expect((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).includes(SECRET), name).toBe(false);
    }
    const versions = await replica.query('select 1 from clarifai.inputs_history where id = $1', [id]);
    expect(versions.rows).toHaveLength(2);
    const checked = await harness.command((context) => verify(context, {full: true}));
    expect(checked.code, checked.out).toBe(0);
    expect((await harness.sync({full: true})).stream('inputs')).toMatchObject({updated: 0, inserted: 0});
  } finally {
    await replica.end();
    await rm(folder, {recursive: true});
  }
});

test('a change of an excluded place is no change, whenever it was excluded', async () => {
  await using harness = await syncHarness({}, 'streams: [inputs]\n');
  const id = await plant(harness);
  await harness.sync();
  harness.config += 'stream_options: {inputs: {exclude: [data.metadata, modified_at]}}\n';
  harness.change({kind: 'editInput', id, metadata: {secret: 'another', open: 'edited'}});
  expect((await harness.sync({full: true})).stream('inputs')).toMatchObject({updated: 0});
  const [row] = await harness.query<{secret: string}>(
    `select raw #>> '{data,metadata,secret}' as secret from clarifai.inputs where id = $1`,
    [id],
  );
  expect(row?.secret).toBe(SECRET);
});
