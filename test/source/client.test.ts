import {inspect} from 'node:util';
import {gzipSync} from 'node:zlib';
import {describe, expect, test} from 'vitest';
import {UsageError} from '../../src/core/errors.ts';
import {
  SourceCredentialError,
  SourceGoneError,
  SourceNotOfferedError,
  SourcePageTooLargeError,
  SourcePagingCapError,
  SourceQuotaError,
  SourceRefusedError,
  SourceScopeError,
  SourceThrottledError,
  SourceUnavailableError,
} from '../../src/core/source-errors.ts';
import type {ApiClient, CallOptions} from '../../src/source/client.ts';
import {idsOf, OK, startApi, type Reply} from './scripted-api.ts';

const never = new AbortController().signal;
const INPUTS = {records: {field: 'inputs'}};
const ONE = {status: OK, inputs: [{id: 'a'}]};
const get = (client: ApiClient, options: CallOptions = INPUTS, signal: AbortSignal = never) =>
  client.get('/v2/users/{user_id}/inputs', {user_id: 'me'}, {per_page: 5}, options, signal);

/** An API that answers each request with the next of `replies`, the last one for ever. */
const replying = (...replies: Reply[]) => startApi(({index}) => replies[Math.min(index, replies.length - 1)]!);
const status = (http: number, code: number | string, rest: object = {}): Reply => ({
  http,
  body: {status: {code, description: 'said so', req_id: 'req-9', ...rest}},
});

