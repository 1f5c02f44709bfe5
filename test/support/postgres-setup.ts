import {randomBytes} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import type {TestProject} from 'vitest/node';
import {openEmbedded} from '../../src/store/embedded/open-embedded.ts';
import {closeStore, openStore} from '../../src/store/open.ts';
import {QueueBackend} from '../../src/workers/queue-backend.ts';
import {databaseUrl, withDatabase} from './postgres.ts';

/**
 * One Postgres for all test files: what TEST_DATABASE_URL names, else one of our own, gone with the last test. With an empty
 * store in a database of its own, which is copied for tests.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['TEST_DATABASE_URL'];
  const isGiven = given !== undefined && given !== '';
  const server = isGiven ? {url: given, close: () => Promise.resolve()} : await ownServer();
  try {
    const template = await makeTemplate(server.url);
    project.provide('postgresUrl', server.url);
    project.provide('storeTemplate', template);
    return async () => {
      await asAdmin(server.url, `drop database if exists ${template} with (force)`);
      await server.close();
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function ownServer(): Promise<{url: string; close: () => Promise<void>}> {
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-test-'));
  const remove = (): Promise<void> => rm(folder, {recursive: true, force: true});
  try {
    // What tests write need not survive a power cut; this spares the disk, nothing else changes.
    const settings = {fsync: 'off', max_connections: '200', max_prepared_transactions: '0'};
    const server = await openEmbedded({dataDir: join(folder, 'postgres'), settings});
    const close = async (): Promise<void> => {
      await server.close();
      await remove();
    };
    return {url: databaseUrl(server.connection), close};
  } catch (error) {
    await remove();
    throw error;
  }
}

async function makeTemplate(url: string): Promise<string> {
  const name = `store_${randomBytes(6).toString('hex')}`;
  await asAdmin(url, `create database ${name} template template0 encoding 'UTF8'`);
  const connection = {url: withDatabase(url, name)};
  await closeStore(await openStore({connection, schema: 'clarifai', history: false, leaseMs: 1_000}));
  await QueueBackend.open({place: {kind: 'store', connection}, lockMs: 1_000, onError: () => undefined});
  return name;
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const admin = new pg.Client({connectionString: url});
  await admin.connect();
  await admin.query(statement).finally(() => admin.end());
}
