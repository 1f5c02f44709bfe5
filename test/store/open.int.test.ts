import pg from 'pg';
import {describe, expect, test} from 'vitest';
import {StoreRefusedError, StoreUnavailableError} from '../../src/store/errors.ts';
import {closeStore, openStore} from '../../src/store/open.ts';
import {fakePostgres} from '../support/fake-postgres.ts';
import {scratchDatabase, withDatabase} from '../support/postgres.ts';
import {Stores} from '../support/stores.ts';
import {syncHarness} from '../support/sync-harness.ts';

const OPTIONS = {schema: 'clarifai', history: false, leaseMs: 15_000};

/** The one error that opening ends with. */
async function refusal(url: string, schema = 'clarifai'): Promise<Error> {
  try {
    await closeStore(await openStore({...OPTIONS, schema, connection: {url}}));
  } catch (error) {
    return error as Error;
  }
  throw new Error('the store was opened');
}

async function asAdmin<Result>(url: string, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({connectionString: url});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Names of all that is not Postgres' own. */
async function contents(url: string): Promise<string[]> {
  return await asAdmin(url, async (client) => {
    const {rows} = await client.query<{name: string}>(
      `select nspname as name from pg_namespace where nspname like 'clarifai%' union all
       select relnamespace::regnamespace || '.' || relname from pg_class where relnamespace::regnamespace::text like 'clarifai%' order by 1`,
    );
    return rows.map((row) => row.name);
  });
}

describe('opening is refused, with one sentence that says where, what was expected and what was found, for', () => {
  test('a server that does not answer', async () => {
    const error = await refusal('postgresql://me:geheim@127.0.0.1:1/db');
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject({exit: 'store'});
    expect(error.message).toMatch(/^the store me@127\.0\.0\.1:1\/db cannot be opened: .*ECONNREFUSED/);
    expect(error.message).not.toContain('geheim');
  });

  test('a database that is not there', async () => {
    await using scratch = await scratchDatabase();
    const error = await refusal(withDatabase(scratch.url, 'not_there'));
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toMatch(
      /\/not_there cannot be opened: expected a database that exists, found: database "not_there" does not exist$/,
    );
  });

  test('a user that the server does not know', async () => {
    await using scratch = await scratchDatabase();
    const url = new URL(scratch.url);
    url.searchParams.set('user', 'nobody_here');
    url.username = url.hostname === '' ? '' : 'nobody_here';
    const error = await refusal(url.toString());
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toMatch(/nobody_here/);
  });

  test('a wrong password', async () => {
    const message = 'password authentication failed for user "somebody"';
    await using server = await fakePostgres({kind: 'refusal', sqlState: '28P01', message});
    const error = await refusal(server.url);
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toMatch(
      /cannot be opened: expected a user and password that the server takes, found: password auth/,
    );
  });

  test.each([
    ['130022', '13.22'],
    ['90624', '9.6.24'],
  ])('a server that is too old (%s)', async (number, name) => {
    await using server = await fakePostgres({kind: 'version', number, name});
    const error = await refusal(server.url);
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toMatch(
      /^the store somebody@127\.0\.0\.1:\d+\/some: expected PostgreSQL 14 or later, found /,
    );
    expect(error.message).toContain(name);
  });

  test('a role without the right to make tables, and nothing is half done', async () => {
    await using scratch = await scratchDatabase();
    const role = `weak_${scratch.name}`;
    await asAdmin(scratch.url, (client) => client.query(`create role ${role} login`));
    try {
      const url = new URL(scratch.url);
      if (url.searchParams.has('user')) url.searchParams.set('user', role);
      else url.username = role;
      const error = await refusal(url.toString());
      expect(error).toBeInstanceOf(StoreRefusedError);
      expect(error.message).toMatch(
        /cannot be opened: expected the right to do so, found: permission denied for database/,
      );
      expect(await contents(scratch.url)).toEqual([]);
    } finally {
      await asAdmin(scratch.url, (client) => client.query(`drop role ${role}`));
    }
  });

  test('tables made by a newer version', async () => {
    await using stores = await Stores.make();
    await stores.open();
    const {url} = stores.database;
    await asAdmin(url, (client) =>
      client.query(`insert into clarifai_sync.migrations (name, run_on) values ('0999_future', now())`),
    );
    const error = await refusal(url);
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toMatch(/expected nothing after \d{4}_\w+, found 0999_future of a newer version/);
  });

  test('a schema with tables of another store, and nothing is half done', async () => {
    await using stores = await Stores.make();
    const {storeId} = await stores.open();
    const {url} = stores.database;
    await asAdmin(url, (client) => client.query('drop schema clarifai_sync cascade'));
    const before = await contents(url);
    const error = await refusal(url);
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toContain(`found tables of clarifai-sync store ${storeId}`);
    expect(await contents(url)).toEqual(before);
  });

  test('another schema than the one in which the store keeps its tables', async () => {
    await using stores = await Stores.make();
    await stores.open();
    const {url} = stores.database;
    const before = await contents(url);
    const error = await refusal(url, 'elsewhere');
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toMatch(/^schema "elsewhere" .*: expected "clarifai", where this store keeps its tables/);
    expect(await contents(url)).toEqual(before);
  });

  test('a command, which ends with code 4', async () => {
    await using harness = await syncHarness({inputs: 1, annotations: 0, datasets: 0});
    harness.env['DATABASE_URL'] = withDatabase(harness.database.url, 'not_there');
    await expect(harness.sync()).rejects.toMatchObject({exit: 'store'});
    expect(harness.requests()).toEqual([]);
  });
});

describe('opening', () => {
  test('a fresh database from several processes at once succeeds for all of them, as one store', async () => {
    await using stores = await Stores.make();
    const opened = await Promise.all([stores.open(), stores.open(), stores.open(), stores.open()]);
    expect(new Set(opened.map(({storeId}) => storeId)).size).toBe(1);
    expect(new Set(opened.map(({presence}) => presence.holder)).size).toBe(4);
  });

  test('needs no right to make schemas once they are there', async () => {
    await using stores = await Stores.make();
    await stores.open();
    const role = `tenant_${stores.database.name}`;
    await asAdmin(stores.database.url, async (client) => {
      await client.query(`create role ${role} login`);
      await client.query(`do $$ declare t record; begin
        for t in select c.oid::regclass as name from pg_class c where c.relnamespace in ('clarifai'::regnamespace, 'clarifai_sync'::regnamespace)
          and c.relkind in ('r', 'v') loop execute format('alter table %s owner to ${role}', t.name); end loop; end $$`);
      await client.query(`alter schema clarifai owner to ${role}`);
      await client.query(`alter schema clarifai_sync owner to ${role}`);
      await client.query(`grant all on all sequences in schema clarifai, clarifai_sync to ${role}`);
    });
    try {
      const url = new URL(stores.database.url);
      if (url.searchParams.has('user')) url.searchParams.set('user', role);
      else url.username = role;
      await closeStore(await openStore({...OPTIONS, connection: {url: url.toString()}}));
    } finally {
      await asAdmin(stores.database.url, (client) => client.query(`drop owned by ${role} cascade; drop role ${role}`));
    }
  });
});

test('a store in which everything is there is opened without making or defining anything', async () => {
  await using stores = await Stores.make();
  const store = await stores.open();
  const definitions = async (): Promise<unknown[]> =>
    await store.database.query(
      `select c.oid::regclass::text as name, c.xmin::text as made, r.xmin::text as rule
       from pg_class c left join pg_rewrite r on r.ev_class = c.oid
       where c.relnamespace::regnamespace::text in ('clarifai', 'clarifai_sync') order by 1`,
    );
  const before = await definitions();
  await stores.open();
  expect(await definitions()).toEqual(before);
  await store.database.query('alter table clarifai.inputs drop column status_code cascade');
  await stores.open();
  expect(await store.database.query('select status_code from clarifai.inputs')).toEqual([]);
});