describe('a request', () => {
  test('carries the credential, the prefix of its id and what it accepts', async () => {
    await using api = await replying({body: ONE});
    await get(api.client({requestIdPrefix: 'run-7'}));
    expect(api.asked[0]?.headers).toMatchObject({
      authorization: 'Key secret-pat',
      'x-clarifai-request-id-prefix': 'run-7',
      'accept-encoding': 'gzip',
    });
  });

  test.each(['.', '..', 'a/b', 'ü%'])('asks for the id %s by one path segment of its own', async (id) => {
    await using api = await replying({});
    await api.client().get('/v2/inputs/{id}/x', {id}, {}, {}, never);
    const segments = api.asked[0]!.path.split('/');
    expect(segments).toHaveLength(5);
    expect(decodeURIComponent(segments[3]!)).toBe(id);
    expect(segments[3]).not.toMatch(/^\.{1,2}$/);
  });

  test('keeps the path of the base address', async () => {
    await using api = await replying({});
    await api.client({baseUrl: `${api.baseUrl}/proxy/`}).get('/v2/users/me', {}, {a: ['1', '2']}, {}, never);
    expect(api.asked[0]?.path).toBe('/proxy/v2/users/me');
    expect(api.asked[0]?.query.getAll('a')).toEqual(['1', '2']);
  });

  test('sends the body of a search as JSON', async () => {
    await using api = await replying({body: {status: OK, hits: [{annotation: {id: 'a'}}, {}]}});
    const answer = await api
      .client()
      .post('/v2/searches', {}, {q: 'é'}, {records: {field: 'hits', member: 'annotation'}}, never);
    expect(api.asked[0]).toMatchObject({
      method: 'POST',
      body: '{"q":"é"}',
      headers: {'content-type': 'application/json'},
    });
    expect([idsOf(answer), answer.skipped]).toEqual([['a'], 1]);
  });

  test('keeps its connections', async () => {
    const ports = new Set<number | undefined>();
    await using api = await startApi((_, response) => {
      ports.add(response.socket?.remotePort);
      return {body: ONE};
    });
    const client = api.client();
    for (let i = 0; i < 20; i++) await get(client);
    // undici may open a second one when the next call comes in the same turn as the end of the one before.
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  test('refuses a credential that no header can hold, without repeating it', async () => {
    await using api = await replying({});
    expect(() => api.client({pat: 'bad\npat'})).toThrow(UsageError);
    expect(() => api.client({pat: 'bad\npat'})).not.toThrow(/bad/);
  });
});

describe('an answer', () => {
  test.each([
    [200, 10000],
    [207, 10010],
    [202, 10070],
    [200, 'SUCCESS'],
    [400, 10020],
  ])('of HTTP %i with code %s and records is good', async (http, code) => {
    await using api = await replying({http, body: {status: {code}, inputs: [{id: 'a'}]}});
    const answer = await get(api.client());
    expect(idsOf(answer)).toEqual(['a']);
    expect(answer.httpStatus).toBe(http);
  });

  test('of code 10020 without records is refused', async () => {
    await using api = await replying(status(400, 10020));
    await expect(get(api.client())).rejects.toThrow(SourceRefusedError);
  });

  test('tells when it was asked for and what time the API had', async () => {
    await using api = await replying({body: ONE, headers: {date: 'Tue, 24 Nov 2026 10:00:00 GMT'}});
    const beforeMs = Date.now();
    const answer = await get(api.client());
    expect(answer.dateMs).toBe(Date.parse('2026-11-24T10:00:00Z'));
    expect(answer.askedAtMs).toBeGreaterThanOrEqual(beforeMs);
    expect(answer.askedAtMs).toBeLessThanOrEqual(Date.now());
  });

  test.each([100, 200_000])('is unpacked when it comes packed, %i records', async (count) => {
    const inputs = Array.from({length: count}, () => ({id: Math.random().toString(36)}));
    await using api = await replying({
      headers: {'content-encoding': 'gzip'},
      body: gzipSync(JSON.stringify({status: OK, inputs}), {level: 1}),
    });
    const answer = await get(api.client());
    expect(answer.spans.length).toBe(2 * count);
  });

  test.each([
    ['says so in its headers', {}],
    ['does not say so', {'transfer-encoding': 'chunked'}],
  ])('over the limit that %s makes the page too large', async (_, headers: Record<string, string>) => {
    await using api = await replying({body: {status: OK, inputs: ['x'.repeat(300_000)]}, headers});
    const refused = get(api.client({limits: {maxAnswerBytes: 100_000}}));
    await expect(refused).rejects.toThrow(SourcePageTooLargeError);
    expect(api.asked).toHaveLength(1);
  });

  test('over the limit once unpacked makes the page too large', async () => {
    const body = gzipSync(JSON.stringify({status: OK, inputs: ['x'.repeat(300_000)]}));
    await using api = await replying({body, headers: {'content-encoding': 'gzip'}});
    await expect(get(api.client({limits: {maxAnswerBytes: 100_000}}))).rejects.toThrow(SourcePageTooLargeError);
  });
});

describe('a refusal', () => {
  test.each([
    ['throttled', status(429, 11005), SourceThrottledError],
    ['a quota', status(403, 11003), SourceQuotaError],
    ['a bad credential', status(401, 11008), SourceCredentialError],
    ['a missing scope', status(403, 11007), SourceScopeError],
    ['a record that is gone', status(404, 11101), SourceGoneError],
    ['a resource that is not offered', status(501, 10040), SourceNotOfferedError],
    ['HTTP 404 of the gateway', {http: 404, body: {code: 5, message: 'Not Found', details: []}}, SourceNotOfferedError],
    ['a page that is too large', status(500, 40033), SourcePageTooLargeError],
    ['the paging cap', status(400, 40002, {details: 'page * perPage cannot exceed 10000'}), SourcePagingCapError],
    ['a bad request', status(400, 11102), SourceRefusedError],
    ['moved without a place', status(307, 10050), SourceRefusedError],
  ])('of %s has its own class', async (_, reply, expected) => {
    await using api = await replying(reply);
    await expect(get(api.client({retry: {maxRetries: 0}}))).rejects.toThrow(expected);
    expect(api.asked).toHaveLength(1);
  });

  test('says where and what, without the query', async () => {
    await using api = await replying(status(404, 11101, {details: 'no such thing'}));
    await expect(get(api.client())).rejects.toMatchObject({
      message:
        'GET /v2/users/me/inputs: HTTP 404, code 11101 CONN_DOES_NOT_EXIST, said so, (no such thing), req_id req-9',
      context: {http_status: 404, api_code: 11101, req_id: 'req-9', path: '/v2/users/me/inputs', method: 'GET'},
    });
  });

  test('never holds the credential, even when the API says it back', async () => {
    await using api = await replying(
      status(401, 11002, {description: 'Key secret-pat', details: 'secret-pat', req_id: 'secret-pat-1'}),
    );
    const client = api.client();
    const error: unknown = await get(client).catch((reason: unknown) => reason);
    expect(inspect(error, {depth: 20, showHidden: true})).not.toContain('secret-pat');
    expect(inspect(client, {depth: 20})).not.toContain('secret-pat');
    expect(error).toBeInstanceOf(SourceCredentialError);
  });
});

describe('a second try', () => {
  test.each([
    ['HTTP 503', {http: 503, body: 'upstream connect error'}],
    ['code 98004', status(500, 98004)],
    ['a page of HTML', {body: '<html>sign in</html>'}],
    ['JSON without a status', {body: {inputs: []}}],
    ['an empty body', {body: ''}],
    ['a body that was cut', {body: JSON.stringify(ONE).slice(0, -5)}],
    ['a body that is not the gzip it says it is', {body: 'x', headers: {'content-encoding': 'gzip'}}],
    ['an encoding that nobody asked for', {body: 'x', headers: {'content-encoding': 'br'}}],
    ['a throttled answer', status(429, 11005)],
    ['HTTP 504, when the call cannot be made smaller', {http: 504, body: 'timeout'}],
  ])('follows %s', async (_, reply) => {
    await using api = await replying(reply, reply, {body: ONE});
    expect(idsOf(await get(api.client()))).toEqual(['a']);
    expect(api.asked).toHaveLength(3);
    expect(api.retries).toHaveLength(2);
  });

  test('follows a connection that breaks in the middle of the body', async () => {
    await using api = await startApi(({index}, response) => {
      if (index > 0) return {body: ONE};
      response.writeHead(200, {'content-length': '1000'}).write('{"status"');
      setImmediate(() => response.destroy());
      return null;
    });
    expect(idsOf(await get(api.client()))).toEqual(['a']);
  });

  test('is not made more than five times', async () => {
    await using api = await replying({http: 500, body: ''});
    await expect(get(api.client())).rejects.toThrow(SourceUnavailableError);
    expect(api.asked).toHaveLength(6);
  });

  test('is left to the queue when the API asks for a long pause, and then nobody else is let through', async () => {
    await using api = await replying({...status(429, 11005), headers: {'retry-after': '120'}});
    const client = api.client();
    await expect(get(client)).rejects.toMatchObject({name: 'SourceThrottledError', retryAfterMs: 120_000});
    await expect(get(client)).rejects.toMatchObject({name: 'SourceThrottledError'});
    expect(api.asked).toHaveLength(1);
  });

  test('of a throttled call waits as told, and all others on the credential with it', async () => {
    await using api = await startApi(({index}) =>
      index === 0 ? {...status(429, 11005), headers: {'retry-after': '1'}} : {body: ONE},
    );
    const client = api.client();
    const first = get(client);
    while (api.retries.length === 0) await new Promise(setImmediate);
    await Promise.all([first, get(client), get(client)]);
    expect(api.retries[0]?.waitMs).toBe(1000);
    // 5 ms: a timer may be early by a millisecond, the server's clock starts a little after the client's.
    for (const {atMs} of api.asked.slice(1)) expect(atMs - api.asked[0]!.atMs).toBeGreaterThan(995);
  });

  test('is not made for a smaller page, when a timeout can be cured by one', async () => {
    await using api = await replying({http: 504, body: 'timeout'});
    await expect(get(api.client(), {...INPUTS, isShrinkable: true})).rejects.toThrow(SourcePageTooLargeError);
    expect(api.asked).toHaveLength(1);
  });

  test('ends when the signal is aborted', async () => {
    await using api = await replying({http: 503, body: ''});
    const stop = new AbortController();
    const call = get(api.client({retry: {baseMs: 1_000_000_000, maxWaitMs: 1_000_000_000}}), INPUTS, stop.signal);
    while (api.retries.length === 0) await new Promise(setImmediate);
    stop.abort(new Error('drain'));
    await expect(call).rejects.toThrow('drain');
  });
});

describe('without an answer', () => {
  const silent = () => startApi(() => null);

  test.each([
    ['headers', {headersMs: 50}],
    ['the whole', {totalMs: 50}],
  ])('in time for %s, the call fails as unavailable', async (_, limits) => {
    await using api = await silent();
    await expect(get(api.client({limits, retry: {maxRetries: 1}}))).rejects.toThrow(SourceUnavailableError);
    expect(api.asked).toHaveLength(2);
  });

  test('the rest of a body in time, the page is too large when it can be smaller', async () => {
    await using api = await startApi((_, response) => {
      response.writeHead(200).write('{"status":');
      return null;
    });
    const call = get(api.client({limits: {bodyMs: 50}}), {...INPUTS, isShrinkable: true});
    await expect(call).rejects.toThrow(SourcePageTooLargeError);
  });

  test('because nobody listens, the call fails with the cause', async () => {
    await using api = await silent();
    const client = api.client({baseUrl: 'http://127.0.0.1:1', retry: {maxRetries: 0}});
    const error: unknown = await get(client).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SourceUnavailableError);
    expect(error).toMatchObject({
      message: expect.stringContaining('ECONNREFUSED') as string,
      context: {http_status: null},
    });
    expect((error as Error).cause).toBeInstanceOf(Error);
  });

  test('the signal still ends the call', async () => {
    await using api = await silent();
    const stop = new AbortController();
    const call = get(api.client(), INPUTS, stop.signal);
    while (api.asked.length === 0) await new Promise(setImmediate);
    stop.abort(new Error('drain'));
    await expect(call).rejects.toThrow('drain');
    expect(api.reports.map(({outcome}) => outcome)).toEqual(['aborted']);
  });
});

describe('a redirect', () => {
  const moved = (location: string, http = 307): Reply => ({http, headers: {location}, body: {status: {code: 10050}}});

  test.each([307, 308])('of HTTP %i is followed with credential, method and body', async (http) => {
    await using api = await replying(moved('/v2/elsewhere?a=b', http), {body: ONE});
    await api.client().post('/v2/searches', {}, {q: 1}, INPUTS, never);
    expect(api.asked[1]).toMatchObject({
      method: 'POST',
      path: '/v2/elsewhere',
      body: '{"q":1}',
      headers: {authorization: 'Key secret-pat'},
    });
    expect(api.asked[1]?.query.get('a')).toBe('b');
  });

  test('to another origin is not followed', async () => {
    await using other = await replying({body: ONE});
    await using api = await replying(moved(`${other.baseUrl}/v2/inputs`));
    await expect(get(api.client())).rejects.toThrow(SourceRefusedError);
    await expect(get(api.client())).rejects.toThrow(/redirected to http:\/\/127.0.0.1/);
    expect(other.asked).toEqual([]);
  });

  test('is followed three times and no more', async () => {
    await using api = await replying(moved('/v2/again'));
    await expect(get(api.client())).rejects.toThrow(/redirected more than 3 times/);
    expect(api.asked).toHaveLength(4);
  });
});

describe('an observer', () => {
  test('is told of every request, also of those that are tried again', async () => {
    await using api = await replying(status(429, 11005), {http: 502, body: ''}, {body: ONE});
    await get(api.client());
    expect(
      api.reports.map(({outcome, httpStatus, apiCode, attempt}) => [outcome, httpStatus, apiCode, attempt]),
    ).toEqual([
      ['throttled', 429, 11005, 1],
      ['retry', 502, null, 2],
      ['ok', 200, 10000, 3],
    ]);
    expect(api.reports[2]).toMatchObject({template: '/v2/users/{user_id}/inputs', bytes: JSON.stringify(ONE).length});
  });

  test('added to a client hears only of the calls made through it', async () => {
    await using api = await replying({body: ONE});
    const client = api.client();
    const heard: string[] = [];
    const ours = client.observedBy({requested: ({outcome}) => heard.push(outcome), retrying: () => undefined});
    await get(client);
    await get(ours);
    expect([heard.length, api.reports.length]).toEqual([1, 2]);
  });
});
