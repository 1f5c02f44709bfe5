import type {Stream} from '../../src/streams/stream.ts';
import {preparePage} from '../../src/core/prepare.ts';
import type {PreparedPage} from '../../src/core/prepared.ts';
import {openStore, closeStore} from '../../src/store/open.ts';
import type {Run, RunOptions, Store} from '../../src/store/ledger.ts';
import {openRun} from '../../src/store/runs.ts';
import {readyTasks, takeTask, type HeldTask} from '../../src/store/tasks.ts';
import {streamNamed} from '../../src/streams/catalogue.ts';
import {scratchDatabase, type ScratchDatabase} from './postgres.ts';

export const SCOPE = {userId: 'acme', appId: 'plants'};

/** A database of a test's own with any number of stores on it: each is what one process would have open. */
export class Stores implements AsyncDisposable {
  readonly database: ScratchDatabase;
  readonly #open: Store[] = [];

  private constructor(database: ScratchDatabase) {
    this.database = database;
  }

  static async make(): Promise<Stores> {
    return new Stores(await scratchDatabase());
  }

  async open(options: {history?: boolean; leaseMs?: number; schema?: string; url?: string} = {}): Promise<Store> {
    const {history = false, leaseMs = 60_000, schema = 'clarifai', url = this.database.url} = options;
    const store = await openStore({connection: {url}, schema, history, leaseMs});
    this.#open.push(store);
    return store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#open) await closeStore(store);
    await this.database.drop();
  }
}

/** Opens a run of these streams, as a process that reads them would. */
export async function beginRunOf(store: Store, names: readonly string[], mode: Run['mode'] = 'full'): Promise<Run> {
  const options: RunOptions = {
    streams: names,
    named: false,
    allowMassDelete: false,
    sinks: [],
    isStoreSink: false,
    wantsSnapshot: false,
    takeOver: false,
  };
  const beginning = {marker: 'm1', sourceTimeMs: Date.parse('2024-06-01T00:00:00Z')};
  return await openRun(store, SCOPE, mode, options, names.map(streamNamed), beginning, 0);
}

/** Takes the first task of a run that is ready. */
export async function takeFirst(store: Store, run: Run): Promise<HeldTask> {
  const [ready] = await readyTasks(store, run.runId);
  const task = ready === undefined ? null : await takeTask(store, ready.taskId);
  if (task === null) throw new Error('no task of the run can be taken');
  return task;
}

/** A page of records, given as values or as JSON texts. */
export function pageOf(
  stream: Stream,
  records: readonly (object | string)[],
  parentKey: readonly string[] = [],
): PreparedPage {
  const texts = records.map((record) => Buffer.from(typeof record === 'string' ? record : JSON.stringify(record)));
  const spans: number[] = [];
  let at = 0;
  for (const text of texts) {
    spans.push(at, at + text.length);
    at += text.length;
  }
  return preparePage(stream.shape, Buffer.concat(texts), Int32Array.from(spans), {parentKey, maxRecordBytes: 1 << 20});
}
