import {randomInt} from 'node:crypto';
import pg from 'pg';
import {driverOptions, type Connection} from './database.ts';
import {storeError} from './errors.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';

/** Version of the server, as it calls itself. */
export async function serverVersion({database}: Pick<Store, 'database'>): Promise<string> {
  const [row] = await database.query<{version: string}>(`select current_setting('server_version') as version`);
  return row?.version ?? 'of unknown version';
}

/** Writes a table of its own into the schema, reads it back and removes it: what a sync needs to be able to do. */
export async function probeWriting({database, schema}: Pick<Store, 'database' | 'schema'>): Promise<void> {
  const table = ident(schema, `_clarifai_sync_probe_${randomInt(1e9)}`);
  await database.transaction(async (client) => {
    await client.query(`create table ${table} (n int)`);
    await client.query(`insert into ${table} values (1)`);
    await client.query(`drop table ${table}`);
  });
}

/** First key of the advisory lock that the two sessions compare: "chck" in ASCII. */
const PROBE_CLASS = 0x6368636b;
const PROBE_TIMEOUT_MS = 10_000;

/**
 * Is there a pooler in between that gives out sessions by the transaction? Then what one of our connections holds, another
 * holds too: a lock that must be refused is granted, and one connection answers from several servers' processes.
 */
export async function hasTransactionPooler(connection: Connection): Promise<boolean> {
  const [ours, other] = [0, 1].map(() => {
    const client = new pg.Client({...driverOptions(connection), query_timeout: PROBE_TIMEOUT_MS});
    client.on('error', () => undefined);
    return client;
  }) as [pg.Client, pg.Client];
  const key = randomInt(2 ** 31);
  const ask = async (client: pg.Client): Promise<Answer> => {
    const {rows} = await client.query<Answer>(
      'select pg_backend_pid() as pid, pg_try_advisory_lock($1, $2) as locked',
      [PROBE_CLASS, key],
    );
    return rows[0] as Answer;
  };
  const connected: pg.Client[] = [];
  try {
    for (const client of [ours, other]) {
      await client.connect();
      connected.push(client);
    }
    const held = await ask(ours);
    // Keeps one of the pooler's sessions busy, perhaps the very one that holds the lock.
    await other.query('begin');
    const theirs = await ask(other);
    if (theirs.pid === held.pid || theirs.locked) return true;
    const again = await ask(ours);
    await other.query('rollback');
    return again.pid !== held.pid || (await ask(ours)).pid !== held.pid;
  } catch (error) {
    throw storeError(error, 'the store cannot be asked about its sessions');
  } finally {
    // What is held must not outlive us in a pooler's session.
    for (const client of connected.reverse()) {
      await client.query('rollback').catch(() => undefined);
      await client.query('select pg_advisory_unlock_all()').catch(() => undefined);
      await client.end().catch(() => undefined);
    }
  }
}

interface Answer {
  readonly pid: number;
  readonly locked: boolean;
}
