import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {RunDocument} from '../../src/store/run-document.ts';
import type {SimulatorOptions} from '../../src/simulator/simulator.ts';
import {startCli, type Ended, type TestProcess} from '../support/process.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

/** An app of many small pages, so that there are many moments at which something may happen. */
export const MANY_PAGES: SimulatorOptions = {inputs: 600, annotations: 2400, datasets: 3, versionsPerDataset: 2};

/** No rate limit, and pages of 50 records. */
export const SMALL_PAGES = 'source: {requests_per_second: 0, page_size: 50}\n';

/** The simulator and an empty database, with the real executable to sync the one into the other. */
export class CliSync implements AsyncDisposable {
  readonly harness: SyncHarness;
  readonly folder: string;

  constructor(harness: SyncHarness, folder: string) {
    this.harness = harness;
    this.folder = folder;
  }

  /** Starts `sync --json`. `env` is laid over the surroundings of the harness. */
  start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): TestProcess {
    const config = join(this.folder, 'clarifai-sync.yaml');
    return startCli(['--config', config, 'sync', '--json', ...args], {
      cwd: this.folder,
      env: {...this.harness.env, ...env},
    });
  }

  /** Runs `sync --json` to its end. */
  async run(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    await using cli = this.start(args, env);
    return await cli.ended;
  }

  /** Resolves at the n-th request from now on, before it is answered. */
  request(n: number): Promise<void> {
    return new Promise((resolve) => {
      this.harness.simulator.changeEvery(1, (count) => {
        if (count !== n) return;
        this.harness.simulator.changeEvery(1, null);
        resolve();
      });
    });
  }

  /** Does something at the n-th request from now on, before it is answered. */
  at(n: number, act: () => void): void {
    void this.request(n).then(act);
  }

  async unfinishedRuns(): Promise<number> {
    const rows = await this.harness.query<{n: number}>(
      `select count(*)::int as n from clarifai_sync.runs where state <> 'finished'`,
    );
    return rows[0]?.n ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.harness[Symbol.asyncDispose]();
    await rm(this.folder, {recursive: true, force: true});
  }
}

export async function cliSync(options: SimulatorOptions = MANY_PAGES, config = SMALL_PAGES): Promise<CliSync> {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-process-'));
  await writeFile(join(folder, 'clarifai-sync.yaml'), config);
  return new CliSync(await syncHarness(options), folder);
}

/** The document that a sync of one app printed. */
export function documentOf({stdout, stderr}: Ended): RunDocument {
  if (stdout === '') throw new Error(`the sync printed no document: ${stderr}`);
  return JSON.parse(stdout) as RunDocument;
}

/** What was said to people, without lines of log. */
export function complaints({stderr}: Ended): string[] {
  return stderr.split('\n').filter((line) => line.startsWith('clarifai-sync: '));
}
