import {readFileSync, readdirSync} from 'node:fs';
import pg from 'pg';
import {scanEnvelope} from '../src/core/envelope.ts';
import {scanRecord, type PageScan} from '../src/core/page-scan.ts';
import {preparePage} from '../src/core/prepare.ts';
import type {PreparedPage} from '../src/core/prepared.ts';
import {pathsOf} from '../src/core/record-paths.ts';
import {RecordScanner} from '../src/core/record-scan.ts';
import {DEFAULT_LIMITS, Transport} from '../src/source/transport.ts';
import {streamNamed} from '../src/streams/catalogue.ts';
import type {Stream} from '../src/streams/stream.ts';
import {copyLines} from './formatted.ts';
import {startApi, startServer, type Api, type Server} from './place.ts';
import {loadReference} from './reference.ts';
import {median, printTable, round2, tell, type Result} from './result.ts';

// Processor time of each stage that a record goes through, for one stream of each kind: receive (the socket), parse
// (bounds of records, places of values), hash (and key), format (text for COPY), write (Node and Postgres). Each stage is
// run over the same pages by itself; those in Node many times over, so that the compiler has seen them.

/** A stream of each kind, and its list in the simulator's app. */
const KINDS: readonly {readonly stream: string; readonly list: string; readonly field: string}[] = [
  {stream: 'inputs', list: 'inputs', field: 'inputs'},
  {stream: 'annotations', list: 'annotations', field: 'annotations'},
  {stream: 'concepts', list: 'concepts', field: 'concepts'},
  {stream: 'dataset_inputs', list: 'datasets/*/inputs', field: 'dataset_inputs'},
];
const STAGES = ['receive', 'parse', 'hash', 'format', 'write, Node', 'write, Postgres'] as const;
type Stage = (typeof STAGES)[number];

const PAGE_SIZE = 1_000;
const SIZES: Readonly<Record<string, {readonly records: number; readonly rounds: number}>> = {
  '--short': {records: 2_000, rounds: 2},
  '': {records: 20_000, rounds: 5},
};
/** USER_HZ is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;
const MAX_RECORD_BYTES = 8 * 1024 * 1024;

const [flag = '', ...more] = process.argv.slice(2);
const size = SIZES[flag];
if (size === undefined || more.length > 0) {
  process.stderr.write('usage: node dist/bench/stages.js [--short]\n');
  process.exit(2);
}

const {records, rounds} = size;
await using api = await startApi({
  inputs: records,
  annotations: records,
  concepts: records,
  datasets: 1,
  datasetInputs: 1,
});
await using server = await startServer();
const results: Result[] = [];
const rows: string[][] = [['ms of processor for 1,000 records', 'bytes', ...STAGES]];
for (const {stream, list, field} of KINDS) {
  const pages = await receivedPages(api, await pathOf(api, list), field);
  const costs: Record<Stage, number>[] = [];
  for (let round = 0; round <= rounds; round++) {
    const cost = await stagesOf(server, streamNamed(stream), field, pages);
    if (round > 0) costs.push(cost); // the first one warms up
  }
  const middle = STAGES.map((stage) => round2(median(costs.map((cost) => cost[stage]))));
  const count = pages.reduce((sum, page) => sum + page.count, 0);
  const bytes = Math.round(pages.reduce((sum, page) => sum + page.bytes.length, 0) / count);
  rows.push([stream, String(bytes), ...middle.map(String)]);
  STAGES.forEach((stage, s) => {
    const name = `${stream}: ${stage}`;
    results.push({case: 8, name, reference: 'ms for 1,000 records', value: middle[s] ?? NaN, goal: '', isMet: null});
  });
}
printTable(rows);
tell(results);

interface ReceivedPage {
  readonly path: string;
  readonly bytes: Buffer;
  readonly count: number;
}

/** Path of a list of the app; `*` stands for the first dataset. */
async function pathOf({url, pat, userId, appId}: Api, list: string): Promise<string> {
  const app = `/v2/users/${userId}/apps/${appId}`;
  if (!list.includes('*')) return `${app}/${list}`;
  const answer = await fetch(`${url}${app}/datasets`, {headers: {authorization: `Key ${pat}`}});
  const {datasets} = (await answer.json()) as {datasets: {id: string}[]};
  return `${app}/${list.replace('*', datasets[0]?.id ?? '')}`;
}

