import {startApi, startServer, type Api, type Server} from './place.ts';
import {atLeast, printTable, round2, tell, type Result} from './result.ts';
import {runSync} from './run-sync.ts';

// How much of the API's 15 requests a second first readings use, from their first request to their last one, at several
// latencies, by one process and by four that share the credential and the store, each with an app of its own. Counted
// where the requests arrive; the simulator answers with 429 as the API does. Ends with 1 when one was throttled.

const PER_SECOND = 15;
const PAGE_SIZE = 20;
/** Four apps of one user. */
const [FIRST, ...OTHERS] = ['plants', 'birds', 'stones', 'clouds'] as const;

interface Case {
  readonly latencyMs: number;
  readonly processes: 1 | 4;
  readonly headroom: number;
}

const USUAL = 0.07;
const CASES: readonly Case[] = [
  ...[50, 200, 800].flatMap((latencyMs) =>
    ([1, 4] as const).map((processes) => ({latencyMs, processes, headroom: USUAL})),
  ),
  {latencyMs: 200, processes: 1, headroom: 0.02},
];

/**
 * Pages of annotations that are read in each case, over all apps; SLOW_TIMES as many at 800 ms. A run loses about three
 * answers' time whatever its length: one request asks for the app, the first pages tell that there are more, and behind the
 * last page comes the look for what the search does not show. That is 3 s there, a tenth of a run of half a minute.
 */
const PAGES: Readonly<Record<string, number>> = {'--short': 40, '': 280, '--large': 900};

const SLOW_MS = 800;
const SLOW_TIMES = 4;

const [flag = '', ...more] = process.argv.slice(2);
const pages = PAGES[flag];
if (pages === undefined || more.length > 0) {
  process.stderr.write('usage: node dist/bench/budget.js [--short|--large]\n');
  process.exit(2);
}

await using server = await startServer();
const results: Result[] = [];
const rows = [['latency, ms', 'processes', 'headroom', 'requests', 'seconds', 'used', 'most in a second', 'throttled']];
for (const each of flag === '--short' ? CASES.slice(0, 2) : CASES) {
  const seen = await measure(server, each, each.latencyMs < SLOW_MS ? pages : pages * SLOW_TIMES);
  const {latencyMs, processes, headroom} = each;
  const used = round2(seen.used);
  const goal = headroom < USUAL ? 0.96 : 0.91;
  const name = `${latencyMs} ms, ${processes} process${processes === 1 ? '' : 'es'}, headroom ${headroom}`;
  results.push({case: 5, name, reference: `${PER_SECOND} requests/s`, ...atLeast(used, goal)});
  const figures = [
    latencyMs,
    processes,
    headroom,
    seen.requests,
    round2(seen.seconds),
    used,
    seen.peak,
    seen.throttled,
  ];
  rows.push(figures.map(String));
  if (seen.throttled > 0) process.exitCode = 1;
}
printTable(rows);
tell(results);

interface Seen {
  readonly requests: number;
  readonly seconds: number;
  /** Share of the budget. */
  readonly used: number;
  readonly peak: number;
  readonly throttled: number;
}

async function measure(at: Server, {latencyMs, processes, headroom}: Case, allPages: number): Promise<Seen> {
  const annotations = (allPages / processes) * PAGE_SIZE;
  // Few inputs: their pages are asked for one after the other, for each begins where the last one ended. At 800 ms that is
  // 1.25 a second, so an app that is mostly inputs is bound by latency, not by the budget.
  const size = {inputs: Math.ceil(annotations / 40), annotations, datasets: 0, concepts: 5};
  const others = OTHERS.slice(0, processes - 1);
  await using api = await startApi({
    ...size,
    appId: FIRST,
    apps: Object.fromEntries(others.map((app) => [app, size])),
    settings: {latencyMs, requestsPerSecond: PER_SECOND},
  });
  await using database = await at.database();
  // What is read once for all apps of a user belongs to one of them: two runs of it would wait for each other.
  const read = (app: string, i: number): Promise<unknown> =>
    runSync(
      api,
      database.url,
      ['--app', `${api.userId}/${app}`, ...(i === 0 ? [] : ['--stream', 'inputs', 'annotations'])],
      {
        config: 'limited.yaml',
        env: {BENCH_HEADROOM: String(headroom)},
      },
    );
  await Promise.all([FIRST, ...others].map(read));
  return await seenBy(api);
}

async function seenBy(api: Api): Promise<Seen> {
  const {requests} = (await api.control('GET', 'requests')) as {requests: {monotonicMs: number}[]};
  const stats = (await api.control('GET', 'stats')) as {throttled: number; peakPerSecond: number};
  const seconds = ((requests.at(-1)?.monotonicMs ?? 0) - (requests[0]?.monotonicMs ?? 0)) / 1000;
  const used = (requests.length - 1) / seconds / PER_SECOND;
  return {requests: requests.length, seconds, used, peak: stats.peakPerSecond, throttled: stats.throttled};
}
