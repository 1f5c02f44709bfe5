import {readdir, readFile} from 'node:fs/promises';
import {describe, expect, test} from 'vitest';
import type {Cursor} from '../../src/core/cursor.ts';
import {beginApply, endApply} from '../../src/store/applies.ts';
import {bury, cascade, closeRun, noteHeldBack} from '../../src/store/candidates.ts';
import {compareCounts} from '../../src/store/counts.ts';
import {FenceLostError, RunActiveError} from '../../src/store/errors.ts';
import type {Store} from '../../src/store/ledger.ts';
import {storeMarker} from '../../src/store/markers.ts';
import {closeStore} from '../../src/store/open.ts';
import {completePass, openPass, proveByMarker, type Pass} from '../../src/store/passes.ts';
import {noteAsked} from '../../src/store/pending.ts';
import {commitGroup} from '../../src/store/progress.ts';
import {purgeStream} from '../../src/store/purge.ts';
import {resolveOutlived, resolveStored} from '../../src/store/replayable.ts';
import {leaveRun, takeUpRun} from '../../src/store/driving.ts';
import {reportRuns} from '../../src/store/run-reports.ts';
import {abandonCrawls, endEarly, finishRun, runState} from '../../src/store/runs.ts';
import {noteSearchGaps} from '../../src/store/search-gaps.ts';
import {noteSweeping} from '../../src/store/slices.ts';
import {moveWatermark, noteAllRead, noteRead, noteRefused} from '../../src/store/stream-states.ts';
import {
  endCrawl,
  guardFence,
  readyTasks,
  releaseTask,
  renewLease,
  reportOn,
  takeTask,
  type HeldTask,
} from '../../src/store/tasks.ts';
import {dropWanted, noteInputsOfChanged, noteWantedInputs} from '../../src/store/wanted.ts';
import {streamNamed} from '../../src/streams/catalogue.ts';
import {beginRunOf, pageOf, SCOPE, Stores, takeFirst} from '../support/stores.ts';
import {until} from '../support/until.ts';

const INPUTS = streamNamed('inputs');
const VERSIONS = streamNamed('dataset_versions');
const END = {outcome: 'succeeded', failure: null, sourceCount: 1} as const;
const FAILURE = {code: 'SYNC_SOURCE_QUOTA', message: 'no quota', cause: 'throttled'} as const;
const BEGINNING = {marker: 'm1', sourceTimeMs: null};
const group = (id: string) => ({pages: [pageOf(INPUTS, [{id}])], signs: [{key: [id], value: 'v'}]});

/** Digest of every row of every table, ours and the ledger's, without what is only the worker's own (attempts, leases). */
async function digests(store: Store): Promise<Record<string, string>> {
  const tables = await store.database.query<{name: string}>(
    `select c.oid::regclass::text as name from pg_class c
     where relkind = 'r' and relnamespace::regnamespace::text in ('clarifai', 'clarifai_sync')`,
  );
  const found: Record<string, string> = {};
  for (const {name} of tables) {
    const [row] = await store.database.query<{digest: string}>(
      `select coalesce(md5(string_agg(t::text, ',' order by t::text)), '') as digest from ${name} t`,
    );
    found[name] = row?.digest ?? '';
  }
  return found;
}

/** The holder of every lease has been silent for too long. */
async function letLeasesEnd(store: Store): Promise<void> {
  await store.database.query(
    `update clarifai_sync.tasks set lease_until = clock_timestamp() - interval '1 ms' where state = 'working'`,
  );
}

async function takeAgain(store: Store, task: HeldTask): Promise<HeldTask> {
  const taken = await takeTask(store, task.taskId);
  if (taken === null) throw new Error('the task cannot be taken');
  return taken;
}

interface Zombie {
  readonly store: Store;
  readonly task: HeldTask;
  readonly pass: Pass;
}

