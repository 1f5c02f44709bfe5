import {randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';
import {inject} from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** An administrator's way into the Postgres that all test files share. */
    postgresUrl: string;
    /** A database there with an empty store in it, to be copied. */
    storeTemplate: string;
  }
}

/** A database of one test's own, empty, in UTF8. */
export interface ScratchDatabase extends AsyncDisposable {
  /** For `new pg.Pool({connectionString: url})`, for psql, and for our own configuration. */
  readonly url: string;
  readonly name: string;
  /** Removes it. Throws, after removing it, when the test left connections open. */
  drop(): Promise<void>;
}

const LEAK_GRACE_MS = 3000;

/**
 * Makes an empty database; `await using` drops it. Any number may live at once.
 * @example await using scratch = await scratchDatabase();
 */
export async function scratchDatabase(): Promise<ScratchDatabase> {
  const adminUrl = inject('postgresUrl');
  const name = `scratch_${randomBytes(6).toString('hex')}`;
  await asAdmin(adminUrl, (admin) => admin.query(`create database ${name} template template0 encoding 'UTF8'`));
  let dropped: Promise<void> | undefined;
  const drop = (): Promise<void> => (dropped ??= asAdmin(adminUrl, (admin) => dropDatabase(admin, name)));
  return {url: withDatabase(adminUrl, name), name, drop, [Symbol.asyncDispose]: drop};
}

/**
 * The same with an empty store in it, made by the program itself: a copy takes a tenth of the time that making its hundred
 * tables takes, and nearly every test needs one. A store of its own all the same, with an id of its own.
 */
export async function storeDatabase(): Promise<ScratchDatabase> {
  const adminUrl = inject('postgresUrl');
  const name = `scratch_${randomBytes(6).toString('hex')}`;
  await asAdmin(adminUrl, async (admin) => {
    const {rows} = await admin.query<{new: boolean}>(
      `select current_setting('server_version_num')::int >= 150000 as new`,
    );
    const strategy = rows[0]?.new === true ? ' strategy file_copy' : '';
    await admin.query(`create database ${name} template ${inject('storeTemplate')}${strategy}`);
  });
  const url = withDatabase(adminUrl, name);
  await asAdmin(url, async (client) => {
    const {rows} = await client.query<{store_id: string}>(
      'update clarifai_sync.store set store_id = gen_random_uuid() returning store_id',
    );
    await client.query(`comment on schema clarifai is 'clarifai-sync store ${rows[0]?.store_id ?? ''}'`);
  });
  let dropped: Promise<void> | undefined;
  const drop = (): Promise<void> => (dropped ??= asAdmin(adminUrl, (admin) => dropDatabase(admin, name)));
  return {url, name, drop, [Symbol.asyncDispose]: drop};
}

/** Way into a server on a unix socket, as a URL that pg, psql and `new URL()` all read. */
export function databaseUrl(at: {host: string; port: number; user: string; database: string}): string {
  const query = new URLSearchParams({host: at.host, port: String(at.port), user: at.user});
  return `postgresql:///${at.database}?${query.toString()}`;
}

/** The same URL, for another database of the same server. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.toString();
}

/** Ends every connection to the database from the server's side, as a restart or an administrator would (57P01). */
export async function cutConnections(scratch: ScratchDatabase, application = '%'): Promise<number> {
  const sql = `select count(pg_terminate_backend(pid))::int as cut from pg_stat_activity
    where datname = $1 and application_name like $2`;
  return asAdmin(inject('postgresUrl'), async (admin) => {
    const answer = await admin.query<{cut: number}>(sql, [scratch.name, application]);
    return answer.rows[0]?.cut ?? 0;
  });
}

/** A database as it was, kept aside; disposing throws it away. */
export interface Backup extends AsyncDisposable {
  /** Makes the database what it was; ends every session in it. */
  restore(): Promise<void>;
}

export async function backUp({name}: ScratchDatabase): Promise<Backup> {
  const adminUrl = inject('postgresUrl');
  const kept = `${name}_backup`;
  const copy = async (from: string, to: string): Promise<void> => {
    await asAdmin(adminUrl, async (admin) => {
      // Nobody may be in a database that is copied; whoever was comes back by himself.
      await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [from]);
      await admin.query(`drop database if exists ${to} with (force)`);
      await admin.query(`create database ${to} template ${from}`);
    });
  };
  await copy(name, kept);
  return {
    restore: () => copy(kept, name),
    [Symbol.asyncDispose]: () =>
      asAdmin(adminUrl, async (admin) => void (await admin.query(`drop database if exists ${kept} with (force)`))),
  };
}

async function asAdmin<T>(url: string, use: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({connectionString: url, application_name: 'test-support'});
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.end();
  }
}

async function dropDatabase(admin: pg.Client, name: string): Promise<void> {
  // `pool.end()` resolves before its sockets are gone (facts-queue.md, section 9), so what is left gets a moment.
  const giveUpAt = Date.now() + LEAK_GRACE_MS;
  let open = await openConnections(admin, name);
  while (open.length > 0 && Date.now() < giveUpAt) {
    await sleep(10);
    open = await openConnections(admin, name);
  }
  await admin.query(`drop database if exists ${name} with (force)`);
  if (open.length > 0) throw new Error(`the test left ${open.length} connection(s) open: ${open.join('; ')}`);
}

async function openConnections(admin: pg.Client, name: string): Promise<string[]> {
  const sql = `select concat_ws(' ', application_name, state, left(query, 200)) as what
    from pg_stat_activity where datname = $1 and backend_type = 'client backend'`;
  const answer = await admin.query<{what: string}>(sql, [name]);
  return answer.rows.map((row) => row.what);
}
