import {cpus} from 'node:os';
import {formattedRecords} from './formatted.ts';
import {startApi, startServer, type Api, type BenchDatabase} from './place.ts';
import {loadReference} from './reference.ts';
import {atLeast, median, printTable, round2, tell, type Result} from './result.ts';
import {runSync, type SyncCost} from './run-sync.ts';

// What a sync costs beside the reference, with no rate limit; see bench/README.md. Cases run in turn in each round,
// and medians of the rounds are compared, because neighbours slow a machine for a while at a time.

interface Size {
  readonly inputs: number;
  readonly annotations: number;
  readonly rounds: number;
}

const SIZES: Readonly<Record<string, Size>> = {
  '--short': {inputs: 5_000, annotations: 20_000, rounds: 1},
  '': {inputs: 25_000, annotations: 100_000, rounds: 3},
  '--large': {inputs: 100_000, annotations: 400_000, rounds: 3},
};

/** One measurement of one case in one round. */
interface Sample {
  readonly records: number;
  readonly seconds: number;
  readonly cost: SyncCost | null;
}

const CASES = ['reference', 'first sync', 'full, unchanged', 'full, 1 % changed', 'nothing changed'] as const;
type Case = (typeof CASES)[number];

const [flag = '', ...more] = process.argv.slice(2);
const size = SIZES[flag];
if (size === undefined || more.length > 0) {
  process.stderr.write('usage: npm run bench [-- --short|--large]\n');
  process.exit(2);
}

await using api = await startApi({
  inputs: size.inputs,
  annotations: size.annotations,
  datasets: 0,
  concepts: 10,
  keepPages: true,
});
await using server = await startServer();
// It reads the very pages that sync asks for: from here on the simulator has them as they go over the wire.
const formatted = await formattedRecords(api, ['inputs', 'annotations']);
const loaded = formatted.reduce((sum, {records}) => sum + records, 0);
const rounds: Record<Case, Sample>[] = [];
for (let round = 0; round < size.rounds; round++) {
  process.stderr.write(`round ${round + 1} of ${size.rounds}\n`);
  const reference = await referenceSample();
  await using database = await server.database();
  const first = sampleOf(await runSync(api, database.url));
  const unchanged = sampleOf(await runSync(api, database.url, ['--full']));
  await changeSome(api, database);
  await formattedRecords(api, ['inputs', 'annotations']);
  const changed = sampleOf(await runSync(api, database.url, ['--full']));
  const nothing = sampleOf(await runSync(api, database.url));
  rounds.push({
    reference,
    'first sync': first,
    'full, unchanged': unchanged,
    'full, 1 % changed': changed,
    'nothing changed': nothing,
  });
}
print();

async function referenceSample(): Promise<Sample> {
  await using database = await server.database();
  return {records: loaded, seconds: await loadReference(database.url, formatted), cost: null};
}

function sampleOf(cost: SyncCost): Sample {
  return {records: cost.records, seconds: cost.wholeSeconds, cost};
}

/** Edits every hundredth input and annotation, as another user of the app would. */
async function changeSome({control}: Api, {pool}: BenchDatabase): Promise<void> {
  const metadata = {edited: rounds.length};
  const inputs = await pool.query<{id: string}>('select id from clarifai.inputs where _sync_row % 100 = 0');
  const annotations = await pool.query<{input_id: string; id: string}>(
    'select input_id, id from clarifai.annotations where _sync_row % 100 = 0',
  );
  const changes = [
    ...inputs.rows.map(({id}) => ({kind: 'editInput', id, metadata, annotationToo: false})),
    ...annotations.rows.map(({input_id, id}) => ({kind: 'editAnnotation', inputId: input_id, id, metadata})),
  ];
  await control('POST', 'changes', {changes});
}

function print(): void {
  const columns = [
    'case',
    'records/s',
    'x of reference',
    'x, run alone',
    'seconds',
    'changed',
    'requests',
    'node us',
    'MB',
  ];
  const lines = CASES.map((name) => {
    const samples = rounds.map((round) => round[name]);
    const rate = median(samples.map(rateOf));
    const ratio = median(rounds.map((round) => rateOf(round[name]) / rateOf(round.reference)));
    const costs = samples.flatMap(({cost}) => (cost === null ? [] : [cost]));
    const runRatio = median(
      rounds.map(({[name]: {cost}, reference}) =>
        cost === null ? 1 : cost.records / cost.runSeconds / rateOf(reference),
      ),
    );
    return {
      case: name,
      recordsPerSecond: Math.round(rate),
      ratio: round2(ratio),
      runRatio: round2(runRatio),
      seconds: round2(median(samples.map(({seconds}) => seconds))),
      changed: costs.length === 0 ? loaded : median(costs.map(({changed}) => changed)),
      requests: costs.length === 0 ? 0 : median(costs.map(({document}) => document.requests)),
      nodeMicroseconds:
        costs.length === 0 ? null : round2(median(costs.map(({cpuSeconds, records}) => (cpuSeconds * 1e6) / records))),
      peakRssMb: costs.length === 0 ? null : Math.round(median(costs.map(({peakRssBytes}) => peakRssBytes)) / 2 ** 20),
    };
  });
  printTable([columns, ...lines.map((line) => Object.values(line).map((value) => String(value ?? '-')))]);
  const cores = cpus();
  const machine = {cores: cores.length, model: cores[0]?.model ?? '', node: process.version};
  process.stdout.write(`${JSON.stringify({size, machine, cases: lines})}\n`);
  tell(results());
}

function results(): Result[] {
  const ratio = (name: Case, to: Case): number =>
    round2(median(rounds.map((round) => rateOf(round[name]) / rateOf(round[to]))));
  const reference = 'COPY of formatted records';
  return [
    {case: 1, name: 'first sync', reference, ...atLeast(ratio('first sync', 'reference'), 0.95)},
    {case: 2, name: 'full, unchanged', reference, ...atLeast(ratio('full, unchanged', 'reference'), 2.3)},
    {
      case: 3,
      name: 'full, 1 % changed',
      reference: 'full, unchanged',
      ...atLeast(ratio('full, 1 % changed', 'full, unchanged'), 0.85),
    },
  ];
}

function rateOf({records, seconds}: Sample): number {
  return records / seconds;
}
