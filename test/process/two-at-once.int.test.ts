import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test, vi} from 'vitest';
import {startSimulator} from '../../src/simulator/simulator.ts';
import {openEmbedded} from '../../src/store/embedded/open-embedded.ts';
import {databaseUrl} from '../support/postgres.ts';
import {startCli} from '../support/process.ts';
import {SyncHarness} from '../support/sync-harness.ts';
import {cliSync, complaints, documentOf, MANY_PAGES, SMALL_PAGES} from './cli-sync.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 180_000});

describe('two syncs of one app at once', () => {
  test('in one store: the first does it, the other says that it is being done', async () => {
    await using sync = await cliSync();
    const args = ['--stream', 'inputs', 'annotations'];
    expect((await sync.run(['--stream', 'concepts'])).code).toBe(0);
    // The first one cannot commit, and so is at work, until the second one has ended.
    const client = await sync.harness.pool.connect();
    await client.query('begin');
    await client.query('lock table clarifai.annotations in exclusive mode');
    await using first = sync.start(args);
    await sync.request(10);
    const second = await sync.run(args);
    await client.query('rollback');
    client.release();
    expect(second.code, second.stderr).toBe(75);
    expect(second.stdout).toBe('');
    expect(complaints(second)).toEqual([expect.stringContaining('another run of acme/plants is active')]);
    const ended = await first.ended;
    expect(ended.code, ended.stderr).toBe(0);
    expect(documentOf(ended).outcome).toBe('succeeded');
    expect(await sync.harness.differences(['inputs', 'annotations'])).toEqual([]);
  });

  test('in a data directory that is not there yet: one of them does it, and nothing is lost', async () => {
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
      const start = () => startCli(['sync', '--json'], {cwd: folder, env});
      await using one = start();
      await using other = start();
      const ended = [await one.ended, await other.ended];
      const said = ended.map(({stderr}) => stderr).join('\n');
      // One that comes when the other has ended already does it once more.
      for (const {code} of ended) expect([0, 75], said).toContain(code);
      expect(
        ended.map(({code}) => code),
        said,
      ).toContain(0);

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