/** Whatever is written for a task. Each must do nothing once the task is another's. */
const WRITES: Record<string, (zombie: Zombie) => Promise<unknown>> = {
  commitGroup: async ({store, task, pass}) =>
    commitGroup(store, task, INPUTS, group('z'), {kind: 'pass', pass, listIndex: 0, cursor: null}),
  'commitGroup behind another': async ({store, task}) =>
    commitGroup(store, task, INPUTS, group('z'), {kind: 'none'}, Promise.resolve()),
  openPass: async ({store, task}) => openPass(store, task, INPUTS, {parent: [], requestHash: 'other', sweepMs: 1}),
  completePass: async ({store, task, pass}) => completePass(store, task, INPUTS, pass, 'h'),
  proveByMarker: async ({store, task, pass}) => proveByMarker(store, task, INPUTS, pass),
  bury: async ({store, task}) => bury(store, task, INPUTS, {gone: [['a']], alive: []}),
  cascade: async ({store, task}) => cascade(store, task, VERSIONS, 'datasets', true),
  noteHeldBack: async ({store, task}) => noteHeldBack(store, task, INPUTS, 7, 7),
  endCrawl: async ({store, task}) => endCrawl(store, task, END),
  closeRun: async ({store, task}) => closeRun(store, task),
  renewLease: async ({store, task}) => renewLease(store, task),
  reportOn: async ({store, task}) => reportOn(store, task, true),
  moveWatermark: async ({store, task}) =>
    moveWatermark(store, task, INPUTS, {at: '2024-01-01T00:00:00Z', isSettled: true}),
  noteAllRead: async ({store, task}) => noteAllRead(store, task, INPUTS, 'h'),
  noteRefused: async ({store, task}) => noteRefused(store, task, INPUTS),
  noteSearchGaps: async ({store, task}) => noteSearchGaps(store, task, INPUTS, ['pending']),
  storeMarker: async ({store, task}) => storeMarker(store, task, INPUTS, 'pass', true),
  noteAsked: async ({store, task}) => noteAsked(store, task, INPUTS, [['a']]),
  noteWantedInputs: async ({store, task}) => noteWantedInputs(store, task, ['a']),
  noteInputsOfChanged: async ({store, task}) => noteInputsOfChanged(store, task, null),
  dropWanted: async ({store, task}) => dropWanted(store, task, INPUTS, [{key: ['a'], notedAt: '2024-01-01'}]),
  compareCounts: async ({store, task}) => compareCounts(store, task),
  noteSweeping: async ({store, task}) => noteSweeping(store, task),
  purgeStream: async ({store, task}) =>
    purgeStream(store, task, INPUTS, '2100-01-01T00:00:00Z', new AbortController().signal),
  resolveOutlived: async ({store, task}) => resolveOutlived(store, task, INPUTS),
  resolveStored: async ({store, task}) => resolveStored(store, task, INPUTS, [{rejectId: '1', key: ['a'], hash: '00'}]),
  beginApply: async ({store, task}) => beginApply(store, task),
  endApply: async ({store, task}) =>
    endApply(store, task, {rows: 1, previousSequence: null, failure: null, aheadAt: null}),
};

/** Statements of the fence itself, and those that say nothing when it is lost; each is tried below. */
const OTHERS = ['guardFence', 'releaseTask', 'endEarly'];

test('every function of the store that asks for the fence is tried here', async () => {
  const folder = new URL('../../src/store/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.ts'));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')));
  const functions = texts.flatMap((text) => [...text.matchAll(/^export async function (\w+)[\s\S]*?^}/gm)]);
  const asking = functions.filter(([body]) => /guardFence\(|fence = \$/.test(body)).map(([, name]) => name);
  const tried = [...Object.keys(WRITES).filter((name) => !name.includes(' ')), ...OTHERS];
  expect(tried.sort()).toEqual(asking.sort());
});

test('a commit that fails leaves neither rows nor marks nor a place to go on', async () => {
  await using stores = await Stores.make();
  const store = await stores.open();
  const task = await takeFirst(store, await beginRunOf(store, ['inputs']));
  const pass = await openPass(store, task, INPUTS, {parent: [], requestHash: 'h', sweepMs: 3_600_000});
  const before = await digests(store);
  // The counts come last of all: whatever was written before them goes with them.
  await store.database.query('alter table clarifai_sync.stream_runs add check (pages < 1)');
  const cursor = 'page:1:1' as Cursor;
  const failing = commitGroup(store, task, INPUTS, group('a'), {kind: 'pass', pass, listIndex: 0, cursor});
  await expect(failing).rejects.toThrow();
  expect(await digests(store)).toEqual(before);
});

