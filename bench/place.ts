import {fork} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import pg from 'pg';
import type {SimulatorOptions} from '../src/simulator/simulator.ts';
import type {Connection} from '../src/store/database.ts';
import {openEmbedded} from '../src/store/embedded/open-embedded.ts';

/** A simulated API in a process of its own. */
export interface Api extends AsyncDisposable {
  readonly url: string;
  readonly pat: string;
  readonly userId: string;
  readonly appId: string;
  /** Asks the simulator itself, below `/_simulator/`. */
  readonly control: (method: string, name: string, body?: unknown) => Promise<unknown>;
}

export async function startApi(options: SimulatorOptions): Promise<Api> {
  const script = fileURLToPath(new URL('./simulator-child.js', import.meta.url));
  const child = fork(script, [JSON.stringify(options)]);
  const [told] = (await once(child, 'message')) as [Pick<Api, 'url' | 'pat' | 'userId' | 'appId'>];
  return {
    ...told,
    control: async (method, name, body) => {
      const init = body === undefined ? {method} : {method, body: JSON.stringify(body)};
      const answer = await fetch(`${told.url}/_simulator/${name}`, init);
      if (!answer.ok) throw new Error(`the simulator refused ${name}: ${await answer.text()}`);
      return await answer.json();
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** An empty database of its own. */
export interface BenchDatabase extends AsyncDisposable {
  readonly url: string;
  readonly pool: pg.Pool;
}

/** An embedded Postgres with our own settings, as the service starts it, in a folder that goes with it. */
export interface Server extends AsyncDisposable {
  /** All that was written before is on the disk by then, so that no case pays for another. */
  database(): Promise<BenchDatabase>;
}

export async function startServer(settings: Readonly<Record<string, string>> = {}): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-bench-'));
  const remove = (): Promise<void> => rm(folder, {recursive: true, force: true});
  const server = await openEmbedded({dataDir: join(folder, 'postgres'), settings});
  const admin = async (sql: string): Promise<void> => {
    const client = new pg.Client(server.connection);
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  return {
    database: async () => {
      const name = `bench_${randomBytes(4).toString('hex')}`;
      await admin(`create database ${name} template template0 encoding 'UTF8'`);
      await admin('checkpoint');
      const url = urlOf(server.connection, name);
      const pool = new pg.Pool({connectionString: url, max: 2});
      pool.on('error', () => undefined);
      const drop = async (): Promise<void> => {
        await pool.end();
        await admin(`drop database ${name} with (force)`);
      };
      return {url, pool, [Symbol.asyncDispose]: drop};
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await remove();
    },
  };
}

function urlOf(at: Exclude<Connection, {url: string}>, database: string): string {
  const query = new URLSearchParams({host: at.host, port: String(at.port), user: at.user});
  return `postgresql:///${database}?${query.toString()}`;
}
