import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import type {RunDocument} from '../src/store/run-document.ts';
import type {Api} from './place.ts';

/** One `sync` as a process of its own, measured from its start to its end. */
export interface SyncCost {
  readonly document: RunDocument;
  readonly records: number;
  readonly changed: number;
  /** From the start of the process to its end. */
  readonly wholeSeconds: number;
  /** Of the run itself, as the ledger has it: without loading the program and making the tables. */
  readonly runSeconds: number;
  /** Processor time of the Node process, user and system. */
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const NO_LIMIT = 'no-limit.yaml';
const LOOK_EVERY_MS = 20;

/** What is not as usual. */
export interface RunOptions {
  /** For `--cpu-prof` and the like. */
  readonly nodeArgs?: readonly string[];
  /** Configuration file in this folder; the usual one has no rate limit. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs `sync --json`; throws unless it succeeds.
 * @param place address of the store's database, or a folder for an embedded one
 */
export async function runSync(
  api: Api,
  place: string | {readonly folder: string},
  args: readonly string[] = [],
  {nodeArgs = [], config = NO_LIMIT, env = {}}: RunOptions = {},
): Promise<SyncCost> {
  const startedMs = performance.now();
  const configFile = fileURLToPath(new URL(`../../bench/${config}`, import.meta.url));
  const child = spawn(process.execPath, [...nodeArgs, MAIN, '--config', configFile, 'sync', '--json', ...args], {
    env: {
      PATH: process.env['PATH'],
      CLARIFAI_PAT: api.pat,
      CLARIFAI_USER_ID: api.userId,
      CLARIFAI_APP_ID: api.appId,
      CLARIFAI_API_BASE: api.url,
      ...(typeof place === 'string' ? {DATABASE_URL: place} : {BENCH_DATA_DIR: place.folder}),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const usage = watchUsage(child.pid ?? 0);
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const [[code], out, said] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  const wholeSeconds = (performance.now() - startedMs) / 1000;
  if (code !== 0) throw new Error(`sync ended with ${code ?? 'a signal'}: ${out}\n${said}`);
  const document = JSON.parse(out) as RunDocument;
  const sum = (of: (stream: RunDocument['streams'][number]) => number): number =>
    document.streams.reduce((total, stream) => total + of(stream), 0);
  return {
    document,
    records: sum(({read}) => read),
    changed: sum(({inserted, updated, deleted}) => inserted + updated + deleted),
    wholeSeconds,
    runSeconds: (Date.parse(document.finished_at ?? '') - Date.parse(document.started_at)) / 1000,
    ...usage(),
  };
}

/** Looks at a process again and again; what was seen last, shortly before its end, counts. Linux alone has /proc. */
function watchUsage(pid: number): () => {cpuSeconds: number; peakRssBytes: number} {
  let seen = {cpuSeconds: NaN, peakRssBytes: NaN};
  const look = (): void => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const peakKb = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
      // A process that has ended but was not waited for has no memory any more.
      if (peakKb === undefined) return;
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const ticks = Number(fields[11]) + Number(fields[12]);
      seen = {cpuSeconds: ticks / TICKS_PER_SECOND, peakRssBytes: Number(peakKb) * 1024};
    } catch {
      // It has ended, or this is no Linux: the last look counts, or there is no figure.
    }
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
    return seen;
  };
}

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
