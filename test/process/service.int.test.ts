import {describe, expect, test, vi} from 'vitest';
import {ownPostgres} from '../support/own-postgres.ts';
import {BACKENDS, OF_THE_APP, serviceRun} from './service-run.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 240_000});

const MANY_PAGES = {inputs: 600, annotations: 2400, datasets: 3, versionsPerDataset: 2};
/** No rate limit, pages of 50 records, and leases that a test can wait for. */
const QUICK = 'source: {requests_per_second: 0, page_size: 50}\nrun: {lease_seconds: 3}\n';
const SLOW_ANSWERS = {...MANY_PAGES, settings: {latencyMs: 60}};

describe.each(BACKENDS)('the service with its queue in the %s', (backend) => {
  test('ends in the truth when a worker is killed in mid-stream, and another goes on', async () => {
    await using service = await serviceRun(backend, SLOW_ANSWERS, QUICK);
    await service.start('scheduler');
    const first = await service.start('worker');
    const asked = service.request(30);
    const runId = await service.ask();
    await asked;
    const second = service.start('worker');
    first.kill('SIGKILL');
    await second;
    expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
    expect(await service.harness.differences(OF_THE_APP)).toEqual([]);
  });

  test('ends in the truth when a worker is frozen past its lease, overtaken, and goes on', async () => {
    await using service = await serviceRun(backend, SLOW_ANSWERS, QUICK);
    await service.start('scheduler');
    const frozen = await service.start('worker');
    const asked = service.request(30);
    const runId = await service.ask();
    await asked;
    frozen.kill('SIGSTOP');
    await service.start('worker');
    expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
    frozen.kill('SIGCONT');
    const next = await service.ask('full');
    expect(await service.ended(next)).toMatchObject({outcome: 'succeeded', why: ''});
    expect(await service.harness.differences(OF_THE_APP)).toEqual([]);
    expect(await service.stop()).toEqual([0, 0, 0]);
  });

  test('gives its work back when it is told to end, and the next worker goes on at the next page', async () => {
    await using service = await serviceRun(backend, SLOW_ANSWERS, QUICK);
    const {harness} = service;
    await service.start('scheduler');
    const first = await service.start('worker');
    const asked = service.request(40);
    const runId = await service.ask();
    await asked;
    const toldMs = performance.now();
    first.kill('SIGTERM');
    expect((await first.ended).code).toBe(0);
    expect(performance.now() - toldMs).toBeLessThan(15_000);
    const before = harness.requests();
    const [pass] = await harness.query<{cursor: string | null}>(
      `select cursor from clarifai_sync.passes where stream = 'annotations'`,
    );
    const tasks = await harness.query<{state: string}>(`select state from clarifai_sync.tasks where run_id = $1`, [
      runId,
    ]);
    expect(tasks.filter(({state}) => state === 'working')).toEqual([]);
    harness.forgetRequests();
    await service.start('worker');
    expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
    const committed = pass?.cursor == null ? 0 : Number(/^page:(\d+):50$/.exec(pass.cursor)?.[1]) / 50;
    const pages = (requests: readonly string[]): number[] =>
      requests.flatMap((text) => /\/annotations\?.*page=(\d+)&per_page=50/.exec(text)?.[1] ?? []).map(Number);
    expect(committed).toBeGreaterThan(0);
    expect(pages(before).length).toBeGreaterThan(0);
    expect(pages(harness.requests()).filter((page) => page <= committed)).toEqual([]);
    expect(await harness.differences(OF_THE_APP)).toEqual([]);
  });

  // What every connection that is cut shows too: here the server is away for a while besides.
  test.each(['SIGQUIT', 'SIGKILL'] as const)(
    'ends the run in the truth, by itself, when Postgres is ended by %s during it and started again',
    async (signal) => {
      await using database = await ownPostgres();
      await using service = await serviceRun(backend, SLOW_ANSWERS, QUICK, {database});
      const processes = [await service.start('scheduler,http'), await service.start('worker')];
      const asked = service.request(30);
      const runId = await service.ask();
      await asked;
      await database.restart(signal);
      expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
      expect(await service.harness.differences(OF_THE_APP)).toEqual([]);
      const again = await service.ask();
      expect(await service.ended(again)).toMatchObject({outcome: 'succeeded', why: ''});
      expect(processes.map((each) => /uncaught|unhandled/i.exec(each.output().stderr)?.[0])).toEqual([
        undefined,
        undefined,
      ]);
      expect(await service.stop()).toEqual([0, 0]);
    },
  );
});

describe('the service whose Redis', () => {
  test('is killed during a run and comes back with what it held, ends in the truth', async () => {
    await using service = await serviceRun('redis', SLOW_ANSWERS, QUICK, {durable: true});
    await service.start('scheduler,worker');
    const asked = service.request(30);
    const runId = await service.ask();
    await asked;
    await service.redis?.kill('SIGKILL');
    await service.redis?.restart();
    expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
    expect(await service.harness.differences(OF_THE_APP)).toEqual([]);
    expect(await service.stop()).toEqual([0]);
  });

  test('comes back empty during a run, ends in the truth and keeps its schedules', async () => {
    const schedule = 'schedules: [{name: often, cron: "*/5 * * * * *"}]\n';
    await using service = await serviceRun('redis', SLOW_ANSWERS, `${QUICK}${schedule}`);
    await service.start('scheduler,worker');
    await service.request(30);
    await service.redis?.kill('SIGKILL');
    await service.redis?.restart();
    const known = (await service.runs()).map(({run_id}) => run_id);
    for (const runId of known) expect(await service.ended(runId)).toMatchObject({outcome: 'succeeded', why: ''});
    for (let n = 0; n < 2; n++) await service.request(5);
    await vi.waitFor(async () => expect((await service.runs()).length).toBeGreaterThan(known.length + 1), 60_000);
    expect(await service.stop()).toEqual([0]);
    expect(await service.harness.differences(OF_THE_APP)).toEqual([]);
  });
});
