import {Redis} from 'ioredis';
import {describe, expect, test, vi} from 'vitest';
import {pendingRuns} from '../../src/store/pending-runs.ts';
import {pruneRuns} from '../../src/store/runs.ts';
import {fire} from '../../src/workers/run-driver.ts';
import type {Schedule} from '../../src/workers/run-queue.ts';
import {QueueBackend} from '../../src/workers/queue-backend.ts';
import {startRedis, type TestRedis} from '../support/redis.ts';
import {InProcess} from '../support/service-in-process.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';
import {until} from '../support/until.ts';

// Queues and schedules are polled on a machine that may be busy.
vi.setConfig({testTimeout: 150_000});

const BACKENDS = ['redis', 'store'] as const;
const SMALL = {inputs: 1, annotations: 0, datasets: 0, concepts: 3};
const signal = new AbortController().signal;

const schedule = (name: string, changed: Partial<Schedule> = {}): Schedule => ({
  name,
  cron: '0 3 * * *',
  timezone: 'UTC',
  mode: 'incremental',
  jitterMs: 0,
  ...changed,
});

class Setting implements AsyncDisposable {
  readonly harness: SyncHarness;
  readonly redis: TestRedis | null;
  readonly parts: InProcess;

  constructor(harness: SyncHarness, redis: TestRedis | null, parts: InProcess) {
    this.harness = harness;
    this.redis = redis;
    this.parts = parts;
  }

  static async make(backend: (typeof BACKENDS)[number]): Promise<Setting> {
    const harness = await syncHarness(SMALL);
    const redis = backend === 'redis' ? await startRedis() : null;
    return new Setting(harness, redis, await InProcess.open(harness, redis?.url ?? null));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.parts[Symbol.asyncDispose]();
    await this.redis?.[Symbol.asyncDispose]();
    await this.harness[Symbol.asyncDispose]();
  }
}

describe('schedules in the ledger', () => {
  test('that are due at once ask for one run, and a full one if one of them does', async () => {
    await using setting = await Setting.make('store');
    const {store, firing} = setting.parts;
    const both = [schedule('fresh'), schedule('nightly', {mode: 'full'})];
    await fire(
      firing,
      both.map((each) => ({schedule: each, dueMs: 1_000})),
      signal,
    );
    expect(await pendingRuns(store)).toMatchObject([{mode: 'full', streams: null, askedBy: 'nightly'}]);
  });

  test('that come while a run is pending become one with it, under its id', async () => {
    await using setting = await Setting.make('store');
    const {store, firing} = setting.parts;
    await fire(firing, [{schedule: schedule('fresh'), dueMs: 1_000}], signal);
    const [before] = await pendingRuns(store);
    await fire(firing, [{schedule: schedule('nightly', {mode: 'full'}), dueMs: 2_000}], signal);
    expect(await pendingRuns(store)).toMatchObject([{runId: before?.runId, mode: 'full'}]);
  });

  test('ask once for each of their times, whoever tells of it and however often', async () => {
    await using setting = await Setting.make('store');
    const {store, firing} = setting.parts;
    await fire(firing, [{schedule: schedule('fresh'), dueMs: 2_000}], signal);
    await store.database.query('delete from clarifai_sync.pending_runs');
    for (const dueMs of [1_000, 2_000]) await fire(firing, [{schedule: schedule('fresh'), dueMs}], signal);
    expect(await pendingRuns(store)).toEqual([]);
    await fire(firing, [{schedule: schedule('fresh'), dueMs: 3_000}], signal);
    expect((await pendingRuns(store)).length).toBe(1);
  });

  test('put runs off by a share of their jitter', async () => {
    await using setting = await Setting.make('store');
    const {store, firing} = setting.parts;
    const atMs = Date.now();
    await fire(firing, [{schedule: schedule('fresh', {jitterMs: 600_000}), dueMs: 1_000}], signal);
    const [pending] = await pendingRuns(store);
    // Chance says one half here.
    expect((pending?.dueMs ?? 0) - atMs).toBeGreaterThan(290_000);
    expect((pending?.dueMs ?? 0) - atMs).toBeLessThan(330_000);
  });
});

