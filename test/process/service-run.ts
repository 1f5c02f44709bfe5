import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import type {SimulatorOptions} from '../../src/simulator/simulator.ts';
import type {ScratchDatabase} from '../support/postgres.ts';
import {startCli, type TestProcess} from '../support/process.ts';
import {startRedis, type TestRedis} from '../support/redis.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';
import {until} from '../support/until.ts';

/** Where the queue and the budget are. */
export const BACKENDS = ['redis', 'store'] as const;
export type Backend = (typeof BACKENDS)[number];

/** Streams of the app itself: what `ask` asks for. */
export const OF_THE_APP = CATALOGUE.filter(({scope, isDefault}) => scope === 'app' && isDefault).map(({name}) => name);

export interface RunRow {
  readonly run_id: string;
  readonly app_id: string;
  readonly mode: string;
  readonly state: string;
  readonly outcome: string | null;
  readonly error_code: string | null;
  readonly asked_by: string;
  readonly throttled: string;
  /** What it met, and what each of its streams did, for messages of tests. */
  readonly why: string;
}

/** The simulator, an empty database, a Redis where one is wanted, and processes of the service on them. */
export class ServiceRun implements AsyncDisposable {
  readonly harness: SyncHarness;
  readonly redis: TestRedis | null;
  readonly folder: string;
  readonly #processes: TestProcess[] = [];

  constructor(harness: SyncHarness, redis: TestRedis | null, folder: string) {
    this.harness = harness;
    this.redis = redis;
    this.folder = folder;
  }

  /** Starts one process of the service and waits until it says that it has. */
  async start(roles: string, level = 'info'): Promise<TestProcess> {
    const started = this.launch(roles, level);
    await started.said(/service was started/, 'stderr');
    return started;
  }

  launch(roles: string, level = 'info'): TestProcess {
    const config = join(this.folder, 'clarifai-sync.yaml');
    const env = {...this.harness.env, ...(this.redis === null ? {} : {REDIS_URL: this.redis.url})};
    const args = ['--config', config, '--log-level', level, 'start', '--roles', roles];
    const started = startCli(args, {cwd: this.folder, env});
    this.#processes.push(started);
    return started;
  }

  /** Asks for a run of the app, as the interface does. */
  async ask(mode: 'incremental' | 'full' = 'incremental'): Promise<string> {
    const {userId, appId} = this.harness.simulator;
    const [row] = await this.harness.query<{run_id: string}>(
      `insert into clarifai_sync.pending_runs (user_id, app_id, mode, asked_by, due_at)
       values ($1, $2, $3, 'test', clock_timestamp()) returning run_id`,
      [userId, appId, mode],
    );
    return row?.run_id ?? '';
  }

  /** Runs of the app, the newest first. */
  async runs(): Promise<RunRow[]> {
    return await this.harness.query<RunRow>(
      `select run_id, app_id, mode, state, outcome, error_code, asked_by, throttled::text,
         coalesce(error_code || ' ', '') || coalesce(error, '') || coalesce((select string_agg(concat_ws(' ', s.stream, s.outcome, s.error_code, s.error,
             'new rejects', s.newly_rejected, 'held back', s.held_back), '; ') from clarifai_sync.stream_runs s
           where s.run_id = r.run_id and (s.newly_rejected > 0 or s.held_back > 0
             or s.outcome is null or s.outcome not in ('succeeded', 'skipped', 'unavailable'))), '') as why
       from clarifai_sync.runs r where app_id <> '' order by sequence desc`,
    );
  }

  /** Waits for a run's outcome. */
  async ended(runId: string, timeoutMs = 100_000): Promise<RunRow> {
    try {
      return await until(
        `run ${runId} ended`,
        async () => {
          const run = (await this.runs().catch(() => [])).find(({run_id}) => run_id === runId);
          return run?.state === 'finished' ? run : undefined;
        },
        timeoutMs,
      );
    } catch (cause) {
      throw new Error(`run ${runId} did not end:\n${this.said()}`, {cause});
    }
  }

  /** Resolves at the n-th request from now on, before it is answered. */
  request(n: number): Promise<void> {
    return new Promise((resolve) => {
      this.harness.simulator.changeEvery(1, (count) => {
        if (count !== n) return;
        this.harness.simulator.changeEvery(1, null);
        resolve();
      });
    });
  }

  /** Ends every process as a machine that is shut down does. Gives their exit codes. */
  async stop(): Promise<(number | null)[]> {
    for (const process of this.#processes) process.kill('SIGTERM');
    return await Promise.all(this.#processes.map(async ({ended}) => (await ended).code));
  }

  /** The last lines of log of every process, for messages of tests. */
  said(): string {
    return this.#processes.map((process) => process.output().stderr.split('\n').slice(-25).join('\n')).join('\n----\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process[Symbol.asyncDispose]()));
    await this.redis?.[Symbol.asyncDispose]();
    await this.harness[Symbol.asyncDispose]();
    await rm(this.folder, {recursive: true, force: true});
  }
}

/**
 * @param config lines of the configuration
 * @param database left out: a new one on the server of all tests
 */
export async function serviceRun(
  backend: Backend,
  options: SimulatorOptions,
  config: string,
  {durable = false, database}: {durable?: boolean; database?: ScratchDatabase} = {},
): Promise<ServiceRun> {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-service-'));
  await writeFile(join(folder, 'clarifai-sync.yaml'), config);
  return new ServiceRun(
    await syncHarness(options, '', database),
    backend === 'redis' ? await startRedis({durable}) : null,
    folder,
  );
}
