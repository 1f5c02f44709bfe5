import {spawnSync} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {startApi, startServer} from './place.ts';
import {atMost, median, round2, tell} from './result.ts';
import {runSync} from './run-sync.ts';

// Peak memory of the Node process in a first sync of 100,000 records and of 1,000,000; it must not grow with the data
// (design, invariant 5). Run with `node dist/bench/memory.js`; takes some minutes.

const [flag = '', ...more] = process.argv.slice(2);
if (!(flag === '' || flag === '--short') || more.length > 0) {
  process.stderr.write('usage: node dist/bench/memory.js [--short]\n');
  process.exit(2);
}
const scale = flag === '--short' ? 20 : 1;
const SMALL = {inputs: 20_000 / scale, annotations: 80_000 / scale, datasets: 0, concepts: 10};
const LARGE = {inputs: 200_000 / scale, annotations: 800_000 / scale, datasets: 0, concepts: 10};
const ROUNDS = flag === '--short' ? 1 : 3;

await using server = await startServer();

async function peakMb(size: typeof SMALL): Promise<number> {
  await using api = await startApi(size);
  await using database = await server.database();
  const {peakRssBytes, records, wholeSeconds} = await runSync(api, database.url);
  const mb = peakRssBytes / 2 ** 20;
  process.stdout.write(`${records} records: ${mb.toFixed(0)} MB at most, ${wholeSeconds.toFixed(1)} s\n`);
  return mb;
}

/** What `sync` loads: the program itself loads each command when it is called. */
const LOADED = ['program', 'context', 'sync', 'run-now'];

/** A process that has loaded all of the program, as `sync` does, and done nothing else. */
function loadedMb(): number {
  const modules = LOADED.map((name) => fileURLToPath(new URL(`../src/cli/${name}.js`, import.meta.url)));
  const script = `for (const module of ${JSON.stringify(modules)}) await import(module);
    process.stdout.write(String(process.resourceUsage().maxRSS))`;
  const {stdout} = spawnSync(process.execPath, ['--input-type=module', '-e', script], {encoding: 'utf8'});
  return Number(stdout) / 1024;
}

const small: number[] = [];
for (let round = 0; round < ROUNDS; round++) small.push(await peakMb(SMALL));
const large = await peakMb(LARGE);
const loaded = loadedMb();
process.stdout.write(`the program alone: ${loaded.toFixed(0)} MB\n`);
tell([
  {
    case: 7,
    name: 'memory at ten times the records',
    reference: 'a tenth',
    ...atMost(round2(large / median(small)), 1.15),
  },
  {case: 7, name: 'memory at the most', reference: 'the program alone', ...atMost(round2(large / loaded), 2.5)},
]);
