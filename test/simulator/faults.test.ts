import {afterEach, beforeEach, expect, test} from 'vitest';
import type {Fault} from '../../src/simulator/faults.ts';
import {Faults} from '../../src/simulator/faults.ts';
import type {Simulator} from '../../src/simulator/simulator.ts';
import {startSimulator} from '../../src/simulator/simulator.ts';
import {ask, idsOf} from './ask.ts';

let simulator: Simulator;

beforeEach(async () => {
  simulator = await startSimulator({inputs: 20, annotations: 40});
});

afterEach(async () => {
  await simulator.close();
});

const INPUTS = '^GET .*/inputs\\?';

test.each<[Fault, number, number]>([
  [{match: INPUTS, kind: 'throttle'}, 429, 11005],
  [{match: INPUTS, kind: 'status', code: 98009, http: 503}, 503, 98009],
  [{match: INPUTS, kind: 'error-inside-200', code: 10020}, 200, 10020],
  [{match: INPUTS, kind: 'quota', code: 11004}, 429, 11004],
  [{match: INPUTS, kind: 'not-offered'}, 404, 10040],
  [{match: INPUTS, kind: 'not-offered', code: 11103}, 404, 11103],
  [{match: INPUTS, kind: 'scope'}, 403, 11007],
  [{match: INPUTS, kind: 'redirect', location: '/elsewhere{path}'}, 307, 10050],
  [{match: INPUTS, kind: 'too-large'}, 500, 40033],
  [{match: INPUTS, kind: 'page-size-limit', limit: 4}, 500, 40033],
])('$kind is answered in the envelope', async (fault, http, code) => {
  simulator.faults.add(fault);
  const asked = await ask(simulator, '/inputs?per_page=5');
  expect([asked.http, asked.code]).toEqual([http, code]);
  expect((await ask(simulator, '/concepts?per_page=5')).code).toBe(10000);
});

test('a fault spoils as many matching requests as it says, after those it lets through', () => {
  const faults = new Faults();
  faults.add({match: 'a', kind: 'reset', after: 1, times: 2});
  expect(['a', 'b', 'a', 'a', 'a'].map((request) => faults.take(request, 1)?.kind ?? null)).toEqual([
    null,
    null,
    'reset',
    'reset',
    null,
  ]);
});

test('a page size limit leaves smaller pages alone', async () => {
  simulator.faults.add({match: INPUTS, kind: 'page-size-limit', limit: 4, times: 1});
  expect((await ask(simulator, '/inputs?per_page=4')).code).not.toBe(40033);
  expect((await ask(simulator, '/inputs?per_page=5')).code).toBe(40033);
  expect((await ask(simulator, '/inputs?per_page=5')).code).not.toBe(40033);
});

test('pages come empty, doubled, turned round or short by the first', async () => {
  const whole = idsOf(await ask(simulator, '/inputs?per_page=3'), 'inputs');
  const spoilt = async (kind: 'empty-page' | 'duplicate-records' | 'reorder' | 'shift'): Promise<string[]> => {
    simulator.faults.add({match: INPUTS, kind, times: 1});
    return idsOf(await ask(simulator, '/inputs?per_page=3'), 'inputs');
  };
  expect(await spoilt('empty-page')).toEqual([]);
  expect(await spoilt('duplicate-records')).toEqual(whole.flatMap((id) => [id, id]));
  expect(await spoilt('reorder')).toEqual(whole.toReversed());
  expect(await spoilt('shift')).toEqual(whole.slice(1));
});

test('answers that are no answers: HTML, a bare 404, a gateway status, another content type', async () => {
  const get = async (fault: Fault): Promise<[number, string | null, string]> => {
    simulator.faults.clear();
    simulator.faults.add(fault);
    const response = await fetch(`${simulator.url}/v2/users/me/apps/plants/inputs?x`, {
      headers: {authorization: `Key ${simulator.pat}`},
    });
    return [response.status, response.headers.get('content-type'), (await response.text()).slice(0, 9)];
  };
  expect(await get({match: INPUTS, kind: 'http-error', http: 502})).toEqual([502, 'text/html', '<html><bo']);
  expect(await get({match: INPUTS, kind: 'bare-404'})).toEqual([404, 'text/plain', '404 page ']);
  expect(await get({match: INPUTS, kind: 'gateway-error', http: 404, grpcCode: 5})).toEqual([
    404,
    'application/json',
    '{"code":5',
  ]);
  expect((await get({match: INPUTS, kind: 'wrong-content-type', contentType: 'text/html'})).slice(1)).toEqual([
    'text/html',
    '{"status"',
  ]);
});

