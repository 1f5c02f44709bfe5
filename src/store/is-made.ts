import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import pg from 'pg';
import {driverOptions, type Connection} from './database.ts';
import {ifThere} from './embedded/embedded-error.ts';
import {storeError} from './errors.ts';
import {placeOf} from './open.ts';

/** Was a store ever made in this database? Changes nothing, so that a question does not make one. */
export async function isStoreMade(connection: Connection): Promise<boolean> {
  const client = new pg.Client(driverOptions(connection));
  client.on('error', () => undefined);
  try {
    await client.connect();
    const {rows} = await client.query<{made: boolean}>(`select to_regclass('clarifai_sync.store') is not null as made`);
    return rows[0]?.made === true;
  } catch (error) {
    throw storeError(error, `the store ${placeOf(client)} cannot be opened`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Is there an embedded Postgres in this folder, running or not? */
export async function isEmbeddedMade(dataDir: string): Promise<boolean> {
  return (await ifThere(stat(join(dataDir, 'cluster')))) !== undefined;
}
