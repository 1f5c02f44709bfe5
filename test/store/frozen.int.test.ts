import pg from 'pg';
import {from as copyFrom} from 'pg-copy-streams';
import {expect, test} from 'vitest';
import {endFrozenSql} from '../../src/core/frozen-sessions.ts';
import {scratchDatabase, type ScratchDatabase} from '../support/postgres.ts';
import {until} from '../support/until.ts';

/** A session as ours are; ends with the test, however it was ended. */
class Session implements AsyncDisposable {
  readonly client: pg.Client;
  readonly broken: Promise<string>;

  private constructor(client: pg.Client) {
    this.client = client;
    this.broken = new Promise((resolve) => client.once('error', (error: Error) => resolve(error.message)));
  }

  static async open(scratch: ScratchDatabase, name = 'clarifai-sync'): Promise<Session> {
    const client = new pg.Client({connectionString: scratch.url, application_name: name});
    const session = new Session(client);
    await client.connect();
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.end().catch(() => undefined);
  }
}

async function blocked(by: Session): Promise<void> {
  await until('somebody waits for a lock', async () => {
    const {rows} = await by.client.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows.length > 0;
  });
}

/** A session that stands still in the middle of a COPY, with the lock on a row that another waits for. */
async function frozenInCopy(scratch: ScratchDatabase, looking: Session, name?: string): Promise<Session> {
  await looking.client.query('create table held (n integer primary key); create table copied (n integer)');
  const frozen = await Session.open(scratch, name);
  await frozen.client.query('begin; insert into held values (1)');
  const copy = frozen.client.query(copyFrom('copy copied from stdin'));
  copy.on('error', () => undefined);
  await new Promise<void>((resolve) => copy.write('1\n', () => resolve()));
  await until('the COPY has begun', async () => {
    const {rows} = await looking.client.query(`select 1 from pg_stat_activity where query like 'copy copied%'`);
    return rows.length > 0;
  });
  return frozen;
}

test('a session that stands still in a COPY is ended once it keeps another waiting, and not before', async () => {
  await using scratch = await scratchDatabase();
  await using looking = await Session.open(scratch);
  await using waiting = await Session.open(scratch);
  await using frozen = await frozenInCopy(scratch, looking);
  expect((await looking.client.query(endFrozenSql(0))).rows).toEqual([]);
  const written = waiting.client.query('insert into held values (1)');
  await blocked(looking);
  expect((await looking.client.query(endFrozenSql())).rows).toEqual([]);
  expect((await looking.client.query(endFrozenSql(0))).rows).toHaveLength(1);
  expect((await written).rowCount).toBe(1);
  expect(await frozen.broken).toMatch(/terminat/);
});

test('a session of another program is let be, whomever it keeps waiting', async () => {
  await using scratch = await scratchDatabase();
  await using looking = await Session.open(scratch);
  await using waiting = await Session.open(scratch);
  await using frozen = await frozenInCopy(scratch, looking, 'psql');
  const written = waiting.client.query('insert into held values (1)');
  await blocked(looking);
  expect((await looking.client.query(endFrozenSql(0))).rows).toEqual([]);
  await frozen.client.end();
  expect((await written).rowCount).toBe(1);
});
