import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {openEmbedded, type EmbeddedPostgres} from '../../src/store/embedded/open-embedded.ts';
import {databaseUrl, type ScratchDatabase} from './postgres.ts';

/** A Postgres of one test's own, which may be killed. Its one database is a scratch database. */
export interface OwnPostgres extends ScratchDatabase {
  /** Ends it with the signal and starts it again, where it was: SIGQUIT is what `pg_ctl restart -m immediate` does. */
  restart(signal: 'SIGQUIT' | 'SIGKILL'): Promise<void>;
}

/** Starts one, with an empty database; `await using` stops it and removes what it wrote. */
export async function ownPostgres(): Promise<OwnPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-pg-'));
  const dataDir = join(folder, 'p');
  const start = (): Promise<EmbeddedPostgres> => openEmbedded({dataDir, settings: {fsync: 'off'}});
  const servers = [await start()];
  const {connection} = servers[0] as EmbeddedPostgres;
  const drop = async (): Promise<void> => {
    for (const server of servers.splice(0)) await server.close();
    await rm(folder, {recursive: true, force: true});
  };
  return {
    url: databaseUrl(connection),
    name: connection.database,
    restart: async (signal) => {
      const pid = Number((await readFile(join(dataDir, 'cluster/postmaster.pid'), 'utf8')).split('\n')[0]);
      process.kill(pid, signal);
      servers.push(await start());
    },
    drop,
    [Symbol.asyncDispose]: drop,
  };
}
