import {expect, test} from 'vitest';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {keyNames} from '../../src/streams/stream.ts';
import {randomChange, randomFrom, SHIFTING} from '../support/random-changes.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const CONFIG = `sinks: [{name: w, type: postgres, url: "\${DATABASE_URL}", schema: clarifai, history: true}]
stream_options: {inputs: {page_size: 12}, annotations: {page_size: 20}, dataset_inputs: {page_size: 6}, dataset_versions: {page_size: 4}, concepts: {page_size: 8}, datasets: {page_size: 3}}
`;

const STREAMS = CATALOGUE.filter((stream) => stream.scope === 'app').map((stream) => stream.name);

/** When each record that ever was at the source was not there, epoch ms. */
class Absences {
  readonly #spans = new Map<string, {from: number; to: number}[]>();
  #living: Set<string>;

  constructor(harness: SyncHarness) {
    this.#living = livingKeys(harness);
  }

  /** Notes what has gone or come since the last look. */
  look(harness: SyncHarness): void {
    const now = Date.now();
    const living = livingKeys(harness);
    for (const key of this.#living) {
      if (!living.has(key)) this.#spans.set(key, [...(this.#spans.get(key) ?? []), {from: now, to: Infinity}]);
    }
    for (const key of living) {
      const last = this.#spans.get(key)?.at(-1);
      if (last !== undefined && last.to === Infinity) last.to = now;
    }
    this.#living = living;
  }

  /** Was it gone at some time within this span? */
  hasBeenGone(key: string, from: number, to: number): boolean {
    return this.#spans.get(key)?.some((span) => span.from <= to && span.to >= from) ?? false;
  }
}

function livingKeys(harness: SyncHarness): Set<string> {
  return new Set(STREAMS.flatMap((stream) => harness.truthKeys(stream).map((key) => `${stream} ${key}`)));
}

/** Deletions that any run has noted for a record that lived all the while that the run took. */
async function wrongDeletions(harness: SyncHarness, absences: Absences): Promise<string[]> {
  const wrong: string[] = [];
  for (const stream of CATALOGUE.filter((each) => each.scope === 'app')) {
    const rows = await harness.query<{key: string; at: Date; began: Date; sequence: string}>(
      `select concat_ws('/', ${keyNames(stream).join(', ')}) as key, _sync_valid_from as at, r.started_at as began, r.sequence
       from clarifai.${stream.name}_history join clarifai_sync.runs r on r.run_id = _sync_run_id where _sync_op = 'delete'`,
    );
    for (const {key, at, began, sequence} of rows) {
      const name = `${stream.name} ${key}`;
      if (!absences.hasBeenGone(name, began.getTime(), at.getTime() + 1)) wrong.push(`${name} in run ${sequence}`);
    }
  }
  return wrong;
}

test.each([1, 2])(
  'an app that changes all the while is never deleted from while it lives, and one quiet full run makes all equal (seed %i)',
  async (seed) => {
    await using harness = await syncHarness({inputs: 80, annotations: 240, datasets: 4, datasetInputs: 0.3}, CONFIG);
    await harness.sync();
    const absences = new Absences(harness);
    const random = randomFrom(seed);
    let changes = 0;
    harness.simulator.changeEvery(1, () => {
      const change = randomChange(harness.simulator, random, SHIFTING);
      if (change === null) return;
      harness.change(change);
      changes++;
      absences.look(harness);
    });
    for (const full of [true, false, true, false]) {
      const {code} = await harness.sync({full});
      expect(code).toBe(0);
    }
    harness.simulator.changeEvery(1, null);
    expect(changes).toBeGreaterThan(150);
    expect(await wrongDeletions(harness, absences)).toEqual([]);
    expect((await harness.sync({full: true})).code).toBe(0);
    expect(await harness.differences()).toEqual([]);
    expect(await wrongDeletions(harness, absences)).toEqual([]);
    const [deletions] = await harness.query<{n: number}>(
      `select sum(deleted)::int as n from clarifai_sync.stream_runs`,
    );
    expect(deletions?.n).toBeGreaterThan(10);
  },
);
