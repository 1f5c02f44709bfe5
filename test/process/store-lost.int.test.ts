import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test, vi} from 'vitest';
import {startSimulator} from '../../src/simulator/simulator.ts';
import {openEmbedded} from '../../src/store/embedded/open-embedded.ts';
import {cutConnections, databaseUrl} from '../support/postgres.ts';
import {runCli, startCli} from '../support/process.ts';
import {SyncHarness} from '../support/sync-harness.ts';
import {cliSync, complaints, MANY_PAGES, SMALL_PAGES} from './cli-sync.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 180_000});

/** Far more than it should take, and far less than for ever. */
const BOUND_MS = 45_000;

describe('a sync whose Postgres goes away', () => {
  test('because every connection is cut ends soon, and the next one is right', async () => {
    await using sync = await cliSync();
    for (const n of [15, 50]) {
      // In full, for the sync before may have outlived its cut and left nothing to read.
      await using cli = sync.start(['--full']);
      await sync.request(n);
      expect(await cutConnections(sync.harness.database)).toBeGreaterThan(0);
      const cutMs = performance.now();
      const ended = await cli.ended;
      expect(performance.now() - cutMs).toBeLessThan(BOUND_MS);
      expect([0, 4], ended.stderr).toContain(ended.code);
      if (ended.code === 4) expect(complaints(ended).length + ended.stdout.length).toBeGreaterThan(0);
    }
    const next = await sync.run();
    expect(next.code, next.stderr).toBe(0);
    expect(await sync.unfinishedRuns()).toBe(0);
    expect(await sync.harness.differences()).toEqual([]);
  });

  test('because the embedded server was killed ends with 4, and the next one is right', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-process-'));
    const simulator = await startSimulator(MANY_PAGES);
    try {
      const dataDir = join(folder, 'data');
      await writeFile(join(folder, 'clarifai-sync.yaml'), `${SMALL_PAGES}data_dir: ${dataDir}\n`);
      const env = {
        CLARIFAI_PAT: simulator.pat,
        CLARIFAI_USER_ID: simulator.userId,
        CLARIFAI_APP_ID: simulator.appId,
        CLARIFAI_API_BASE: simulator.url,
      };
      await using cli = startCli(['sync', '--json'], {cwd: folder, env});
      await new Promise<void>((resolve) => simulator.changeEvery(50, () => resolve()));
      simulator.changeEvery(1, null);
      const pid = Number((await readFile(join(dataDir, 'cluster/postmaster.pid'), 'utf8')).split('\n')[0]);
      process.kill(pid, 'SIGKILL');
      const killedMs = performance.now();
      const ended = await cli.ended;
      expect(performance.now() - killedMs).toBeLessThan(BOUND_MS);
      expect(ended.code, ended.stderr).toBe(4);
      expect(complaints(ended).length, ended.stderr).toBeGreaterThan(0);

      const next = await runCli(['sync', '--json'], {cwd: folder, env});
      expect(next.code, next.stderr).toBe(0);
      const server = await openEmbedded({dataDir});
      const drop = (): Promise<void> => server.close();
      const database = {url: databaseUrl(server.connection), name: '', drop, [Symbol.asyncDispose]: drop};
      await using harness = new SyncHarness(simulator, database, '');
      expect(await harness.differences()).toEqual([]);
      expect(await harness.query(`select 1 from clarifai_sync.runs where state <> 'finished'`)).toEqual([]);
    } finally {
      await simulator.close();
      await rm(folder, {recursive: true, force: true});
    }
  });
});