describe('a holder whose task was taken over', () => {
  test('can change nothing any more, whatever it still wants to write', async () => {
    await using stores = await Stores.make();
    const [sleeper, other] = [await stores.open(), await stores.open()];
    const task = await takeFirst(sleeper, await beginRunOf(sleeper, ['inputs']));
    const pass = await openPass(sleeper, task, INPUTS, {parent: [], requestHash: 'h', sweepMs: 3_600_000});
    await commitGroup(sleeper, task, INPUTS, group('a'), {kind: 'pass', pass, listIndex: 0, cursor: null});
    await letLeasesEnd(other);
    const taken = await takeAgain(other, task);
    expect(BigInt(taken.fence)).toBeGreaterThan(BigInt(task.fence));
    const before = await digests(other);
    const zombie = {store: sleeper, task, pass};
    for (const [name, write] of Object.entries(WRITES)) {
      await expect(write(zombie), name).rejects.toBeInstanceOf(FenceLostError);
      expect(await digests(other), name).toEqual(before);
    }
    // These two say nothing, and do nothing either.
    await releaseTask(sleeper, task);
    await endEarly(sleeper, task.runId, {code: 'X', message: 'x', cause: 'store'}, task);
    expect(await digests(other)).toEqual(before);
    await commitGroup(other, taken, INPUTS, group('b'), {kind: 'none'});
    await endCrawl(other, taken, END);
    expect(await runState(other, task.runId)).toBe('sealing');
  });

  test("that notes progress, or all that was read, at the moment when its crawl ends is in nobody's way", async () => {
    await using stores = await Stores.make();
    const store = await stores.open();
    const run = await beginRunOf(store, ['inputs']);
    const task = await takeFirst(store, run);
    const ending = await store.database.transaction(async (client) => {
      await guardFence(client, task, store.leaseMs, true);
      const ended = endCrawl(store, task, END); // has locked the run, and waits for the task
      await until('the end of the crawl waits', async () => {
        const waiting = await store.database.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return waiting.length > 0;
      });
      await noteRead(client, task, INPUTS, 'h');
      return {ended};
    });
    await ending.ended;
    expect(await runState(store, run.runId)).toBe('sealing');
  });

  test('in the seal closes no run', async () => {
    await using stores = await Stores.make();
    const [sleeper, other] = [await stores.open(), await stores.open()];
    const run = await beginRunOf(sleeper, ['inputs']);
    await endCrawl(sleeper, await takeFirst(sleeper, run), END);
    const seal = await takeFirst(sleeper, run);
    expect(seal.kind).toBe('seal');
    await letLeasesEnd(other);
    const taken = await takeAgain(other, seal);
    await expect(closeRun(sleeper, seal)).rejects.toBeInstanceOf(FenceLostError);
    await expect(bury(sleeper, seal, INPUTS, {gone: [['a']], alive: []})).rejects.toBeInstanceOf(FenceLostError);
    expect(await runState(other, run.runId)).toBe('sealing');
    await closeRun(other, taken);
    expect(await runState(other, run.runId)).toBe('closed');
    // A closed run takes no commit any more, not even from who closed it.
    await expect(bury(other, taken, INPUTS, {gone: [['a']], alive: []})).rejects.toBeInstanceOf(FenceLostError);
    expect(await readyTasks(other, run.runId)).toEqual([]);
    expect(await takeTask(other, seal.taskId)).toBeNull();
  });

  test('because its run ended early cannot write into it either', async () => {
    await using stores = await Stores.make();
    const [sleeper, other] = [await stores.open(), await stores.open()];
    const run = await beginRunOf(sleeper, ['inputs']);
    const task = await takeFirst(sleeper, run);
    expect(await abandonCrawls(other, run.runId), 'it still works').toBe(false);
    await letLeasesEnd(other);
    expect(await abandonCrawls(other, run.runId)).toBe(true);
    await expect(commitGroup(sleeper, task, INPUTS, group('z'), {kind: 'none'})).rejects.toBeInstanceOf(FenceLostError);
    expect(await other.database.query('select 1 from clarifai.inputs')).toEqual([]);
  });
});

describe('a task', () => {
  test('that many workers reach for at once is taken by one', async () => {
    await using stores = await Stores.make();
    const [one, two] = [await stores.open(), await stores.open()];
    const run = await beginRunOf(one, ['inputs']);
    const [ready] = await readyTasks(one, run.runId);
    const taken = await Promise.all(
      Array.from({length: 12}, async (_, i) => takeTask(i % 2 === 0 ? one : two, ready?.taskId ?? '')),
    );
    expect(taken.filter((task) => task !== null)).toHaveLength(1);
  });

  test('of a holder that is dead is free at once, that of a silent one when its lease has ended', async () => {
    await using stores = await Stores.make();
    const [dying, other] = [await stores.open(), await stores.open()];
    const run = await beginRunOf(dying, ['inputs', 'concepts']);
    const task = await takeFirst(dying, run);
    expect(await takeTask(other, task.taskId), 'its holder lives').toBeNull();
    await letLeasesEnd(other);
    const second = await takeAgain(other, task);
    expect(await takeTask(dying, task.taskId), 'its holder lives').toBeNull();
    const concepts = await takeFirst(dying, run);
    await closeStore(dying);
    await expect
      .poll(async () => readyTasks(other, run.runId), {timeout: 30_000})
      .toMatchObject([{taskId: concepts.taskId}]);
    expect(await takeAgain(other, concepts)).toMatchObject({stream: 'concepts', attempt: 2});
    await renewLease(other, second);
  });

  test('of a run waits for what it reads under, and the seal for all', async () => {
    await using stores = await Stores.make();
    const store = await stores.open();
    const run = await beginRunOf(store, ['datasets', 'dataset_versions', 'concepts']);
    const [datasets, concepts] = [await takeFirst(store, run), await takeFirst(store, run)];
    expect([datasets.stream, concepts.stream]).toEqual(['datasets', 'concepts']);
    expect(await readyTasks(store, run.runId)).toEqual([]);
    await endCrawl(store, datasets, END);
    const versions = await takeFirst(store, run);
    expect(versions.stream).toBe('dataset_versions');
    await Promise.all([endCrawl(store, versions, END), endCrawl(store, concepts, END)]);
    expect(await takeFirst(store, run)).toMatchObject({kind: 'seal'});
  });
});

