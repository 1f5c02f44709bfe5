import {execFile} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:https';
import {once} from 'node:events';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {gunzipSync} from 'node:zlib';
import {Redis} from 'ioredis';
import pg from 'pg';
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import {bucketPlace} from '../support/lake.ts';
import {leaksIn, PLANTED, withPassword} from '../support/planted.ts';
import {scratchDatabase, type ScratchDatabase} from '../support/postgres.ts';
import {runCli, startCli, type Ended} from '../support/process.ts';
import {receiver} from '../support/receiver.ts';
import {startRedis, type TestRedis} from '../support/redis.ts';
import {startFauxS3, type TestS3} from '../support/s3.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';
import {until} from '../support/until.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 180_000, hookTimeout: 180_000});

const run = promisify(execFile);

let harness: SyncHarness;
let replica: ScratchDatabase;
let redis: TestRedis;
let s3: TestS3;
let hook: Awaited<ReturnType<typeof receiver>>;
let bucket: string;
let folder: string;
let env: Record<string, string>;

/** What a service showed and left behind. */
const shown = {log: '', commandLines: '', pages: new Map<string, string>()};

const config = (): string => `
source: {requests_per_second: 0}
streams: [inputs, concepts, datasets]
state: {url: "\${DATABASE_URL}"}
queue: {url: "\${REDIS_URL}"}
sinks:
  - {name: copy, type: postgres, url: "\${REPLICA_URL}", schema: copied}
  - {name: lake, type: s3, url: "s3://${bucket}/lake", format: jsonl, region: us-east-1, endpoint: "\${S3_ENDPOINT}", force_path_style: true, access_key_id: "\${S3_KEY}", secret_access_key: "\${S3_SECRET}"}
http: {port: 0, token: "\${HTTP_TOKEN}"}
notify: {webhook: "\${WEBHOOK}", secret: "\${WEBHOOK_SECRET}", on: [failed, partial, recovered]}
`;

const cli = async (args: readonly string[], more: Record<string, string> = {}): Promise<Ended> =>
  await runCli(['--config', join(folder, 'clarifai-sync.yaml'), '--log-level', 'trace', ...args], {
    cwd: folder,
    env: {...env, ...more},
  });

beforeAll(async () => {
  const app = {inputs: 5, annotations: 0, datasets: 1, concepts: 3, pat: PLANTED.pat};
  // An empty one: its tables are to be in the schema of the first sink.
  harness = await syncHarness(app, '', await scratchDatabase());
  [replica, redis, s3, hook, folder] = await Promise.all([
    scratchDatabase(),
    startRedis({password: PLANTED.redis}),
    startFauxS3(),
    receiver(),
    mkdtemp(join(tmpdir(), 'clarifai-sync-secrets-')),
  ]);
  bucket = await s3.bucket();
  await writeFile(join(folder, 'clarifai-sync.yaml'), config());
  env = {
    ...harness.env,
    DATABASE_URL: withPassword(harness.database.url, PLANTED.database),
    REPLICA_URL: withPassword(replica.url, PLANTED.replica),
    REDIS_URL: redis.url,
    S3_ENDPOINT: s3.endpoint,
    S3_KEY: PLANTED.s3Key,
    S3_SECRET: PLANTED.s3Secret,
    HTTP_TOKEN: PLANTED.token,
    WEBHOOK: `${hook.url}/${PLANTED.webhook}`,
    WEBHOOK_SECRET: PLANTED.webhookSecret,
  };
  // The API itself says the credential back, in the texts that are kept of a failure.
  const echo = `the key ${PLANTED.pat} is unknown`;
  harness.simulator.faults.add({
    kind: 'status',
    http: 400,
    code: 11102,
    description: echo,
    details: echo,
    match: '/concepts',
  });
  await serve();
});

afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
  await hook[Symbol.asyncDispose]();
  await harness[Symbol.asyncDispose]();
  await replica.drop();
  await rm(folder, {recursive: true, force: true});
});

