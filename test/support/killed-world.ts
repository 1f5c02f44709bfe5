import {isDeepStrictEqual} from 'node:util';
import type pg from 'pg';
import {expect} from 'vitest';
import type {SimulatorOptions} from '../../src/simulator/simulator.ts';
import type {Change} from '../../src/simulator/changes.ts';
import type {Sink} from '../../src/sinks/sink.ts';
import type {RunMode, Store} from '../../src/store/ledger.ts';
import {closeStore, openStore} from '../../src/store/open.ts';
import type {RunReport} from '../../src/store/run-reports.ts';
import {Edge, type Doom} from './edge.ts';
import {historyFaults} from './history-faults.ts';
import {work} from './killable-worker.ts';
import {cutConnections, type ScratchDatabase} from './postgres.ts';
import {comparable, syncHarness, type SyncHarness} from './sync-harness.ts';
import {until} from './until.ts';

/** Names of the sessions that the product has; those of the test itself are none of them. */
const SESSIONS = 'clarifai-sync%';

/** An app and a store, in which processes are killed one after the other, each at another point. */
export class KilledWorld implements AsyncDisposable {
  readonly harness: SyncHarness;
  readonly #store: Store;
  readonly #streams: readonly string[];
  readonly #sinks: () => readonly Sink[];
  /** Databases that its processes have sessions in. */
  readonly #databases: readonly ScratchDatabase[];
  /** Points that a run which was to die of them did not come to: which statements it makes depends on its timing. */
  #unreached: string[] = [];
  #cut: Promise<void> = Promise.resolve();

  private constructor(
    harness: SyncHarness,
    store: Store,
    streams: readonly string[],
    sinks: () => readonly Sink[],
    databases: readonly ScratchDatabase[],
  ) {
    this.harness = harness;
    this.#store = store;
    this.#streams = streams;
    this.#sinks = sinks;
    this.#databases = databases;
  }

  static async make(
    app: SimulatorOptions,
    streams: readonly string[],
    sinks: () => readonly Sink[],
    databases: readonly ScratchDatabase[] = [],
  ): Promise<KilledWorld> {
    const harness = await syncHarness(app);
    const {url} = harness.database;
    const store = await openStore({connection: {url}, schema: 'clarifai', history: true, leaseMs: 60_000});
    // Only its shape is used: each process makes connections of its own.
    await closeStore(store);
    return new KilledWorld(harness, store, streams, sinks, [harness.database, ...databases]);
  }