describe('a run', () => {
  test('is the only active one of its scope, however many ask, and sequences go up by one', async () => {
    await using stores = await Stores.make();
    const [one, two] = [await stores.open(), await stores.open()];
    const asked = await Promise.allSettled([
      beginRunOf(one, ['inputs']),
      beginRunOf(two, ['inputs']),
      beginRunOf(one, ['inputs']),
    ]);
    const [first] = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(asked.filter((each) => each.status === 'rejected').map(({reason}) => (reason as Error).constructor)).toEqual(
      [RunActiveError, RunActiveError],
    );
    expect(first?.sequence).toBe('1');
    await one.database.query(`update clarifai_sync.runs set state = 'closed'`);
    await finishRun(one, first?.runId ?? '', 'succeeded');
    expect((await beginRunOf(two, ['inputs'])).sequence).toBe('2');
  });

  test('that a dead process left is taken up by one, under its own id; that of a living one by none', async () => {
    await using stores = await Stores.make();
    const [dying, one, two] = [await stores.open(), await stores.open(), await stores.open()];
    const run = await beginRunOf(dying, ['inputs']);
    await expect(takeUpRun(one, SCOPE, BEGINNING, 0)).rejects.toBeInstanceOf(RunActiveError);
    await closeStore(dying);
    const isFree = async () =>
      (
        await one.database.query(
          `select 1 from pg_locks where locktype = 'advisory' and objid = ${dying.presence.holder}`,
        )
      ).length === 0;
    await expect.poll(isFree, {timeout: 30_000}).toBe(true);
    const asked = await Promise.allSettled([takeUpRun(one, SCOPE, BEGINNING, 0), takeUpRun(two, SCOPE, BEGINNING, 0)]);
    expect(asked.map(({status}) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(asked.find((each) => each.status === 'fulfilled')?.value).toMatchObject({
      run: {runId: run.runId, sequence: run.sequence},
      hadEnded: false,
    });
  });

  test('that was left while it ended early is read on: what was given up for it is to be read, and its cause is gone', async () => {
    await using stores = await Stores.make();
    const [leaving, next] = [await stores.open(), await stores.open()];
    const run = await beginRunOf(leaving, ['inputs', 'concepts']);
    const inputs = await takeFirst(leaving, run);
    await endEarly(leaving, run.runId, FAILURE);
    await abandonCrawls(leaving, run.runId);
    await leaveRun(leaving, run);
    await takeUpRun(next, SCOPE, null, 0);
    await endCrawl(leaving, inputs, END);
    expect(await takeFirst(next, run)).toMatchObject({kind: 'crawl', stream: 'concepts'});
    const [report] = await reportRuns(next, {runId: run.runId, limit: 1});
    expect(report).toMatchObject({failure: null, state: 'reading'});
    expect(report?.streams.map(({stream, outcome}) => [stream, outcome])).toEqual([
      ['concepts', null],
      ['inputs', 'succeeded'],
    ]);
  });

  test('that was left after its reading had ended early keeps its cause', async () => {
    await using stores = await Stores.make();
    const [leaving, next] = [await stores.open(), await stores.open()];
    const run = await beginRunOf(leaving, ['inputs', 'concepts']);
    await endEarly(leaving, run.runId, FAILURE);
    expect(await abandonCrawls(leaving, run.runId)).toBe(true);
    await leaveRun(leaving, run);
    expect(await takeUpRun(next, SCOPE, BEGINNING, 0)).toMatchObject({hadEnded: true});
    const [report] = await reportRuns(next, {runId: run.runId, limit: 1});
    expect(report).toMatchObject({failure: FAILURE, state: 'sealing'});
    expect(await takeFirst(next, run)).toMatchObject({kind: 'seal'});
  });
});