/** One run of the service at its most talkative, looked at from all sides. */
async function serve(): Promise<void> {
  const args = ['--config', join(folder, 'clarifai-sync.yaml'), '--log-level', 'trace', 'start'];
  await using service = startCli(args, {cwd: folder, env});
  const [, url = ''] = await service.said(/"url":"(http:[^"]+)"/, 'stderr');
  const authorization = `Bearer ${PLANTED.token}`;
  const headers = {authorization, 'content-type': 'application/json'};
  const {userId, appId} = harness.simulator;
  const body = JSON.stringify({user_id: userId, app_id: appId, mode: 'full'});
  const asked = await fetch(`${url}/api/runs`, {method: 'POST', headers, body});
  const {run_id: runId} = (await asked.json()) as {run_id: string};
  await until('the run ended', async () => {
    const answer = await fetch(`${url}/api/runs/${runId}`, {headers});
    const {outcome} = (await answer.json()) as {outcome?: string | null};
    return answer.ok && typeof outcome === 'string' ? outcome : undefined;
  });
  await until('the webhook was told', () => Promise.resolve(hook.received.length > 0 ? true : undefined));
  for (const path of ['/', '/metrics', '/api/runs', `/api/runs/${runId}`, '/api/streams', '/livez', '/readyz']) {
    shown.pages.set(path, await (await fetch(`${url}${path}`, {headers})).text());
  }
  const refused = {authorization: `${authorization}-wrong`};
  shown.pages.set('/ refused', await (await fetch(url, {headers: refused})).text());
  shown.commandLines = (await run('ps', ['-ww', '-eo', 'pid,ppid,args'])).stdout;
  service.kill('SIGTERM');
  const ended = await service.ended;
  expect(ended.code, ended.stderr).toBe(0);
  shown.log = ended.stdout + ended.stderr;
}

describe('of the secrets that a service was given', () => {
  test('none is in its log at the level trace', () => {
    expect(shown.log.length).toBeGreaterThan(1_000);
    expect(leaksIn(shown.log)).toEqual([]);
  });

  test('none is on its pages, in its interface or in its metrics', () => {
    for (const [path, text] of shown.pages) expect([path, leaksIn(text)]).toEqual([path, []]);
    expect(shown.pages.get('/api/runs'), 'what the API said back has come through').toContain('[redacted]');
  });

  test('none is in the command line of it or of what it starts', () => {
    const ours = shown.commandLines.split('\n').filter((line) => !line.includes('redis-server'));
    expect(leaksIn(ours.join('\n'))).toEqual([]);
  });

  test('none is in any table of the store or of the copy', async () => {
    for (const url of [harness.database.url, replica.url]) {
      const tables = await textsOfTables(url);
      expect(tables.size).toBeGreaterThan(2);
      for (const [table, text] of tables) expect([table, leaksIn(text)]).toEqual([table, []]);
    }
  });

  test('none is in the queue', async () => {
    const client = new Redis(redis.url);
    try {
      const keys = await client.keys('*');
      expect(keys.length).toBeGreaterThan(0);
      const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
      expect(leaksIn([...keys, ...dumps.map(String)].join('\n'))).toEqual([]);
    } finally {
      client.disconnect();
    }
  });

  test('none is in the objects of the lake or in their names', async () => {
    const place = bucketPlace(s3, bucket, 'lake');
    const names = await place.names();
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      const bytes = await place.read(name);
      const text = name.endsWith('.gz') ? gunzipSync(bytes).toString() : bytes.toString();
      expect([name, leaksIn(`${name}\n${text}`)]).toEqual([name, []]);
    }
  });

  test('none is in a message to the webhook', () => {
    expect(leaksIn(JSON.stringify(hook.received.map(({headers, body}) => [headers, body])))).toEqual([]);
  });
});

