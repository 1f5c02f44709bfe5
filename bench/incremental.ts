import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {CATALOGUE} from '../src/streams/catalogue.ts';
import {startApi} from './place.ts';
import {atMost, round2, tell} from './result.ts';
import {runSync, type SyncCost} from './run-sync.ts';

// What runs after the first one cost over a large app, in requests and in time, by the real executable with an embedded
// store and no rate limit (contract, section 5; bench/README.md). Ends with 1 when a run makes more requests than it may.

const SIZES = {
  '': {inputs: 250_000, annotations: 1_000_000},
  '--short': {inputs: 25_000, annotations: 100_000},
} as const;

/** Requests beyond the small lists and those for pending inputs that a run may make. */
const MOST = {nothing: 10, some: 30} as const;

const GOAL_SECONDS = 2;
const ROUNDS = 5;

/** Lists that are read in full in every run, each to its empty page: those that the catalogue says so of. */
const SMALL_LISTS: readonly RegExp[] = CATALOGUE.filter(({strategy}) => strategy === 'list').flatMap(({lists}) =>
  lists.map(({path}) => new RegExp(`^GET ${path.replaceAll(/\{[^}]*\}/g, '[^/]+')}$`)),
);
const isSmallList = (request: string): boolean => SMALL_LISTS.some((list) => list.test(request));
const VERSIONS = /\/datasets\/[^/]+\/versions$/;

/** Pending inputs that one request asks for (source/key-batches.ts). */
const IDS_AT_ONCE = 128;

const [flag = '', ...more] = process.argv.slice(2);
if (!(flag === '' || flag === '--short') || more.length > 0) {
  process.stderr.write('usage: npm run scale [-- --short]\n');
  process.exit(2);
}
const size = SIZES[flag];

await using api = await startApi({...size, datasets: 5, datasetInputs: 0.01, concepts: 40});
const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-scale-'));
try {
  process.exitCode = await measure(folder);
} finally {
  await rm(folder, {recursive: true, force: true});
}

async function measure(dataDir: string): Promise<number> {
  const store = {folder: dataDir};
  const first = await runSync(api, store);
  say(`first run: ${first.records} records, ${first.document.requests} requests, ${first.wholeSeconds.toFixed(1)} s`);
  // What the first run left to do behind it (autovacuum, the server's own checkpoint) belongs to it.
  const nothing: Measured[] = [];
  for (let round = 0; round < ROUNDS; round++) nothing.push(await measured('nothing changed', store));
  const changed = await change();
  const some = await measured(`${changed} records changed`, store);
  const wrong = [
    ...nothing.filter(({beyond}) => beyond > MOST.nothing).map(({name}) => `${name}: more than ${MOST.nothing}`),
    ...nothing.filter(({cost}) => cost.changed !== 0).map(({name}) => `${name}: rows were written`),
    ...(some.beyond > MOST.some ? [`${some.name}: more than ${MOST.some}`] : []),
    ...(some.cost.changed < changed ? [`${some.name}: only ${some.cost.changed} were written`] : []),
  ];
  const seconds = nothing.map(({cost}) => cost.wholeSeconds).sort((a, b) => a - b)[ROUNDS >> 1] as number;
  say(`start to exit with nothing changed: ${seconds.toFixed(2)} s, goal ${GOAL_SECONDS} s`);
  const most = (of: readonly Measured[]): number => Math.max(...of.map(({beyond}) => beyond));
  const reference = 'an app read before';
  tell([
    {
      case: 4,
      name: 'nothing changed: requests beyond the small lists',
      reference,
      ...atMost(most(nothing), MOST.nothing),
    },
    {case: 4, name: 'nothing changed: start to exit, s', reference, ...atMost(round2(seconds), GOAL_SECONDS)},
    {case: 4, name: `${changed} records changed: requests beyond`, reference, ...atMost(most([some]), MOST.some)},
  ]);
  for (const line of wrong) say(`NOT MET: ${line}`);
  const of = ({beyond, pending, cost}: Measured) => ({
    beyond,
    pending,
    requests: cost.document.requests,
    changed: cost.changed,
    seconds: cost.wholeSeconds,
  });
  say(JSON.stringify({size, first: first.wholeSeconds, nothing: nothing.map(of), some: of(some)}));
  return wrong.length === 0 ? 0 : 1;
}

interface Measured {
  readonly name: string;
  readonly cost: SyncCost;
  /** Requests beyond the small lists and the pending inputs. */
  readonly beyond: number;
  /** Requests that pending inputs take at least. */
  readonly pending: number;
}

async function measured(name: string, store: {readonly folder: string}): Promise<Measured> {
  await api.control('DELETE', 'requests');
  const cost = await runSync(api, store);
  const {byPath} = (await api.control('GET', 'requests')) as {byPath: Record<string, number>};
  const others = Object.entries(byPath).filter(([path]) => !isSmallList(path) && !VERSIONS.test(path));
  const all = others.reduce((sum, [, count]) => sum + count, 0);
  const pending = Math.ceil((await pendingInputs()) / IDS_AT_ONCE);
  const beyond = all - pending;
  const total = cost.document.requests;
  say(`${name}: ${total} requests, ${pending} for pending inputs, ${beyond} beyond; ${cost.wholeSeconds.toFixed(2)} s`);
  for (const [path, count] of others) say(`    ${count} x ${path}`);
  return {name, cost, beyond, pending};
}

/** By the source's own count, which has those that are downloaded and those that are processed. */
async function pendingInputs(): Promise<number> {
  const path = `/v2/users/${api.userId}/apps/${api.appId}/inputs/status`;
  const answer = await fetch(`${api.url}${path}`, {headers: {authorization: `Key ${api.pat}`}});
  const {counts} = (await answer.json()) as {counts: {processing: number; to_process: number}};
  return counts.processing + counts.to_process;
}

/** Fifty inputs and a hundred annotations, spread over the app; gives how many records. */
async function change(): Promise<number> {
  const spread = async (stream: string, of: number, count: number): Promise<string[][]> => {
    const offsets = Array.from({length: 5}, (_, part) => Math.floor((of / 5) * part) + 7);
    const found = await Promise.all(offsets.map((offset) => truth(stream, offset, count / 5)));
    return found.flat();
  };
  const inputs = await spread('inputs', size.inputs, 25);
  const annotations = await spread('annotations', size.annotations, 75);
  await api.control('POST', 'changes', {
    changes: [
      {kind: 'addInputs', count: 25},
      // Each edits the annotation too that carries the metadata.
      ...inputs.map(([id]) => ({kind: 'editInput', id, metadata: {edited: true}})),
      ...annotations.map(([inputId, id]) => ({kind: 'editAnnotation', inputId, id, metadata: {edited: true}})),
    ],
  });
  return 25 + inputs.length * 2 + annotations.length;
}

async function truth(stream: string, offset: number, limit: number): Promise<string[][]> {
  const answer = await fetch(`${api.url}/_simulator/truth/${stream}?offset=${offset}&limit=${limit}`);
  const lines = (await answer.text()).trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as {key: string[]}).key);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
