import {describe, expect, test, vi} from 'vitest';
import type {Fault} from '../../src/simulator/faults.ts';
import {cliSync, complaints, documentOf} from './cli-sync.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 180_000});

const ANNOTATIONS = '/annotations\\?';

describe.concurrent('a sync that the API fails', () => {
  test('for every request ends as temporary, with one message', async () => {
    await using sync = await cliSync();
    sync.harness.simulator.faults.add({kind: 'http-error', http: 503, match: '.'});
    const ended = await sync.run(['--stream', 'inputs', 'annotations']);
    expect(ended.code, ended.stderr).toBe(75);
    expect(ended.stdout).toBe('');
    expect(complaints(ended)).toEqual([expect.stringContaining('503')]);
    expect(await sync.unfinishedRuns()).toBe(0);
  });

  test('because nobody listens ends as temporary', async () => {
    await using sync = await cliSync();
    const ended = await sync.run([], {CLARIFAI_API_BASE: 'http://127.0.0.1:9'});
    expect(ended.code, ended.stderr).toBe(75);
    expect(complaints(ended).length).toBeGreaterThan(0);
  });

  test('by refusing the credential in its middle ends with 3, and the next goes on', async () => {
    await using sync = await cliSync();
    const {simulator} = sync.harness;
    simulator.faults.add({kind: 'revoke', match: ANNOTATIONS, after: 20, times: 1});
    const ended = await sync.run();
    expect(ended.code, ended.stderr).toBe(3);
    expect(documentOf(ended).outcome).toBe('failed');
    const [stored] = await sync.harness.query<{n: number}>('select count(*)::int as n from clarifai.annotations');
    expect(stored?.n).toBeGreaterThan(0);
    simulator.settings.credentialRevoked = false;
    simulator.faults.clear();
    expect((await sync.run()).code).toBe(0);
    expect(await sync.unfinishedRuns()).toBe(0);
    expect(await sync.harness.differences()).toEqual([]);
  });

  test('because its quota is used up ends throttled, and the next run goes on', async () => {
    await using sync = await cliSync();
    sync.harness.simulator.faults.add({kind: 'quota', code: 11003, match: ANNOTATIONS, after: 20, times: 1});
    const ended = await sync.run();
    expect(ended.code, ended.stderr).toBe(75);
    const document = documentOf(ended);
    expect(document.outcome).toBe('throttled');
    const read = document.streams.find(({stream}) => stream === 'annotations')?.read ?? 0;
    expect(read).toBeGreaterThan(0);
    const next = await sync.run();
    expect(next.code, next.stderr).toBe(0);
    expect(documentOf(next).streams.find(({stream}) => stream === 'annotations')?.inserted).toBe(2400 - read);
    expect(await sync.harness.differences()).toEqual([]);
  });

  test('once by throttling waits as long as it is told, and counts it', async () => {
    await using sync = await cliSync();
    const fault: Fault = {kind: 'throttle', match: ANNOTATIONS, after: 5, times: 1, retryAfterSeconds: 2};
    sync.harness.simulator.faults.add(fault);
    const startedMs = performance.now();
    const ended = await sync.run();
    expect(ended.code, ended.stderr).toBe(0);
    expect(documentOf(ended)).toMatchObject({outcome: 'succeeded', throttled: 1});
    expect(performance.now() - startedMs).toBeGreaterThan(2_000);
    expect(await sync.harness.differences()).toEqual([]);
  });

  test.each<[string, Fault]>([
    ['an HTML page', {kind: 'http-error', http: 502, match: ANNOTATIONS, after: 3, times: 2}],
    ['a body cut off', {kind: 'truncate', match: ANNOTATIONS, after: 3, times: 2}],
    ['a body cut off that looks whole', {kind: 'truncate', clean: true, match: ANNOTATIONS, after: 3, times: 2}],
    ['a connection that is reset', {kind: 'reset', match: ANNOTATIONS, after: 3, times: 2}],
  ])('for a while with %s takes none of it for records', async (_, fault) => {
    await using sync = await cliSync();
    sync.harness.simulator.faults.add(fault);
    const ended = await sync.run();
    expect(ended.code, ended.stderr).toBe(0);
    expect(sync.harness.simulator.faults.list()[0]?.spoilt).toBe(2);
    expect(await sync.harness.differences()).toEqual([]);
  });

  test('for one stream only keeps all the others', async () => {
    await using sync = await cliSync();
    sync.harness.simulator.faults.add({kind: 'http-error', http: 502, match: ANNOTATIONS});
    const ended = await sync.run();
    const document = documentOf(ended);
    expect(ended.code, ended.stderr).toBe(document.outcome === 'partial' ? 5 : 75);
    expect(document.streams.find(({stream}) => stream === 'annotations')?.outcome).toBe('failed');
    expect(await sync.harness.differences(['inputs', 'concepts', 'datasets', 'dataset_versions'])).toEqual([]);
    sync.harness.simulator.faults.clear();
    expect((await sync.run()).code).toBe(0);
    expect(await sync.harness.differences()).toEqual([]);
  });
});