describe.each(BACKENDS)('schedules in the %s', (backend) => {
  test('are those of the configuration, and one that has not changed is not touched', async () => {
    await using setting = await Setting.make(backend);
    const {runs} = setting.parts;
    await runs.keepSchedules([schedule('one'), schedule('two', {cron: '30 4 * * *', timezone: 'Europe/Berlin'})]);
    const first = await runs.nextDue();
    expect([...first.keys()].sort()).toEqual(['one', 'two']);
    await runs.keepSchedules([schedule('one'), schedule('three')]);
    const second = await runs.nextDue();
    expect([...second.keys()].sort()).toEqual(['one', 'three']);
    expect(second.get('one')).toBe(first.get('one'));
  });

  test('by the hundred leave queue and ledger as large as the first few did', async () => {
    await using setting = await Setting.make(backend);
    const {store, firing} = setting.parts;
    setting.parts.work();
    const sizeAfter = async (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        await fire(firing, [{schedule: schedule('fresh'), dueMs: 1_000 * (n + 1)}], signal);
        await until(`run ${n} ended`, async () => {
          if ((await pendingRuns(store)).length > 0) return false;
          const [row] = await store.database.query<{n: number}>(
            `select count(*)::int as n from clarifai_sync.runs where state <> 'finished'`,
          );
          return row?.n === 0;
        });
        if (n % 10 === 9) await pruneRuns(store, 0);
      }
      return {queue: await queueSize(setting), ledger: await ledgerSize(store.database)};
    };
    const few = await sizeAfter(0, 20);
    const many = await sizeAfter(20, 200);
    expect(many.ledger).toEqual(few.ledger);
    // Some keys come and go by themselves.
    expect(many.queue).toBeLessThanOrEqual(few.queue + 5);
  });
});

/** Keys in Redis, or rows in BullMQ's tables. */
async function queueSize({redis, harness}: Setting): Promise<number> {
  if (redis === null) {
    const [row] = await harness.query<{n: number}>(`select count(*)::int as n from bullmq.job`);
    return row?.n ?? -1;
  }
  const client = new Redis(redis.url);
  try {
    return await client.dbsize();
  } finally {
    client.disconnect();
  }
}

async function ledgerSize(database: InProcess['store']['database']): Promise<Record<string, number>> {
  const tables = await database.query<{name: string}>(
    `select relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where nspname = 'clarifai_sync' and relkind = 'r' order by relname`,
  );
  const sizes: Record<string, number> = {};
  for (const {name} of tables) {
    const [row] = await database.query<{n: number}>(`select count(*)::int as n from clarifai_sync.${name}`);
    sizes[name] = row?.n ?? -1;
  }
  return sizes;
}

describe('a Redis', () => {
  const opened = (url: string, installation: string): Promise<QueueBackend> =>
    QueueBackend.open({place: {kind: 'redis', url, installation}, lockMs: 15_000, onError: () => undefined});

  test('that may throw keys away is refused with the reason', async () => {
    await using redis = await startRedis();
    const client = new Redis(redis.url);
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    client.disconnect();
    await expect(opened(redis.url, 'a')).rejects.toThrow(/expected maxmemory-policy noeviction, found allkeys-lru/);
  });

  test('without the rights that are needed is refused, naming them', async () => {
    await using redis = await startRedis();
    const client = new Redis(redis.url);
    await client.call(
      'ACL',
      'SETUSER',
      'weak',
      'on',
      '>word',
      '+info',
      '+ping',
      '+client',
      '+hello',
      '+auth',
      '~other:*',
    );
    client.disconnect();
    const url = redis.url.replace('redis://', 'redis://weak:word@');
    await expect(opened(url, 'a')).rejects.toThrow(/expected the right to run scripts/);
    await expect(opened(redis.url.replace('redis://', 'redis://weak:wrong@'), 'a')).rejects.toThrow(
      /expected a user and password/,
    );
  });

  test('that is not there is told with its address', async () => {
    await expect(opened('redis://127.0.0.1:1', 'a')).rejects.toThrow(/the queue at 127.0.0.1:1 cannot be reached/);
  });

  test('keeps the schedules of two installations apart', async () => {
    await using redis = await startRedis();
    await using one = await syncHarness(SMALL);
    await using other = await syncHarness(SMALL);
    await using ours = await InProcess.open(one, redis.url);
    await using theirs = await InProcess.open(other, redis.url);
    await ours.runs.keepSchedules([schedule('ours')]);
    await theirs.runs.keepSchedules([schedule('theirs')]);
    expect([...(await ours.runs.nextDue()).keys()]).toEqual(['ours']);
    await theirs.runs.keepSchedules([]);
    expect([...(await ours.runs.nextDue()).keys()]).toEqual(['ours']);
  });
});