test('a body is cut off, ends early as if whole, or is far too long', async () => {
  simulator.faults.add({match: INPUTS, kind: 'truncate', times: 1});
  await expect(ask(simulator, '/inputs?per_page=5')).rejects.toThrow('terminated');
  simulator.faults.add({match: INPUTS, kind: 'truncate', clean: true, times: 1});
  await expect(ask(simulator, '/inputs?per_page=5')).rejects.toThrow(SyntaxError);
  simulator.faults.add({match: INPUTS, kind: 'huge-body', bytes: 2_000_000, times: 1});
  const huge = await ask(simulator, '/inputs?per_page=5');
  expect(Number(huge.headers.get('content-length'))).toBeGreaterThan(2_000_000);
  simulator.faults.add({match: INPUTS, kind: 'slow-body', pieceMs: 1, pieces: 4, times: 1});
  expect(idsOf(await ask(simulator, '/inputs?per_page=5'), 'inputs')).toHaveLength(5);
});

test('a connection is reset, or hangs until the client gives up', async () => {
  simulator.faults.add({match: INPUTS, kind: 'reset', times: 1});
  await expect(ask(simulator, '/inputs?per_page=5')).rejects.toThrow('fetch failed');
  simulator.faults.add({match: INPUTS, kind: 'hang', times: 1});
  const controller = new AbortController();
  const hanging = ask(simulator, '/inputs?per_page=5', {signal: controller.signal});
  await ask(simulator, '/concepts');
  controller.abort();
  await expect(hanging).rejects.toThrow('aborted');
});

test('closing ends requests that hang', async () => {
  simulator.faults.add({match: INPUTS, kind: 'hang'});
  const hanging = ask(simulator, '/inputs?per_page=5').catch((error: unknown) => error);
  while (!simulator.requests().some((request) => request.path.endsWith('/inputs'))) await ask(simulator, '/concepts');
  await simulator.close();
  expect(await hanging).toBeInstanceOf(TypeError);
});

test('a revoked credential stays refused until it is taken back', async () => {
  simulator.faults.add({match: INPUTS, kind: 'revoke', times: 1, after: 1});
  expect((await ask(simulator, '/inputs?per_page=5')).http).not.toBe(401);
  expect((await ask(simulator, '/inputs?per_page=5')).code).toBe(11009);
  expect((await ask(simulator, '/concepts')).http).toBe(401);
  simulator.settings.credentialRevoked = false;
  expect((await ask(simulator, '/concepts')).code).toBe(10000);
});

test('the rate limit answers what goes over it with 429, and counts it', async () => {
  Object.assign(simulator.settings, {requestsPerSecond: 5, retryAfterSeconds: 3});
  const asked = await Promise.all(Array.from({length: 12}, () => ask(simulator, '/concepts?per_page=1')));
  const refused = asked.filter((answer) => answer.code === 11005);
  expect(refused).toHaveLength(7);
  expect(refused[0]?.http).toBe(429);
  expect(refused[0]?.headers.get('retry-after')).toBe('3');
  expect(simulator.stats()).toMatchObject({total: 12, throttled: 7, peakPerSecond: 12, peakAdmittedPerSecond: 5});
});

test('the Date header and redirects are what was set', async () => {
  simulator.clock.fix(Date.UTC(2026, 4, 6, 7, 8, 9));
  expect((await ask(simulator, '/concepts')).headers.get('date')).toBe('Wed, 06 May 2026 07:08:09 GMT');
  simulator.faults.add({match: INPUTS, kind: 'redirect', location: 'http://new.example{path}'});
  expect((await ask(simulator, '/inputs?page=2')).headers.get('location')).toBe(
    'http://new.example/v2/users/me/apps/plants/inputs?page=2',
  );
});

test('answers are compressed only when the simulator is set to, and read the same', async () => {
  const plain = await ask(simulator, '/inputs?per_page=5');
  simulator.settings.gzip = true;
  const packed = await ask(simulator, '/inputs?per_page=5');
  expect([plain, packed].map((asked) => asked.headers.get('content-encoding'))).toEqual([null, 'gzip']);
  expect(packed.body['inputs']).toEqual(plain.body['inputs']);
});