/** All that each table of a database holds, as text. */
async function textsOfTables(url: string): Promise<Map<string, string>> {
  const client = new pg.Client({connectionString: url});
  await client.connect();
  try {
    const {rows} = await client.query<{name: string}>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const texts = new Map<string, string>();
    for (const {name} of rows) {
      const answer = await client.query<{text: string | null}>(
        `select string_agg(t::text, E'\\n') as text from ${name} t`,
      );
      texts.set(name, answer.rows[0]?.text ?? '');
    }
    return texts;
  } finally {
    await client.end();
  }
}

const NOWHERE = '127.0.0.1:1';

describe.concurrent('a command that fails shows no secret, at the level trace:', () => {
  const CASES: readonly [what: string, args: readonly string[], env: () => Record<string, string>, code: number][] = [
    ['a sync that is refused in part', ['sync', '--json'], () => ({}), 5],
    ['a sync without an API', ['sync'], () => ({CLARIFAI_API_BASE: `http://${NOWHERE}`}), 75],
    ['a sync without a store', ['sync'], () => ({DATABASE_URL: at('postgresql://someone', PLANTED.database)}), 4],
    ['a sync without a queue', ['sync'], () => ({REDIS_URL: at('redis://', PLANTED.redis)}), 4],
    ['a service without a queue', ['start'], () => ({REDIS_URL: at('redis://', PLANTED.redis)}), 4],
    // The API refuses one of the streams, which counts before the rest.
    ['a check when the API alone answers', ['check'], onlyTheApi, 1],
    ['a check with another credential', ['check'], () => ({CLARIFAI_PAT: `${PLANTED.pat}-other`}), 3],
    ['an export to nowhere', ['export', '--to', 's3://nowhere/at/all'], () => ({S3_ENDPOINT: `http://${NOWHERE}`}), 4],
    ['a URL that cannot be read', ['status'], () => ({DATABASE_URL: `postgresql://a:${PLANTED.database}@[/x`}), 2],
    ['a queue URL of another kind', ['status'], () => ({REDIS_URL: `http://:${PLANTED.redis}@h/`}), 2],
    ['a token with a line break', ['sync'], () => ({CLARIFAI_PAT: `${PLANTED.pat}\nx`}), 2],
    ['a token that is too short', ['start', '--roles', 'http'], () => ({HTTP_TOKEN: PLANTED.token.slice(0, 12)}), 2],
  ];

  test.each(CASES)('%s', async (_, args, more, code) => {
    const ended = await cli(args, more());
    expect([ended.code, leaksIn(ended.stdout + ended.stderr)], ended.stderr).toEqual([code, []]);
  });
});

const at = (scheme: string, password: string): string => `${scheme}:${encodeURIComponent(password)}@${NOWHERE}/0`;

const onlyTheApi = (): Record<string, string> => ({
  DATABASE_URL: at('postgresql://someone', PLANTED.database),
  REPLICA_URL: at('postgresql://someone', PLANTED.replica),
  REDIS_URL: at('redis://', PLANTED.redis),
  S3_ENDPOINT: `http://${NOWHERE}`,
});

describe('a server whose certificate nobody vouches for', () => {
  test('is not spoken to, and never gets the credential', async () => {
    const [key, cert] = await selfSigned();
    const heard: string[] = [];
    const server = createServer({key, cert}, (request, response) => {
      heard.push(JSON.stringify(request.headers));
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const {port} = server.address() as AddressInfo;
      const ended = await cli(['sync'], {CLARIFAI_API_BASE: `https://127.0.0.1:${port}`});
      expect([ended.code, heard], ended.stderr).toEqual([75, []]);
      expect(ended.stderr).toMatch(/self-signed certificate/);
    } finally {
      server.close();
    }
  });
});

async function selfSigned(): Promise<readonly [key: string, cert: string]> {
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const out = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', '-', '-out', '-'];
  const {stdout} = await run('openssl', [...args, ...out]);
  const at = stdout.indexOf('-----BEGIN CERTIFICATE');
  return [stdout.slice(0, at), stdout.slice(at)];
}
