import {isDeepStrictEqual} from 'node:util';
import {expect} from 'vitest';
import {keyNames} from '../../src/streams/stream.ts';
import {streamNamed} from '../../src/streams/catalogue.ts';
import {OpenRuns, type EndedRun, type RunWish} from '../support/open-runs.ts';
import {comparable, syncHarness, type SyncHarness} from '../support/sync-harness.ts';
import type {Expected, Failure, Row} from './faults.ts';
import type {Column} from './strategies.ts';

const SIZE = {
  inputs: 10,
  annotations: 20,
  datasets: 2,
  bookmarkedDatasets: 0,
  versionsPerDataset: 6,
  datasetInputs: 0.6,
  concepts: 10,
  bulkOperations: 2,
  resources: {dataset_version_metrics_groups: 6},
};

/** Small pages, so that each list has some; an edit shows in the search at once, so that nothing is read twice for long. */
const CONFIG = 'source: {page_size: 4}\nrun: {settle: 0s}\n';

/** No pause is worth waiting for in a test; the counts are what matters. */
const RETRY = {maxRetries: 2, baseMs: 1, throttledMs: 1, maxWaitMs: 1_000};

/** An app and its copy that go from cell to cell of one column, equal at the start of each. */
export class World implements AsyncDisposable {
  readonly #column: Column;
  readonly #harness: SyncHarness;
  readonly #runs: OpenRuns;
  /** Records as they were at each moment of the cell that was noted, by key; null where there was none. */
  readonly #truths = new Map<string, unknown[]>();
  #moments = 0;
  #cell = 0;
  /** False from the beginning of a cell to its good end: whoever finds it so takes another world. */
  isEven = true;

  private constructor(column: Column, harness: SyncHarness, runs: OpenRuns) {
    this.#column = column;
    this.#harness = harness;
    this.#runs = runs;
  }

