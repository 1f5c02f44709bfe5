import {beginRun} from '../../src/jobs/begin-run.ts';
import {finish} from '../../src/jobs/finish.ts';
import type {JobDeps, RunRules} from '../../src/jobs/deps.ts';
import type {Sink} from '../../src/sinks/sink.ts';
import {openClient} from '../../src/source/open-client.ts';
import {Database} from '../../src/store/database.ts';
import type {RunMode, Store} from '../../src/store/ledger.ts';
import {Presence} from '../../src/store/presence.ts';
import type {RunReport} from '../../src/store/run-reports.ts';
import {readyTasks} from '../../src/store/tasks.ts';
import {createLogger} from '../../src/telemetry/logger.ts';
import {RunStops} from '../../src/workers/run-stops.ts';
import {taskWork} from '../../src/workers/task-work.ts';
import type {Edge} from './edge.ts';
import type {SyncHarness} from './sync-harness.ts';

const RULES: RunRules = {
  maxDeleteRatio: 0.3,
  proofRequests: 1_000,
  settleMs: 600_000,
  sweepMs: 86_400_000,
  maxRecordBytes: 8 * 1024 * 1024,
  pageSizeOf: () => 10,
  strategyOf: (stream) => stream.strategy,
  sweepRequests: () => 1_000,
  purgeAfterMs: null,
  notifyOn: [],
};

/** What a simulated process is to do: one run, from its beginning or from where another has left it, to its end. */
export interface WorkOrder {
  readonly harness: SyncHarness;
  /** An opened store; the process makes its own connections. */
  readonly store: Store;
  readonly streams: readonly string[];
  readonly mode: RunMode;
  /** Sinks of the process's own, made when it starts. */
  readonly sinks: () => readonly Sink[];
}

/**
 * Does a run as `sync` does, with the code of the jobs and of the worker, but without a queue: tasks one by one, in
 * order, so that what crosses the edge is the same each time.
 */
export async function work(order: WorkOrder, edge: Edge, signal: AbortSignal): Promise<RunReport> {
  return await edge.run(() => workInside(order, signal));
}

async function workInside({harness, store: opened, streams, mode, sinks: makeSinks}: WorkOrder, signal: AbortSignal) {
  const {simulator} = harness;
  const database = new Database(opened.database.connection);
  const sinks = makeSinks();
  const client = openClient({
    baseUrl: simulator.url,
    pat: simulator.pat,
    requestsPerSecond: 0,
    headroom: 0,
    maxConcurrency: 8,
  });
  let presence: Presence | null = null;
  try {
    presence = await Presence.open(database);
    const store = {...opened, database, presence};
    const {log} = createLogger({level: 'silent', format: 'json', write: () => undefined});
    const deps: JobDeps = {
      store,
      client,
      rules: RULES,
      sinks: new Map(sinks.map((sink) => [sink.name, sink])),
      log,
      onProgress: () => undefined,
    };
    const scope = {userId: simulator.userId, appId: simulator.appId};
    const options = {
      streams,
      named: false,
      allowMassDelete: false,
      sinks: sinks.map(({name}) => name),
      isStoreSink: false,
      wantsSnapshot: false,
      takeOver: false,
    };
    const {run} = await beginRun(store, client, {scope, mode, options}, RULES.settleMs, signal);
    const workOn = taskWork({deps, stops: new RunStops(), onSign: () => undefined});
    for (let ready = await readyTasks(store, run.runId); ready.length > 0; ready = await readyTasks(store, run.runId)) {
      for (const {taskId} of ready) await workOn(taskId, signal);
      signal.throwIfAborted();
    }
    return (await finish(store, run.runId)).report;
  } finally {
    await client.close();
    for (const sink of sinks) await sink[Symbol.asyncDispose]();
    await presence?.close();
    await database.close();
  }
}