async function receivedPages(at: Api, path: string, field: string): Promise<ReceivedPage[]> {
  const pages: ReceivedPage[] = [];
  await using transport = opened(at);
  for (let page = 1; ; page++) {
    const pagePath = `${path}?page=${page}&per_page=${PAGE_SIZE}`;
    const bytes = await transport.get(pagePath);
    const envelope = scanEnvelope(bytes, {field});
    if (envelope.kind !== 'status') throw new Error(`${pagePath} gave no list`);
    if (envelope.spans.length === 0) return pages;
    pages.push({path: pagePath, bytes, count: envelope.spans.length / 2});
  }
}

/** As the service receives: packed where the API packs. */
function opened({url, pat}: Api): AsyncDisposable & {get(path: string): Promise<Buffer>} {
  const transport = new Transport(url, 2, DEFAULT_LIMITS);
  const headers = {authorization: `Key ${pat}`, 'accept-encoding': 'gzip'};
  const signal = new AbortController().signal;
  return {
    get: async (path) => {
      const exchange = await transport.exchange({method: 'GET', path, headers, body: null}, signal, () => true);
      if (exchange?.kind !== 'answered') throw new Error(`${path}: ${exchange?.kind ?? 'not sent'}`);
      return exchange.bytes;
    },
    [Symbol.asyncDispose]: () => transport.close(),
  };
}

async function stagesOf(
  at: Server,
  stream: Stream,
  field: string,
  pages: readonly ReceivedPage[],
): Promise<Record<Stage, number>> {
  const count = pages.reduce((sum, page) => sum + page.count, 0);
  const perThousand = (ms: number): number => (ms * 1_000) / count;
  await using transport = opened(api);
  const receive = await cpuMs(async () => {
    for (const {path} of pages) await transport.get(path);
  });
  const spansOf = (bytes: Buffer): Int32Array => {
    const envelope = scanEnvelope(bytes, {field});
    return envelope.kind === 'status' ? envelope.spans : new Int32Array();
  };
  const parse = await cpuMs(() => {
    for (const {bytes} of pages) scanAll(stream, bytes, spansOf(bytes));
  });
  const prepared: PreparedPage[] = [];
  const parentKey = stream.shape.key.filter(({from}) => from === 'parent').map(() => 'parent');
  const prepare = await cpuMs(() => {
    for (const {bytes} of pages) {
      prepared.push(preparePage(stream.shape, bytes, spansOf(bytes), {parentKey, maxRecordBytes: MAX_RECORD_BYTES}));
    }
  });
  const texts: Buffer[] = [];
  const format = await cpuMs(() => {
    for (const [i, page] of prepared.entries()) texts.push(copyLines(page, 1 + i * PAGE_SIZE));
  });
  await using database = await at.database();
  const postmaster = await postmasterOf(database.url);
  const before = treeCpuMs(postmaster);
  const write = await cpuMs(() => loadReference(database.url, [{stream, pages: texts, records: count}]));
  const postgres = treeCpuMs(postmaster) - before;
  return {
    receive: perThousand(receive),
    parse: perThousand(parse),
    hash: perThousand(Math.max(0, prepare - parse)),
    format: perThousand(format),
    'write, Node': perThousand(write),
    'write, Postgres': perThousand(postgres),
  };
}

async function cpuMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const {user, system} = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function scanAll({shape}: Stream, bytes: Buffer, spans: Int32Array): void {
  const paths = pathsOf(shape);
  const slots = new Int32Array(paths.slotCount * spans.length);
  const scanner = new RecordScanner(paths, bytes, slots);
  const page: PageScan = {shape, paths, bytes, spans, slots, scanner, isUtf8: true};
  for (let n = 0; n < spans.length / 2; n++) scanRecord(page, n);
}

async function postmasterOf(databaseUrl: string): Promise<number> {
  const client = new pg.Client({connectionString: databaseUrl});
  await client.connect();
  const found = await client.query<{text: string}>(`select pg_read_file('postmaster.pid') as text`);
  await client.end();
  return Number.parseInt(found.rows[0]?.text ?? '', 10);
}

/** Processor time of a process and of its children, those that have ended included. Linux alone has /proc. */
function treeCpuMs(root: number): number {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(name) !== root && Number(fields[1]) !== root) continue;
      ticks += [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    } catch {
      // It has ended meanwhile: the parent has its time.
    }
  }
  return ticks * MS_PER_TICK;
}