  /**
   * Makes the changes, has a process die of each doom in turn, then another do a run, and gives the points that this one
   * came through.
   */
  async watch(mode: RunMode, changes: readonly Change[], ...dooms: readonly Doom[]): Promise<readonly string[]> {
    this.harness.change(...changes);
    for (const doom of dooms) expect(await this.#die(mode, doom), doom.point).toBe(true);
    const edge = new Edge();
    await this.#work(mode, edge, new AbortController());
    return edge.points;
  }

  /**
   * Makes the changes, has one process after the other die of its doom, then another do a run; and tells what is not as
   * if nothing had happened: every difference to the source, every version too many or too few. One that does not come
   * to its point lives, and counts as one of `unreached`.
   */
  async kill(mode: RunMode, changes: readonly Change[], ...dooms: readonly Doom[]): Promise<string[]> {
    const before = this.#truth();
    const versionsBefore = await this.#versions();
    this.harness.change(...changes);
    const expected = changedRecords(before, this.#truth());

    for (const doom of dooms) if (!(await this.#die(mode, doom))) this.#unreached.push(doom.point);
    const report = await this.#work(mode, new Edge(), new AbortController());
    const sinks = report.sinks.filter(({outcome}) => outcome !== 'succeeded');
    const faults = [
      ...(report.outcome === 'succeeded' ? [] : [`the next run ended ${report.outcome ?? '?'}`]),
      ...sinks.map(({sink, failure}) => `sink ${sink} failed: ${failure?.message ?? ''}`),
      ...(await this.harness.differences(this.#streams)),
      ...(await historyFaults(this.harness, this.#streams)),
    ];
    const versions = await this.#versions();
    for (const stream of this.#streams) {
      const made = (versions[stream] ?? 0) - (versionsBefore[stream] ?? 0);
      if (made !== expected[stream])
        faults.push(`${stream}: ${made} versions were made of ${expected[stream]} changes`);
    }
    return faults;
  }

  /** Tells how many did not come to their points since it was asked last; a fault if that is more than one in twenty. */
  unreached(tries: number): Record<string, string[]> {
    const points = this.#unreached;
    this.#unreached = [];
    if (points.length === 0) return {};
    process.stderr.write(`not come to: ${points.length} of ${tries}\n`);
    return points.length > tries / 20 ? {'not come to': points} : {};
  }

  /** Has a process do a run and die of it; false when it did not come to that point. */
  async #die(mode: RunMode, doom: Doom): Promise<boolean> {
    const stop = new AbortController();
    const edge = new Edge(doom, (death) =>
      death === 'sessions cut' ? void (this.#cut = this.#cutSessions()) : stop.abort(new Error('killed')),
    );
    const ended = await this.#work(mode, edge, stop).then(
      () => 'succeeded',
      () => 'failed',
    );
    if (edge.isMet && edge.isDead) expect(ended, doom.point).toBe('failed');
    await this.#cut;
    await until('the sessions of the dead are gone', () => this.#hasNoSessions());
    return edge.isMet;
  }

  async #work(mode: RunMode, edge: Edge, stop: AbortController): Promise<RunReport> {
    const order = {harness: this.harness, store: this.#store, streams: this.#streams, mode, sinks: this.#sinks};
    return await work(order, edge, stop.signal);
  }

  async #cutSessions(): Promise<void> {
    for (const database of this.#databases) await cutConnections(database, SESSIONS);
  }

  async #hasNoSessions(): Promise<boolean> {
    const rows = await this.harness.query(
      `select 1 from pg_stat_activity where datname = any ($1) and application_name like $2`,
      [this.#databases.map(({name}) => name), SESSIONS],
    );
    return rows.length === 0;
  }

  #truth(): ReadonlyMap<string, ReadonlyMap<string, unknown>> {
    return new Map(
      this.#streams.map((name) => {
        const records = [...this.harness.simulator.truth(name)];
        return [name, new Map(records.map(({key, raw}) => [key.join('/'), comparable(name, raw)]))];
      }),
    );
  }

  async #versions(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const name of this.#streams) {
      const rows = await this.harness.query<{n: number}>(`select count(*)::int as n from clarifai.${name}_history`);
      counts[name] = rows[0]?.n ?? 0;
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.harness[Symbol.asyncDispose]();
  }
}

/** How many records of each stream came, changed or went. */
function changedRecords(
  before: ReadonlyMap<string, ReadonlyMap<string, unknown>>,
  after: ReadonlyMap<string, ReadonlyMap<string, unknown>>,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [stream, records] of after) {
    const known = before.get(stream) ?? new Map<string, unknown>();
    const changed = [...records].filter(([key, raw]) => !isDeepStrictEqual(known.get(key), raw)).length;
    counts[stream] = changed + [...known.keys()].filter((key) => !records.has(key)).length;
  }
  return counts;
}

/** What differs between two databases in the tables of some streams, versions included; `_sync_row` is the store's own. */
export async function replicaFaults(store: pg.Pool, replica: pg.Pool, streams: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  for (const table of streams.flatMap((name) => [name, `${name}_history`])) {
    const [ours, theirs] = await Promise.all(
      [store, replica].map(async (pool) => {
        const {rows} = await pool.query<{row: string}>(
          `select (to_jsonb(t) - '_sync_row')::text as row from clarifai.${table} t order by 1`,
        );
        return rows.map(({row}) => row);
      }),
    );
    if (!isDeepStrictEqual(ours, theirs)) faults.push(`${table}: the replica is not equal`);
  }
  return faults;
}
