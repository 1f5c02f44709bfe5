import pg from 'pg';
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import {PostgresSink} from '../../src/sinks/postgres/postgres-sink.ts';
import type {RunMode} from '../../src/store/ledger.ts';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {selected, told, type Death} from '../support/edge.ts';
import {isLasting, watchPostgres} from '../support/edge-postgres.ts';
import {killedChanges} from '../support/killed-changes.ts';
import {KilledWorld, replicaFaults} from '../support/killed-world.ts';
import {scratchDatabase, type ScratchDatabase} from '../support/postgres.ts';

// Some dozens of runs each; with KILLS=all some hundreds.
vi.setConfig({testTimeout: process.env['KILLS'] === 'all' ? 3_600_000 : 300_000});

const STREAMS = ['inputs', 'annotations', 'datasets', 'dataset_versions'];
const APP = {inputs: 12, annotations: 16, datasets: 2, versionsPerDataset: 1};

let unwatch: () => void;
let other: ScratchDatabase;
let replica: pg.Pool;
let world: KilledWorld;
/** Points of each mode, as a run that nobody interrupts comes through them. */
const points: Record<RunMode, readonly string[]> = {full: [], incremental: []};

beforeAll(async () => {
  unwatch = watchPostgres(CATALOGUE.map(({name}) => name));
  other = await scratchDatabase();
  replica = new pg.Pool({connectionString: other.url, max: 1});
  // Its sessions are cut along with the others.
  replica.on('error', () => undefined);
  const sinks = () => [new PostgresSink({name: 'copy', url: other.url, schema: 'clarifai', history: true})];
  world = await KilledWorld.make(APP, STREAMS, sinks, [other]);
  await world.watch('full', []);
  // The second one, since the first has more to make.
  for (const mode of ['full', 'incremental'] as const) {
    await world.watch(mode, killedChanges(world.harness, mode));
    points[mode] = await world.watch(mode, killedChanges(world.harness, mode));
  }
});

afterAll(async () => {
  await replica.end();
  await world[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  unwatch();
});

/** Dies at each of these points in turn; gives what is wrong afterwards, by point. */
async function faultsOf(mode: RunMode, death: Death, doomed: readonly string[]): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const point of doomed) {
    const faults = await world.kill(mode, killedChanges(world.harness, mode), {point, death});
    faults.push(...(await replicaFaults(world.harness.pool, replica, STREAMS)));
    if (faults.length > 0) found[point] = faults;
  }
  return {...found, ...world.unreached(doomed.length)};
}

describe('a process that writes to a store and to another Postgres', () => {
  // A transaction that is cut off leaves nothing, so that these are all the states in which a death can leave the store.
  test.each([
    ['full', 2],
    ['incremental', 4],
  ] as const)('leaves no trace of its death behind a commit whose answer was lost (%s run)', async (mode, every) => {
    const lasting = points[mode].filter(isLasting);
    const doomed = told(`${mode}, behind commits`, selected(lasting, every), lasting);
    expect(await faultsOf(mode, 'after', doomed)).toEqual({});
  });

  test('leaves no trace of its death before a statement, of whatever kind', async () => {
    const pending = points.full.filter((point) => !isLasting(point));
    const doomed = told('before statements', selected(pending, 24), pending);
    expect(await faultsOf('full', 'before', doomed)).toEqual({});
  });

  test('loses nothing when the server ends every session at a commit', async () => {
    const commits = points.full.filter((point) => point.startsWith('commit of'));
    const doomed = told('sessions cut at commits', selected(commits, 6), commits);
    expect(await faultsOf('full', 'sessions cut', doomed)).toEqual({});
  });
});