  static async make(column: Column): Promise<World> {
    const harness = await syncHarness(SIZE);
    harness.config = CONFIG;
    const world = new World(column, harness, await OpenRuns.of(harness));
    expect((await world.#run({}, 'full')).exit).toBe(0);
    expect(await harness.differences([column.stream])).toEqual([]);
    return world;
  }

  /** One cell: what changed is read while the fault strikes, then once more without it. */
  async cell(row: Row): Promise<void> {
    const {simulator} = this.#harness;
    const {stream, mode, change} = this.#column;
    this.isEven = false;
    this.#cell++;
    this.#truths.clear();
    this.#moments = 0;
    this.#note();
    change(this.#harness, this.#cell);
    this.#note();
    const settings = {...simulator.settings};
    const port = Number(new URL(simulator.url).port);
    this.#strike(row);
    const ended = await this.#run(row);
    this.#note();

    expect(this.#hasStruck(row), 'the fault befell a request').toBe(true);
    const expected = row.unless?.[stream] ?? row.expected;
    if (typeof expected === 'string') expect(ending(ended, stream)).toEqual(SUCCEEDED);
    else expect(expected).toContainEqual(ending(ended, stream));
    expect(await this.#wrongs()).toEqual([]);
    // What goes after its page was read shows in the next full run.
    const isWhole = mode === 'full' && row.deletesLastId !== true;
    if (expected === 'truth') expect(await this.#differences(isWhole)).toEqual([]);

    simulator.faults.clear();
    simulator.changeEvery(1, null);
    Object.assign(simulator.settings, settings);
    if (row.stopsListening === true) await simulator.listen(port, '127.0.0.1');
    if (expected !== 'truth' || (await this.#differences(true)).length > 0) {
      if (expected === 'lost') await this.#harness.reset(stream);
      expect(ending(await this.#run({}, 'full'), stream)).toEqual(SUCCEEDED);
      expect(await this.#differences(true)).toEqual([]);
    }
    this.isEven = true;
  }

  #strike({fault, lasting, after = 1, settings, deletesLastId, stopsListening}: Row): void {
    const {simulator} = this.#harness;
    const {requests} = this.#column;
    this.#harness.forgetRequests();
    if (fault !== undefined)
      simulator.faults.add({...fault, match: requests, after, ...(lasting === true ? {} : {times: 1})});
    Object.assign(simulator.settings, settings);
    const matches = new RegExp(requests);
    const onMatch = (act: (query: string) => void): void =>
      simulator.changeEvery(1, () => {
        const asked = simulator.requests().at(-1);
        if (asked !== undefined && matches.test(`${asked.method} ${asked.path}?${asked.query}`)) act(asked.query);
      });
    if (stopsListening === true) onMatch(() => void simulator.close());
    if (deletesLastId === true) {
      let left = 2;
      onMatch((query) => {
        const id = new URLSearchParams(query).get('last_id');
        if (left === 0 || id === null || !this.#harness.truthKeys('inputs').includes(id)) return;
        left--;
        this.#harness.change({kind: 'deleteInputs', ids: [id]});
      });
    }
  }

  #hasStruck({fault, deletesLastId}: Row): boolean {
    const [rule] = this.#harness.simulator.faults.list();
    if (fault !== undefined) return (rule?.spoilt ?? 0) > 0;
    return deletesLastId !== true || [...this.#truths].some(([, truths]) => truths.includes(null));
  }

  async #run({source}: Partial<Row>, mode = this.#column.mode): Promise<EndedRun> {
    const {stream, streams, strategy} = this.#column;
    const wish: RunWish = {
      mode,
      streams,
      source: {...source, retry: {...RETRY, ...source?.retry}},
      rules: {
        strategyOf: (each) => (each.name === stream && strategy !== undefined ? strategy : each.strategy),
      },
    };
    return await this.#runs.run(wish);
  }

  /** Keeps what the source has at this moment. */
  #note(): void {
    const {stream} = this.#column;
    const now = new Map(
      [...this.#harness.simulator.truth(stream as 'inputs')].map(({key, raw}) => [
        key.join('/'),
        comparable(stream, raw),
      ]),
    );
    for (const key of new Set([...this.#truths.keys(), ...now.keys()])) {
      const before = this.#truths.get(key) ?? Array.from({length: this.#moments}, () => null);
      this.#truths.set(key, [...before, now.get(key) ?? null]);
    }
    this.#moments++;
  }

  /** What is stored and never was so at the source in this cell; and what is marked deleted, and lives. */
  async #wrongs(): Promise<string[]> {
    const {stream} = this.#column;
    const keys = keyNames(streamNamed(stream));
    const rows = await this.#harness.query<Record<string, unknown>>(
      `select ${keys.join(', ')}, raw, _sync_deleted_at is not null as is_deleted from clarifai.${stream}`,
    );
    return rows.flatMap((row) => {
      const key = keys.map((name) => String(row[name])).join('/');
      const truths = this.#truths.get(key) ?? [];
      if (row['is_deleted'] === true) return hasLived(truths) ? [`${key} lives, and is marked deleted`] : [];
      const raw = comparable(stream, row['raw']);
      return truths.some((truth) => isDeepStrictEqual(truth, raw)) ? [] : [`${key} never was ${JSON.stringify(raw)}`];
    });
  }

  async #differences(isFull: boolean): Promise<string[]> {
    const all = await this.#harness.differences([this.#column.stream]);
    return isFull ? all : all.filter((line) => !line.endsWith('gone at the source'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runs[Symbol.asyncDispose]();
    await this.#harness[Symbol.asyncDispose]();
  }
}

/** At every moment: what came back in this cell may not have been read since. */
const hasLived = (truths: readonly unknown[]): boolean => truths.length > 0 && !truths.includes(null);

const SUCCEEDED = {outcome: 'succeeded', exit: 0, error: null};

function ending({outcome, exit, report}: EndedRun, stream: string): Omit<Failure, 'error'> & {error: string | null} {
  const ofStream = report.streams.find((each) => each.stream === stream);
  return {outcome, exit, error: report.failure?.code ?? ofStream?.failure?.code ?? null};
}

/** What a cell's name promises. */
export function promise(expected: Expected): string {
  if (expected === 'truth') return 'the copy equals the truth';
  if (expected === 'late') return 'nothing wrong is stored, and the next copy equals the truth';
  if (expected === 'lost') return 'nothing wrong is stored, and after a reset the copy equals the truth';
  return 'the run fails by its right name, and the next copy equals the truth';
}
