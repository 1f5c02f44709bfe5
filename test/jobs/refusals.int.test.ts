import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {describe, expect, test} from 'vitest';
import type {Fault} from '../../src/simulator/faults.ts';
import {syncHarness} from '../support/sync-harness.ts';

const SMALL = {inputs: 30, annotations: 60, datasets: 2};

/** Ways in which the API refuses a list as a whole. */
const REFUSALS: Record<string, (match: string) => Fault> = {
  '10040': (match) => ({kind: 'not-offered', code: 10040, match}),
  '11103': (match) => ({kind: 'not-offered', code: 11103, match}),
  'a scope that is missing': (match) => ({kind: 'scope', match}),
  '404': (match) => ({kind: 'gateway-error', http: 404, grpcCode: 5, match}),
};

/** Lists of streams, each of another strategy. */
const LISTS: Record<string, string> = {
  inputs: '/inputs/stream\\?',
  annotations: '/annotations(\\?|/searches)',
  datasets: '/datasets\\?',
  concepts: '/concepts\\?',
  dataset_versions: '/datasets/[^/]+/versions\\?',
  dataset_inputs: '/datasets/[^/]+/inputs\\?',
};

describe.each(Object.entries(REFUSALS))('a stream that is refused as a whole (%s)', (_, fault) => {
  test('at first is unavailable, which is no failure, and is read in full once it is offered', async () => {
    await using harness = await syncHarness(SMALL);
    harness.simulator.faults.add(fault('/concepts\\?'));
    harness.simulator.faults.add(fault('/datasets/[^/]+/versions\\?'));
    const first = await harness.sync();
    expect([first.code, first.document.outcome]).toEqual([0, 'succeeded']);
    expect(first.stream('concepts').outcome).toBe('unavailable');
    expect(first.stream('dataset_versions').outcome).toBe('unavailable');
    expect(await harness.differences(['inputs', 'annotations', 'datasets', 'dataset_inputs'])).toEqual([]);
    harness.simulator.faults.clear();
    expect((await harness.sync()).code).toBe(0);
    expect(await harness.differences()).toEqual([]);
  });

  test('after it was read has failed, and nothing of it is marked deleted', async () => {
    await using harness = await syncHarness(SMALL);
    await harness.sync();
    const before = await Promise.all(Object.keys(LISTS).map(async (name) => harness.storedKeys(name)));
    for (const match of Object.values(LISTS)) harness.simulator.faults.add(fault(match));
    const refused = await harness.sync({full: true});
    expect([refused.code, refused.document.outcome]).toEqual([5, 'partial']);
    for (const name of Object.keys(LISTS))
      expect([name, refused.stream(name).outcome, refused.stream(name).deleted]).toEqual([name, 'failed', 0]);
    expect(await Promise.all(Object.keys(LISTS).map(async (name) => harness.storedKeys(name)))).toEqual(before);
    harness.simulator.faults.clear();
    harness.change(
      {kind: 'addConcept', id: 'after'},
      {kind: 'deleteInputs', ids: [harness.truthKeys('inputs')[0] as string]},
    );
    expect((await harness.sync({full: true})).code).toBe(0);
    expect(await harness.differences()).toEqual([]);
  });
});

test.each([
  ['not offered', REFUSALS['11103']],
  ['a scope that is missing', REFUSALS['a scope that is missing']],
])('a stream that is refused at first and was named has failed: %s', async (_, fault) => {
  await using harness = await syncHarness(SMALL);
  if (fault !== undefined) harness.simulator.faults.add(fault('/concepts\\?'));
  const named = await harness.sync({stream: ['concepts', 'datasets']});
  expect([named.code, named.document.outcome, named.stream('concepts').outcome]).toEqual([5, 'partial', 'failed']);
});

test('a list of the user that fails makes the sync of the app partial, as one of the app does', async () => {
  await using harness = await syncHarness(SMALL, 'streams: [concepts, apps]\n');
  expect((await harness.sync()).code).toBe(0);
  harness.simulator.faults.add({kind: 'status', code: 11102, http: 400, match: '/v2/users/[^/]+/apps\\?'});
  const result = await harness.sync();
  expect([result.code, result.document.outcome]).toEqual([5, 'partial']);
  expect(['concepts', 'apps'].map((name) => result.stream(name).outcome)).toEqual(['succeeded', 'failed']);
});

describe('a credential', () => {
  test('that is revoked in mid-run ends it with code 3; what was read is kept, and the next run ends in the truth', async () => {
    await using harness = await syncHarness(SMALL);
    harness.config = 'source: {page_size: 5, requests_per_second: 0}\n';
    harness.simulator.faults.add({kind: 'revoke', match: '/inputs/stream', after: 3});
    const revoked = await harness.sync();
    expect([revoked.code, revoked.document.outcome]).toEqual([3, 'failed']);
    harness.simulator.settings.credentialRevoked = false;
    harness.simulator.faults.clear();
    const next = await harness.sync();
    expect([next.code, next.document.outcome]).toEqual([0, 'succeeded']);
    expect(await harness.differences()).toEqual([]);
  });

  test('is sent along to where a resource has moved on the same host, and never to another', async () => {
    await using harness = await syncHarness(SMALL);
    const heard: string[] = [];
    const stranger = createServer((request, response) => {
      heard.push(`${request.url ?? ''} ${request.headers.authorization ?? ''}`);
      response.end('{}');
    });
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    try {
      harness.simulator.faults.add({kind: 'redirect', match: '/concepts\\?', times: 1, location: '{path}&moved=1'});
      expect((await harness.sync()).code).toBe(0);
      expect(harness.requests().some((request) => request.includes('moved=1'))).toBe(true);
      expect(await harness.differences()).toEqual([]);

      const elsewhere = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}{path}`;
      harness.simulator.faults.add({kind: 'redirect', match: '/concepts\\?', location: elsewhere});
      const moved = await harness.sync({full: true});
      expect([moved.code, moved.stream('concepts').outcome, moved.stream('concepts').deleted]).toEqual([
        5,
        'failed',
        0,
      ]);
      expect(heard).toEqual([]);
      expect(moved.said).not.toContain(harness.simulator.pat);
    } finally {
      stranger.close();
    }
  });
});

describe('a stream whose first reading failed', () => {
  test.each(['inputs', 'annotations', 'concepts', 'dataset_inputs'])(
    'is read in full by the next run: %s',
    async (name) => {
      await using harness = await syncHarness(SMALL);
      harness.config = 'source: {page_size: 2, requests_per_second: 0}\n';
      harness.simulator.faults.add({kind: 'status', code: 11102, http: 400, match: LISTS[name] ?? '', after: 2});
      const failed = await harness.sync();
      expect([failed.code, failed.stream(name).outcome]).toEqual([5, 'failed']);
      harness.simulator.faults.clear();
      expect((await harness.sync()).code).toBe(0);
      expect(await harness.differences()).toEqual([]);
    },
  );
});
