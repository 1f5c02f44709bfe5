import {createServer} from 'node:net';
import {once} from 'node:events';
import type {FastifyInstance} from 'fastify';
import {expect, test} from 'vitest';
import {UsageError} from '../../src/core/errors.ts';
import {mountBoard} from '../../src/http/board.ts';
import {HttpListenError} from '../../src/http/errors.ts';
import type {HttpParts} from '../../src/http/server.ts';
import type {AskedRun} from '../../src/workers/ask-now.ts';
import {finish} from '../../src/jobs/finish.ts';
import {endEarly} from '../../src/store/runs.ts';
import {askForRun} from '../../src/store/pending-runs.ts';
import {beginRunOf, SCOPE, Stores} from '../support/stores.ts';
import {httpOn} from './http-service.ts';

const TOKEN = 'a-token-of-some-length';
const WITH_TOKEN = {config: {host: '127.0.0.1', port: 0, token: TOKEN}};
const JSON_TYPE = {'content-type': 'application/json'};
/** A store that must not be asked. */
const NO_STORE = {database: undefined as never};

const basic = (password: string): string => `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;

test('with a token the page and the interface need it, as Bearer or as the password of Basic', async () => {
  await using stores = await Stores.make();
  await using http = await httpOn(await stores.open(), WITH_TOKEN);
  const status = async (path: string, authorization?: string): Promise<number> =>
    (await http.ask(path, authorization === undefined ? {} : {headers: {authorization}})).status;
  for (const path of ['/', '/api/runs', '/api/streams', '/assets/main.js', '/nothing']) {
    expect([path, await status(path)]).toEqual([path, 401]);
  }
  expect(await status('/api/runs', `Bearer ${TOKEN}x`)).toBe(401);
  expect(await status('/api/runs', basic(''))).toBe(401);
  expect(await status('/api/runs', `Bearer ${TOKEN}`)).toBe(200);
  expect(await status('/', basic(TOKEN))).toBe(200);
  expect((await http.ask('/')).headers['www-authenticate']).toContain('Basic realm=');
});

test('probes and metrics need no token', async () => {
  await using http = await httpOn(NO_STORE, WITH_TOKEN);
  for (const path of ['/livez', '/readyz', '/metrics']) expect((await http.ask(path)).status).toBe(200);
  // A store that does not answer takes nothing but its own figures away.
  expect((await http.ask('/metrics')).text).toContain('clarifai_sync_store_up 0');
});

test('a host other than loopback is refused without a token, and so is a short token', async () => {
  const at = (config: HttpParts['config']) => httpOn(NO_STORE, {config});
  await expect(at({host: '0.0.0.0', port: 0, token: null})).rejects.toThrow(UsageError);
  await expect(at({host: '127.0.0.1', port: 0, token: 'short'})).rejects.toThrow('expected at least 16 characters');
});

test('a port that is taken is told in one sentence, as an error of usage', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const port = (other.address() as {port: number}).port;
  const started = httpOn(NO_STORE, {config: {host: '127.0.0.1', port, token: null}});
  await expect(started).rejects.toThrow(HttpListenError);
  await expect(started).rejects.toThrow(`http 127.0.0.1:${port}: expected a free port`);
  other.close();
});

test('without a token a foreign Host is refused, so that no other site can pose as this one', async () => {
  await using stores = await Stores.make();
  await using http = await httpOn(await stores.open());
  expect((await http.ask('/api/runs', {headers: {host: 'evil.example:80'}})).status).toBe(403);
  expect((await http.ask('/api/runs', {headers: {host: 'localhost:1'}})).status).toBe(200);
  expect((await http.ask('/api/runs', {headers: {host: '[::1]:1'}})).status).toBe(200);
});

test('Bull Board is refused as the page is: 401 without the token, which is asked for, and 403 to a foreign Host', async () => {
  const mount = (app: FastifyInstance) => mountBoard(app, []);
  await using guarded = await httpOn(NO_STORE, {...WITH_TOKEN, mount});
  await using open = await httpOn(NO_STORE, {mount});
  for (const path of ['/queues', '/queues/api/queues']) {
    const answer = await guarded.ask(path);
    expect([path, answer.status, answer.headers['www-authenticate']]).toEqual([
      path,
      401,
      expect.stringContaining('Basic realm='),
    ]);
    expect(answer.text).not.toContain('stack');
    expect((await guarded.ask(path, {headers: {authorization: basic(TOKEN)}})).status).toBe(200);
    expect((await open.ask(path, {headers: {host: 'evil.example'}})).status).toBe(403);
  }
});

test('a run cannot be asked for from the page of another site', async () => {
  await using http = await httpOn(NO_STORE);
  const post = (headers: Record<string, string>) =>
    http.ask('/api/runs', {method: 'POST', headers: {...JSON_TYPE, ...headers}, body: '{"user_id":"u","app_id":"a"}'});
  expect((await post({origin: 'https://evil.example'})).status).toBe(403);
  expect((await post({'sec-fetch-site': 'cross-site'})).status).toBe(403);
  expect((await post({origin: http.url})).status).toBe(409);
});

test('POST /api/runs hands on what was asked for, and gives the id of the run', async () => {
  const asked: AskedRun[] = [];
  const askForRun = (request: AskedRun) => {
    asked.push(request);
    return Promise.resolve({runId: 'the-run'});
  };
  await using http = await httpOn(NO_STORE, {askForRun});
  const post = (body: object) =>
    http.ask('/api/runs', {method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body)});
  const answer = await post({user_id: 'acme', app_id: 'plants', mode: 'full', streams: ['inputs']});
  expect([answer.status, answer.json]).toEqual([202, {run_id: 'the-run'}]);
  await post({user_id: 'acme', app_id: 'plants'});
  expect(asked).toEqual([
    {userId: 'acme', appId: 'plants', mode: 'full', streams: ['inputs']},
    {userId: 'acme', appId: 'plants', mode: 'incremental', streams: null},
  ]);
});

test('what is wrong with a request for a run is told in one message, and JSON is asked for', async () => {
  await using http = await httpOn(NO_STORE, {
    askForRun: () => Promise.reject(new UsageError('app acme/x is not configured')),
  });
  const post = async (body: string, headers: Record<string, string> = JSON_TYPE) => {
    const {status, json} = await http.ask('/api/runs', {method: 'POST', headers, body});
    return [status, (json as {error: {message: string}}).error.message];
  };
  expect(await post('{"user_id":"u","mode":"half","streams":["nope"],"x":1}')).toEqual([
    400,
    expect.stringMatching(
      /^"x": expected one of .*; app_id: expected an app, found nothing; mode: .* found "half"; streams\[0\]: .* found "nope"$/,
    ),
  ]);
  expect(await post('[1]')).toEqual([400, expect.stringContaining('found no mapping')]);
  expect((await post('{'))[0]).toBe(400);
  expect(await post('{"user_id":"acme","app_id":"x"}')).toEqual([400, 'app acme/x is not configured']);
  expect(await post('user_id=u', {'content-type': 'application/x-www-form-urlencoded'})).toEqual([
    415,
    'expected Content-Type: application/json',
  ]);
  expect((await post('{}', {'content-type': 'text/plain'}))[0]).toBe(415);
  expect((await post(`{"user_id":"${'u'.repeat(20_000)}"}`))[0]).toBe(413);
});

test('a failure that nobody foresaw is logged, and the answer holds no stack', async () => {
  await using http = await httpOn(NO_STORE, {askForRun: () => Promise.reject(new TypeError('secret detail'))});
  const body = '{"user_id":"u","app_id":"a"}';
  const answer = await http.ask('/api/runs', {method: 'POST', headers: JSON_TYPE, body});
  expect([answer.status, answer.json]).toEqual([500, {error: {message: 'unexpected failure: see the log'}}]);
  expect(http.log()).toContain('secret detail');
});

test('/livez fails with the reason when the process is stuck, /readyz names what does not answer', async () => {
  let stuck: string | null = null;
  let clockMs = 0;
  let missing = [{name: 'lake', message: 'no such bucket'}];
  const health = {stuck: () => stuck, unready: () => Promise.resolve(missing)};
  await using http = await httpOn(NO_STORE, {health, now: () => (clockMs += 10_000)});
  expect((await http.ask('/livez')).status).toBe(200);
  stuck = 'nothing moved for 300 s';
  expect((await http.ask('/livez')).json).toEqual({status: 'stuck', message: stuck});
  expect(await http.ask('/readyz')).toMatchObject({status: 503, json: {unready: missing}});
  missing = [];
  expect((await http.ask('/readyz')).status).toBe(200);
});

test('/readyz says so when what it asks does not answer in time', async () => {
  await using http = await httpOn(NO_STORE, {
    health: {stuck: () => null, unready: () => new Promise(() => undefined)},
  });
  const {status, json} = await http.ask('/readyz');
  expect([status, json]).toEqual([
    503,
    {status: 'not ready', unready: [{name: 'service', message: 'no answer within 3 s'}]},
  ]);
});

test('the page and its files are ours alone, and say so', async () => {
  await using http = await httpOn(NO_STORE);
  const page = await http.ask('/');
  const policy = String(page.headers['content-security-policy']);
  expect(policy).toContain(`default-src 'none';script-src 'self'`);
  expect(policy).not.toContain('unsafe');
  expect(page.headers).toMatchObject({'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff'});
  const linked = [...page.text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
  expect(page.text).not.toMatch(/https?:|<script>|style="/);
  const seen = new Set<string>();
  for (let path = linked.pop(); path !== undefined; path = linked.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const file = await http.ask(path);
    expect([path, file.status]).toEqual([path, 200]);
    for (const [, name] of file.text.matchAll(/from '\.\/([\w-]+\.js)'/g)) linked.push(`/assets/${name}`);
  }
  expect(seen.size).toBeGreaterThan(6);
});

test('/api/streams and /api/runs are empty for a store where nothing ran', async () => {
  await using stores = await Stores.make();
  await using http = await httpOn(await stores.open());
  expect((await http.ask('/api/streams')).json).toMatchObject({
    scopes: [],
    sinks: [],
    next_runs: [],
    budget: {requests_per_second: 15},
  });
  expect((await http.ask('/api/runs')).json).toEqual({runs: [], next_before: null});
});

test('/api/streams tells the run under way, and the last one with what to do about its failure', async () => {
  await using stores = await Stores.make();
  const store = await stores.open();
  const failed = await beginRunOf(store, ['inputs']);
  await endEarly(store, failed.runId, {code: 'SYNC_SOURCE_CREDENTIAL', message: 'refused', cause: 'credential'});
  await store.database.query(`update clarifai_sync.runs set state = 'closed' where run_id = $1`, [failed.runId]);
  await finish(store, failed.runId);
  const current = await beginRunOf(store, ['inputs'], 'incremental');
  await using http = await httpOn(store);
  expect((await http.ask('/api/streams')).json).toMatchObject({
    scopes: [
      {
        user_id: 'acme',
        app_id: 'plants',
        lag_seconds: null,
        current: {run_id: current.runId, outcome: null, state: 'reading', streams: [{stream: 'inputs', pages: 0}]},
        last: {
          run_id: failed.runId,
          outcome: 'failed',
          remarks: [
            {
              severity: 'failure',
              code: 'SYNC_SOURCE_CREDENTIAL',
              message: 'refused',
              advice: expect.stringContaining('personal access token') as string,
            },
          ],
        },
        history: [{run_id: failed.runId, outcome: 'failed'}],
      },
    ],
  });
});

test('/api/runs gives runs newest first, page by page, and /api/runs/ID one of them', async () => {
  await using stores = await Stores.make();
  const store = await stores.open();
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    const {runId} = await beginRunOf(store, ['inputs']);
    ids.unshift(runId);
    await store.database.query(
      `update clarifai_sync.runs set state = 'finished', outcome = 'succeeded' where run_id = $1`,
      [runId],
    );
  }
  await using http = await httpOn(store);
  const page = async (query: string) => {
    const {runs, next_before: next} = (await http.ask(`/api/runs?${query}`)).json as {
      runs: {run_id: string}[];
      next_before: string | null;
    };
    return [runs.map((run) => run.run_id), next];
  };
  expect(await page('limit=2')).toEqual([ids.slice(0, 2), ids[1]]);
  expect(await page(`limit=2&before=${ids[1]}`)).toEqual([ids.slice(2), null]);
  expect((await http.ask(`/api/runs/${ids[0]}`)).json).toMatchObject({run_id: ids[0], sequence: 3});
  expect((await http.ask('/api/runs/nothing')).status).toBe(404);
  for (const bad of ['limit=0', 'limit=201', 'limit=x', 'before=x', 'offset=1', 'limit=1&limit=2']) {
    expect([bad, (await http.ask(`/api/runs?${bad}`)).status]).toEqual([bad, 400]);
  }
});

test('a run that was asked for is told under its id before it has begun', async () => {
  await using stores = await Stores.make();
  const store = await stores.open();
  const wish = {scope: SCOPE, mode: 'full', streams: null, askedBy: 'nightly', delayMs: 60_000} as const;
  const {runId} = await askForRun(store, wish);
  await using http = await httpOn(store);
  const told = {run_id: runId, user_id: 'acme', mode: 'full', state: 'pending', outcome: null, asked_by: 'nightly'};
  expect(await http.ask(`/api/runs/${runId}`)).toMatchObject({status: 200, json: told});
  expect((await http.ask('/api/streams')).json).toMatchObject({pending_runs: [told]});
});
