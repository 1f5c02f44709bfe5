import type {Config} from '../../src/config/config.ts';
import {EXIT_CODES} from '../../src/core/errors.ts';
import {beginRun} from '../../src/jobs/begin-run.ts';
import type {JobDeps, RunRules} from '../../src/jobs/deps.ts';
import {openClient, type SourceOptions} from '../../src/source/open-client.ts';
import type {RunMode, Store} from '../../src/store/ledger.ts';
import type {RunReport} from '../../src/store/run-reports.ts';
import type {Context} from '../../src/cli/context.ts';
import {rulesOf} from '../../src/cli/context.ts';
import {createLogger} from '../../src/telemetry/logger.ts';
import {driveRun} from '../../src/workers/drive-run.ts';
import {RunStops} from '../../src/workers/run-stops.ts';
import {taskWork, type TaskWork} from '../../src/workers/task-work.ts';
import type {TaskGiver} from '../../src/workers/tasks.ts';
import type {SyncHarness} from './sync-harness.ts';

/** What a run came to, as whoever scripts against `sync` sees it. */
export interface EndedRun {
  readonly exit: number;
  readonly outcome: string;
  readonly report: RunReport;
}

export interface RunWish {
  readonly mode: RunMode;
  readonly streams: readonly string[];
  readonly rules?: Partial<RunRules>;
  /** How patient the client is. */
  readonly source?: Pick<SourceOptions, 'retry' | 'limits'>;
}

/**
 * The runs of a harness with the store kept open between them and without a queue, so that one costs milliseconds: the
 * same jobs, driven by the same code, each task begun the moment that it is given out.
 */
export class OpenRuns implements AsyncDisposable {
  readonly #harness: SyncHarness;
  readonly #context: Context;
  readonly #config: Config;
  readonly #store: Store;

  private constructor(harness: SyncHarness, context: Context, config: Config, store: Store) {
    this.#harness = harness;
    this.#context = context;
    this.#config = config;
    this.#store = store;
  }

  static async of(harness: SyncHarness): Promise<OpenRuns> {
    const context = harness.context([], () => undefined, new AbortController().signal);
    const config = await context.config(['pat', 'apps']);
    return new OpenRuns(harness, context, config, await context.store(config));
  }

  /** One run of the app, to its end. */
  async run({mode, streams, rules, source}: RunWish): Promise<EndedRun> {
    const {simulator} = this.#harness;
    const client = openClient({
      baseUrl: simulator.url,
      pat: simulator.pat,
      requestsPerSecond: 0,
      headroom: 0,
      maxConcurrency: 16,
      ...source,
    });
    const deps: JobDeps = {
      store: this.#store,
      client,
      sinks: new Map(),
      rules: {...rulesOf(this.#config), ...rules},
      log: createLogger({level: 'error', format: 'json', write: () => undefined}).log,
      onProgress: () => undefined,
    };
    const options = {
      streams,
      named: false,
      allowMassDelete: false,
      sinks: [],
      isStoreSink: true,
      wantsSnapshot: false,
      takeOver: false,
    };
    const scope = {userId: simulator.userId, appId: simulator.appId};
    const {signal} = this.#context.surroundings;
    try {
      const begun = await beginRun(this.#store, client, {scope, mode, options}, deps.rules.settleMs, signal);
      return await this.#drive(deps, begun.run, signal);
    } finally {
      await client.close();
    }
  }

  async #drive(deps: JobDeps, run: RunReport['run'], signal: AbortSignal): Promise<EndedRun> {
    const stops = new RunStops();
    const tasks = new TasksAtOnce(taskWork({deps, stops, onSign: () => undefined}));
    const ended = await driveRun(
      {
        store: this.#store,
        tasks,
        stops,
        slices: null,
        changed: () => tasks.changed(),
        stallMs: 30_000,
        atSignal: 'end',
        now: Date.now,
        notifyOn: [],
        failing: () => tasks.failure,
      },
      run,
      signal,
    );
    if (ended === null) throw new Error('the run was left');
    return {exit: EXIT_CODES[ended.verdict.exit], outcome: ended.verdict.outcome, report: ended.report};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}

/** Begins each task as it is given, once at a time. */
class TasksAtOnce implements TaskGiver {
  readonly #work: TaskWork;
  readonly #open = new Set<string>();
  #wake: () => void = () => undefined;
  #hasChanged = false;
  /** What a task's job failed with, which none should. */
  failure: Error | null = null;

  constructor(work: TaskWork) {
    this.#work = work;
  }

  give({taskId}: {readonly taskId: string}): Promise<void> {
    if (this.#open.has(taskId)) return Promise.resolve();
    this.#open.add(taskId);
    void this.#work(taskId, new AbortController().signal)
      .catch((error: unknown) => {
        this.failure = error as Error;
      })
      .finally(() => {
        this.#open.delete(taskId);
        this.#hasChanged = true;
        this.#wake();
      });
    return Promise.resolve();
  }

  /** Resolves when a task has ended since the last call. */
  async changed(): Promise<void> {
    if (!this.#hasChanged) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#hasChanged = false;
  }
}
