import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {TestProject} from 'vitest/node';
import {openEmbedded} from '../../src/store/embedded/open-embedded.ts';
import {databaseUrl} from './postgres.ts';

/** One Postgres for all test files: what TEST_DATABASE_URL names, else one of our own, gone with the last test. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') {
    project.provide('postgresUrl', given);
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-test-'));
  const remove = (): Promise<void> => rm(folder, {recursive: true, force: true});
  try {
    // What tests write need not survive a power cut; this spares the disk, nothing else changes.
    const settings = {fsync: 'off', max_connections: '200', max_prepared_transactions: '0'};
    const server = await openEmbedded({dataDir: join(folder, 'postgres'), settings});
    project.provide('postgresUrl', databaseUrl(server.connection));
    return async () => {
      await server.close();
      await remove();
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
