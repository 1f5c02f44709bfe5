import type {RunRules} from '../../src/jobs/deps.ts';
import {openClient} from '../../src/source/open-client.ts';
import type {Store} from '../../src/store/ledger.ts';
import {closeStore, openStore} from '../../src/store/open.ts';
import {createLogger} from '../../src/telemetry/logger.ts';
import {QueueBackend, type QueuePlace} from '../../src/workers/queue-backend.ts';
import type {Plan, RunDriverParts} from '../../src/workers/run-driver.ts';
import {RunQueue} from '../../src/workers/run-queue.ts';
import {TaskQueue} from '../../src/workers/task-queue.ts';
import {startService, type Service} from '../../src/workers/service.ts';
import type {SyncHarness} from './sync-harness.ts';

const RULES: RunRules = {
  maxDeleteRatio: 0.3,
  proofRequests: 100,
  settleMs: 600_000,
  sweepMs: 86_400_000,
  maxRecordBytes: 8 * 1024 * 1024,
  pageSizeOf: () => 1_000,
  strategyOf: (stream) => stream.strategy,
  sweepRequests: () => 1_000,
  purgeAfterMs: null,
  notifyOn: [],
};

/** The parts of the service in this process, over one small stream of a simulated app. */
export class InProcess implements AsyncDisposable {
  readonly store: Store;
  readonly backend: QueueBackend;
  readonly runs: RunQueue;
  readonly firing: Pick<RunDriverParts, 'deps' | 'plan' | 'runs' | 'random'>;
  readonly #closers: (() => Promise<unknown>)[];
  /** A full run makes way when it has been reading for so long. */
  sliceMs = 60_000;

  private constructor(
    store: Store,
    backend: QueueBackend,
    firing: Pick<RunDriverParts, 'deps' | 'plan' | 'runs' | 'random'>,
    closers: (() => Promise<unknown>)[],
  ) {
    this.store = store;
    this.backend = backend;
    this.runs = firing.runs;
    this.firing = firing;
    this.#closers = closers;
  }

  /**
   * @param redisUrl null: the queue is in the store
   * @param of streams of the app, and how many records a page has
   */
  static async open(
    harness: SyncHarness,
    redisUrl: string | null,
    of: {readonly streams: readonly string[]; readonly pageSize: number} = {streams: ['concepts'], pageSize: 1_000},
  ): Promise<InProcess> {
    const {simulator, database} = harness;
    const connection = {url: database.url};
    const store = await openStore({connection, schema: 'clarifai', history: false, leaseMs: 15_000});
    const {pat} = simulator;
    const client = openClient({baseUrl: simulator.url, pat, requestsPerSecond: 0, headroom: 0, maxConcurrency: 8});
    const place: QueuePlace =
      redisUrl === null ? {kind: 'store', connection} : {kind: 'redis', url: redisUrl, installation: store.storeId};
    const backend = await QueueBackend.open({place, lockMs: 15_000, onError: () => undefined});
    const {log} = createLogger({level: 'error', format: 'json', write: (line) => void process.stderr.write(line)});
    const scope = {userId: simulator.userId, appId: simulator.appId};
    const plan: Plan = {
      scopes: () => Promise.resolve([scope]),
      known: () => [scope],
      optionsOf: (_scope, streams) => ({
        streams: streams ?? of.streams,
        named: false,
        allowMassDelete: false,
        sinks: [],
        isStoreSink: false,
        wantsSnapshot: false,
        takeOver: false,
      }),
    };
    const deps = {
      store,
      client,
      sinks: new Map(),
      rules: {...RULES, pageSizeOf: () => of.pageSize},
      log,
      onProgress: () => undefined,
    };
    const runs = new RunQueue(backend);
    const closers = [() => closeStore(store), () => client.close(), () => runs.close()];
    return new InProcess(store, backend, {deps, plan, runs, random: () => 0.5}, closers);
  }

  /** Starts a worker. */
  work(): Service {
    const {deps, plan, random} = this.firing;
    const tasks = new TaskQueue(this.backend);
    this.#closers.push(() => tasks.close());
    const service = startService({
      deps,
      tasks,
      runs: this.runs,
      plan,
      schedules: [],
      isScheduler: false,
      isWorker: true,
      stallMs: 60_000,
      sliceMs: this.sliceMs,
      drainTimeoutMs: 10_000,
      retainRunsMs: 0,
      now: Date.now,
      random,
    });
    this.#closers.push(() => service.close());
    return service;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
  }
}
