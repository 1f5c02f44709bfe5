import {afterAll, beforeAll, expect, test} from 'vitest';
import {runSimulator} from '../../src/simulator/main.ts';
import type {Simulator} from '../../src/simulator/simulator.ts';
import {ask} from './ask.ts';

let simulator: Simulator;

beforeAll(async () => {
  simulator = await runSimulator({port: '0', inputs: '30', seed: 'x'});
});

afterAll(async () => {
  await simulator.close();
});

async function control(method: string, name: string, body?: unknown): Promise<{http: number; body: unknown}> {
  const response = await fetch(`${simulator.url}/_simulator/${name}`, {
    method,
    ...(body === undefined ? {} : {body: JSON.stringify(body)}),
  });
  return {http: response.status, body: await response.json()};
}

test('flags make the simulator, and a bad one is refused by name', async () => {
  expect([...simulator.truth('inputs')]).toHaveLength(30);
  expect([...simulator.truth('annotations')]).toHaveLength(120);
  await expect(runSimulator({inputs: 'many'})).rejects.toThrow(
    "--inputs must be a whole number, 0 or more, not 'many'",
  );
});

test('changes over HTTP are those in the process, and a mistake is told where it is', async () => {
  const done = await control('POST', 'changes', {changes: [{kind: 'addInputs', ids: ['over-http']}]});
  expect(done).toEqual({http: 200, body: {results: [{ids: ['over-http']}]}});
  expect([...simulator.truth('inputs')].at(-1)?.key).toEqual(['over-http']);
  const wrong = await control('POST', 'changes', {changes: [{kind: 'addInputs', colour: 1}]});
  expect(wrong.http).toBe(400);
  expect(JSON.stringify(wrong.body)).toContain('changes[0]');
  expect((await control('POST', 'changes', {changes: [{kind: 'deleteInputs', ids: ['nobody']}]})).http).toBe(400);
});

test('the truth over HTTP is that of the process, a line for each record', async () => {
  for (const stream of ['inputs', 'annotations', 'dataset_inputs', 'apps'] as const) {
    const response = await fetch(`${simulator.url}/_simulator/truth/${stream}`);
    const lines = (await response.text()).trimEnd().split('\n');
    const truth = Array.from(simulator.truth(stream), ({key, raw}) => ({key, raw}));
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(truth);
  }
  const two = await (await fetch(`${simulator.url}/_simulator/truth/inputs?offset=1&limit=2`)).text();
  expect(two.trimEnd().split('\n')).toHaveLength(2);
  expect((await control('GET', 'truth/nothing')).http).toBe(404);
});

test('a raw record with line ends keeps to its line of the truth', async () => {
  simulator.change({kind: 'setRaw', stream: 'concepts', key: ['lines'], text: '{\n"id":\r\n"lines"}'});
  const text = await (await fetch(`${simulator.url}/_simulator/truth/concepts`)).text();
  const last = text.trimEnd().split('\n').at(-1) as string;
  expect(JSON.parse(last)).toEqual({key: ['lines'], raw: {id: 'lines'}});
});

test('settings, faults, clock and the log of requests can be read and set from another process', async () => {
  await control('POST', 'settings', {pagingCap: 77});
  expect(simulator.settings.pagingCap).toBe(77);
  expect((await control('POST', 'settings', {nonsense: 1})).http).toBe(400);
  await control('POST', 'clock', {fixMs: 5000, advanceMs: 10});
  expect(simulator.clock.nowMs()).toBe(5010);
  await control('POST', 'faults', [{match: 'concepts', kind: 'scope', times: 1}]);
  await control('DELETE', 'requests');
  expect((await ask(simulator, '/concepts?per_page=2')).code).toBe(11007);
  const {body} = await control('GET', 'requests');
  expect(body).toMatchObject({
    requests: [
      {method: 'GET', path: '/v2/users/me/apps/plants/concepts', query: 'per_page=2', status: 403, atMs: 5010},
    ],
    byPath: {'GET /v2/users/me/apps/plants/concepts': 1},
  });
  expect((await control('GET', 'faults')).body).toMatchObject({faults: [{spoilt: 1}]});
  expect((await control('GET', 'stats')).body).toMatchObject({total: 1, byStatus: {403: 1}});
});
