import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {expect, test, vi} from 'vitest';
import {cliSync, type CliSync} from '../process/cli-sync.ts';
import {historyFaults} from '../support/history-faults.ts';
import {replicaFaults} from '../support/killed-world.ts';
import {lakeDifferences} from '../support/lake-truth.ts';
import {folderPlace, Lake} from '../support/lake.ts';
import {scratchDatabase, type ScratchDatabase} from '../support/postgres.ts';
import {randomChange, randomFrom} from '../support/random-changes.ts';

const ALL_KILLS = 200;
const KILLS = process.env['KILLS'] === 'all' ? ALL_KILLS : Number(process.env['KILLS'] ?? 10);
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 2 ** 31);

vi.setConfig({testTimeout: 120_000 + KILLS * 20_000});

const STREAMS = [
  'inputs',
  'annotations',
  'datasets',
  'bulk_operations',
  'dataset_versions',
  'dataset_inputs',
  'concepts',
];
const APP = {inputs: 60, annotations: 150, datasets: 3, versionsPerDataset: 1, concepts: 8, bulkOperations: 4};
/** Kills from one look at everything to the next, at most. */
const MOST_KILLS = 6;
const MOST_CHANGES = 5;
/** A process lives about so long from its start to its first request, and from its last one to its end. */
const END_MS = 800;

/** Ways to run, and how often each asks about. */
const RUNS = [
  {args: [], requests: 16},
  {args: [], requests: 16},
  {args: ['--full'], requests: 45},
  {args: ['--full', '--snapshot'], requests: 45},
];

/** Real processes, an app that changes between their runs, and two places beside the store. */
interface World {
  readonly sync: CliSync;
  readonly lake: Lake;
  readonly replica: pg.Pool;
  readonly random: () => number;
}

/** When a process is killed: so long after so many requests; 0 requests: after its start. */
interface Moment {
  readonly requests: number;
  readonly ms: number;
}

const below = (random: () => number, limit: number): number => Math.floor(random() * limit);

/** Half of them at a request, half somewhere behind one: the store is closed and the sinks are fed when none comes any more. */
function randomMoment(random: () => number, most: number): Moment {
  const requests = below(random, most);
  return {requests, ms: random() < 0.5 && requests > 0 ? 0 : below(random, END_MS)};
}

/** Kills a run at that moment; false when it had come to its end before. */
async function kill({sync}: World, args: readonly string[], {requests, ms}: Moment): Promise<boolean> {
  await using cli = sync.start(args);
  let timer: NodeJS.Timeout | undefined;
  const doom = (): void => void (timer = setTimeout(() => cli.kill('SIGKILL'), ms));
  if (requests === 0) doom();
  else sync.at(requests, doom);
  const {signal, code, stderr} = await cli.ended;
  clearTimeout(timer);
  sync.harness.simulator.changeEvery(1, null);
  if (signal === null) expect(code, stderr).toBe(0);
  return signal === 'SIGKILL';
}

function changeSome({sync: {harness}, random}: World): void {
  for (let left = below(random, MOST_CHANGES + 1); left > 0; left--) {
    const change = randomChange(harness.simulator, random);
    if (change !== null) harness.change(change);
  }
}

/** Lets a full run through to its end; two, where the first only carries on what was read before the last changes. */
async function letThrough({sync}: World): Promise<void> {
  const passes = await sync.harness.query('select 1 from clarifai_sync.passes');
  const isWhole = passes.length === 0 && (await sync.unfinishedRuns()) === 0;
  for (const args of isWhole ? [['--full', '--snapshot']] : [['--full'], ['--full', '--snapshot']]) {
    const {code, stderr} = await sync.run(args);
    expect(code, stderr).toBe(0);
  }
}

/** Everything that is not as if nobody had ever died. */
async function faults({sync: {harness}, lake, replica}: World): Promise<string[]> {
  const unfinished = await harness.query<{run_id: string; state: string}>(
    `select run_id, state from clarifai_sync.runs where state <> 'finished'`,
  );
  const found = [
    ...unfinished.map(({run_id, state}) => `run ${run_id} is left ${state}`),
    ...(await harness.differences(STREAMS)),
    ...(await historyFaults(harness, STREAMS)),
    ...(await replicaFaults(harness.pool, replica, STREAMS)),
    ...(await lakeDifferences(harness, lake, 'start', STREAMS)),
    ...(await lakeDifferences(harness, lake, 'snapshot', STREAMS)),
    ...(await lake.faults()),
  ];
  return found.map((fault) => fault.slice(0, 300));
}

async function inWorld(seed: number, work: (world: World) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-kills-'));
  await using other: ScratchDatabase = await scratchDatabase();
  // Whoever waited for a lease would wait for longer than any test.
  const config = `source: {requests_per_second: 0, page_size: 20}
run: {lease_seconds: 300}
state: {url: "\${DATABASE_URL}"}
streams: [${STREAMS.join(', ')}]
sinks:
  - {name: copy, type: postgres, url: "${other.url}", schema: clarifai, history: true}
  - {name: lake, type: s3, url: "file://${folder}"}
`;
  const replica = new pg.Pool({connectionString: other.url, max: 1});
  try {
    await using sync = await cliSync(APP, config);
    await work({sync, lake: new Lake(folderPlace(folder)), replica, random: randomFrom(seed)});
  } finally {
    await replica.end();
    await rm(folder, {recursive: true});
  }
}

test('wherever processes are killed, the run after them makes everything as if nobody had died', async () => {
  process.stderr.write(`KILL_SEED=${SEED} KILLS=${KILLS}\n`);
  await inWorld(SEED, async (world) => {
    const {random} = world;
    let killed = 0;
    let lookAt = 1 + below(random, MOST_KILLS);
    for (let tries = 1; killed < KILLS; tries++) {
      const {args, requests} = RUNS[below(random, RUNS.length)] as (typeof RUNS)[number];
      const moment = randomMoment(random, requests);
      changeSome(world);
      if (await kill(world, args, moment)) killed++;
      if (killed < lookAt && killed < KILLS) continue;
      await letThrough(world);
      const where = `KILL_SEED=${SEED}, try ${tries}: sync ${args.join(' ')} at ${JSON.stringify(moment)}`;
      expect(await faults(world), where).toEqual([]);
      lookAt = killed + 1 + below(random, MOST_KILLS);
    }
  });
});
