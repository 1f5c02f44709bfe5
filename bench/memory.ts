import {startApi, startServer} from './place.ts';
import {runSync} from './run-sync.ts';

// Peak memory of the Node process in a first sync of 100,000 records and of 1,000,000; it must not grow with the data
// (design, invariant 5). Run with `node dist/bench/memory.js`; takes some minutes.

const SMALL = {inputs: 20_000, annotations: 80_000, datasets: 0, concepts: 10};
const LARGE = {inputs: 200_000, annotations: 800_000, datasets: 0, concepts: 10};
const ROUNDS = 3;

await using server = await startServer();

async function peakMb(size: typeof SMALL): Promise<number> {
  await using api = await startApi(size);
  await using database = await server.database();
  const {peakRssBytes, records, wholeSeconds} = await runSync(api, database.url);
  const mb = peakRssBytes / 2 ** 20;
  process.stdout.write(`${records} records: ${mb.toFixed(0)} MB at most, ${wholeSeconds.toFixed(1)} s\n`);
  return mb;
}

const small: number[] = [];
for (let round = 0; round < ROUNDS; round++) small.push(await peakMb(SMALL));
const large = await peakMb(LARGE);
const middle = small.sort((a, b) => a - b)[ROUNDS >> 1] as number;
process.stdout.write(`ratio ${(large / middle).toFixed(2)} (at most 1.25)\n`);
