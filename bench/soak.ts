import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import type pg from 'pg';
import {startApi, startServer, type Api} from './place.ts';
import {median, printTable} from './result.ts';

// Does the service stay as small as it was? `start` with schedules every few seconds, an app that changes all the while and
// an API that fails now and then; see bench/README.md. Ends with 1 when something grows, or the copy is not right in the end.

const [given = '10', ...more] = process.argv.slice(2);
const minutes = Number(given);
if (!(minutes >= 1) || more.length > 0) {
  process.stderr.write('usage: npm run test:soak [-- MINUTES]\n');
  process.exit(2);
}

const SAMPLE_EVERY_MS = 5_000;
const CHANGE_EVERY_MS = 1_000;
const FAULT_EVERY_MS = 7_000;
/** For the last runs to end and the copy to be right, ms. */
const SETTLE_MS = 120_000;

/** What may be more in the last third than in the one before it: a share, and so many. */
const ROOM = {
  rssMb: {share: 0.15, more: 10},
  files: {share: 0, more: 6},
  connections: {share: 0, more: 4},
  ledgerRows: {share: 0.2, more: 100},
  queueRows: {share: 0.2, more: 20},
  objects: {share: 0.3, more: 40},
} as const;
type Sample = Record<keyof typeof ROOM, number>;
const NAMES = Object.keys(ROOM) as (keyof Sample)[];

const FAULTS: readonly object[] = [
  {kind: 'throttle', retryAfterSeconds: 1},
  {kind: 'http-error', http: 503},
  {kind: 'reset'},
  {kind: 'truncate'},
  {kind: 'empty-page'},
  {kind: 'status', code: 10000, http: 500},
];

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../bench/soak.yaml', import.meta.url));

const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-soak-'));
try {
  process.exitCode = await soak();
} finally {
  await rm(folder, {recursive: true, force: true});
}

