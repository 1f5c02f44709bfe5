import {expect, test} from 'vitest';
import type {Store} from '../../src/store/ledger.ts';
import {reportRuns} from '../../src/store/run-reports.ts';
import {driveRun, type DriveParts} from '../../src/workers/drive-run.ts';
import {RunStops} from '../../src/workers/run-stops.ts';
import {beginRunOf, Stores} from '../support/stores.ts';

/** A signal that is given at the n-th look at it. */
function signalAtLook(n: number): AbortSignal {
  const controller = new AbortController();
  let looks = 0;
  return new Proxy(controller.signal, {
    get: (signal, name) => {
      if (name === 'aborted' && ++looks === n) controller.abort();
      const value: unknown = Reflect.get(signal, name, signal);
      return typeof value === 'function' ? (value.bind(signal) as unknown) : value;
    },
  });
}

const partsOf = (store: Store): DriveParts => ({
  store,
  tasks: {give: () => Promise.resolve()},
  stops: new RunStops(),
  changed: () => Promise.resolve(),
  stallMs: 60_000,
  atSignal: 'leave',
  now: Date.now,
  failing: () => null,
  slices: null,
  notifyOn: [],
});

test.each([1, 2, 3])(
  'a service that is told to end at look %i leaves its run to the next, ends it not and gives up none of its streams',
  async (look) => {
    await using stores = await Stores.make();
    const store = await stores.open();
    const run = await beginRunOf(store, ['inputs', 'concepts']);
    expect(await driveRun(partsOf(store), run, signalAtLook(look))).toBeNull();
    const [report] = await reportRuns(store, {runId: run.runId, limit: 1});
    expect(report).toMatchObject({state: 'reading', failure: null});
    expect(report?.streams.map(({outcome}) => outcome)).toEqual([null, null]);
  },
);