async function soak(): Promise<number> {
  await using api = await startApi({inputs: 300, annotations: 1_200, datasets: 5, concepts: 20});
  await using server = await startServer();
  await using database = await server.database();
  const service = spawn(process.execPath, [MAIN, '--config', CONFIG, '--log-level', 'error', 'start'], {
    env: {
      PATH: process.env['PATH'],
      CLARIFAI_PAT: api.pat,
      CLARIFAI_USER_ID: api.userId,
      CLARIFAI_APP_ID: api.appId,
      CLARIFAI_API_BASE: api.url,
      DATABASE_URL: database.url,
      SOAK_FOLDER: join(folder, 'lake'),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = once(service, 'exit') as Promise<[number | null]>;
  const stop = new AbortController();
  const churning = churn(api, stop.signal);
  const samples = await watch(service.pid ?? 0, database.pool, Date.now() + minutes * 60_000);
  stop.abort();
  await churning;
  await api.control('DELETE', 'faults');
  const wrong = [...grown(samples), ...(await differences(api, database.pool))];
  const runs = await database.pool.query<{n: string}>('select sum(last_sequence)::text as n from clarifai_sync.scopes');
  service.kill('SIGTERM');
  const [code] = await ended;
  if (code !== 0) wrong.push(`the service ended with ${code ?? 'a signal'}`);
  print(samples, Number(runs.rows[0]?.n ?? 0));
  for (const line of wrong) process.stderr.write(`${line}\n`);
  return wrong.length === 0 ? 0 : 1;
}

/** Changes the app every second, each time as much as it takes away, and spoils an answer now and then. */
async function churn(api: Api, signal: AbortSignal): Promise<void> {
  let added: string[] = [];
  for (let n = 0; !signal.aborted; n++) {
    const changes = [
      {kind: 'addInputs', count: 3},
      ...(added.length === 0 ? [] : [{kind: 'deleteInputs', ids: added}]),
    ];
    const {results} = (await api.control('POST', 'changes', {changes})) as {results: {ids: string[]}[]};
    added = results[0]?.ids ?? [];
    const everyFault = Math.round(FAULT_EVERY_MS / CHANGE_EVERY_MS);
    if (n % everyFault === 0) {
      const fault = {...FAULTS[(n / everyFault) % FAULTS.length], match: '/inputs|/annotations', times: 2};
      await api.control('POST', 'faults', [fault]);
    }
    await sleep(CHANGE_EVERY_MS, undefined, {signal}).catch(() => undefined);
  }
}

async function watch(pid: number, pool: pg.Pool, untilMs: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  while (Date.now() < untilMs) {
    await sleep(SAMPLE_EVERY_MS);
    samples.push(await sample(pid, pool));
  }
  return samples;
}

/** Linux alone has /proc; elsewhere memory and files are not looked at. */
async function sample(pid: number, pool: pg.Pool): Promise<Sample> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const {rows} = await pool.query<{connections: number}>(
    `select count(*)::int as connections from pg_stat_activity where datname = current_database() and application_name like 'clarifai-sync%'`,
  );
  return {
    rssMb: Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024),
    files: files.length,
    connections: rows[0]?.connections ?? 0,
    ledgerRows: await rowsIn(pool, 'clarifai_sync'),
    queueRows: await rowsIn(pool, 'bullmq'),
    objects: (await readdir(join(folder, 'lake'), {recursive: true}).catch(() => [])).length,
  };
}

/** Not the log of events: BullMQ keeps the last 10,000 of each queue, more than there are in a soak. */
async function rowsIn(pool: pg.Pool, schema: string): Promise<number> {
  const {rows} = await pool.query<{name: string}>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = $1 and tablename <> 'event'`,
    [schema],
  );
  const counts = rows.map(({name}) => `select count(*) as n from ${name}`).join(' union all ');
  if (counts === '') return 0;
  const total = await pool.query<{n: number}>(`select sum(n)::int as n from (${counts}) c`);
  return total.rows[0]?.n ?? 0;
}

function thirds(samples: readonly Sample[], name: keyof Sample): [number, number, number] {
  const third = Math.floor(samples.length / 3);
  const of = (from: number, to?: number): number => median(samples.slice(from, to).map((each) => each[name]));
  return [of(0, third), of(third, 2 * third), of(2 * third)];
}

/** The first third is left out: caches fill, and what is old enough to be pruned is yet to come. */
function grown(samples: readonly Sample[]): string[] {
  return NAMES.flatMap((name) => {
    const [, middle, last] = thirds(samples, name);
    const {share, more: room} = ROOM[name];
    return last <= middle * (1 + share) + room ? [] : [`${name} grew from ${middle} to ${last}`];
  });
}

/** Waits until the copy is equal to the source, which does not change any more; what differs after that is told. */
async function differences(api: Api, pool: pg.Pool): Promise<string[]> {
  const untilMs = Date.now() + SETTLE_MS;
  for (;;) {
    const found: string[] = [];
    for (const [stream, key] of [
      ['inputs', 'id'],
      ['annotations', 'id'],
    ] as const) {
      const answer = await fetch(`${api.url}/_simulator/truth/${stream}`);
      const lines = (await answer.text()).trim().split('\n');
      const truth = new Set(lines.map((line) => (JSON.parse(line) as {key: string[]}).key.at(-1) ?? ''));
      const {rows} = await pool.query<{id: string}>(`select ${key} as id from clarifai.${stream}_current`);
      const stored = new Set(rows.map(({id}) => id));
      const missing = [...truth].filter((id) => !stored.has(id)).length;
      const extra = [...stored].filter((id) => !truth.has(id)).length;
      if (missing + extra > 0) found.push(`${stream}: ${missing} missing, ${extra} alive but gone at the source`);
    }
    if (found.length === 0 || Date.now() > untilMs) return found;
    await sleep(SAMPLE_EVERY_MS);
  }
}

function print(samples: readonly Sample[], runs: number): void {
  process.stdout.write(`${minutes} minutes, ${runs} runs, ${samples.length} samples\n`);
  const lines = NAMES.map((name) => [name, ...thirds(samples, name).map((value) => String(Math.round(value)))]);
  printTable([['median of', '1st third', '2nd third', '3rd third'], ...lines]);
}
