import pg from 'pg';
import {endFrozenSql, LOOK_FOR_FROZEN_EVERY_MS} from '../core/frozen-sessions.ts';
import {type Connection, driverOptions, type Database} from './database.ts';
import {storeError} from './errors.ts';

/** First key of our advisory locks: "sync" in ASCII. */
const LOCK_CLASS = 0x73796e63;

/**
 * Shows that this process is alive: a session of its own holds an advisory lock, which is gone the moment the process
 * is. This only lets others notice a death sooner; what decides is the lease, and what protects the data is the fence
 * (invariant 11). Behind a pooler in transaction mode sessions are not ours, and nothing must rest on this.
 *
 * The session also ends those of frozen processes that keep others waiting: every process looks, since those that wait
 * can do nothing themselves.
 */
export class Presence {
  readonly holder: string;
  readonly #connection: Connection;
  #client: pg.Client | null = null;
  #looking: NodeJS.Timeout | null = null;
  #closed = false;

  private constructor(holder: string, connection: Connection) {
    this.holder = holder;
    this.#connection = connection;
  }

  static async open(database: Database): Promise<Presence> {
    const [row] = await database.query<{holder: string}>(`select nextval('clarifai_sync.holder')::text as holder`);
    const presence = new Presence(row?.holder ?? '0', database.connection);
    await presence.#show();
    presence.#looking = setInterval(() => presence.#look(), LOOK_FOR_FROZEN_EVERY_MS).unref();
    return presence;
  }

  async #show(): Promise<void> {
    const client = new pg.Client(driverOptions(this.#connection));
    // The server went away: show ourselves again as soon as it is back. Until then only the lease speaks for us.
    client.on('error', () => {
      this.#client = null;
      void client.end().catch(() => undefined);
      this.#showAgain();
    });
    try {
      await client.connect();
      await client.query('select pg_advisory_lock($1, $2)', [LOCK_CLASS, Number(this.holder) | 0]);
    } catch (error) {
      void client.end().catch(() => undefined);
      throw storeError(error, 'the store cannot be reached');
    }
    // Closed meanwhile: a session that nobody ends would keep the process, and its name among the living.
    if (this.#closed) await client.end().catch(() => undefined);
    else this.#client = client;
  }

  /** What goes wrong here shows in the session itself, or is as well done by the next look. */
  #look(): void {
    if (this.#client !== null) this.#client.query(endFrozenSql()).catch(() => undefined);
  }

  #showAgain(): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (!this.#closed) this.#show().catch(() => this.#showAgain());
    }, 1_000).unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#looking !== null) clearInterval(this.#looking);
    await this.#client?.end().catch(() => undefined);
  }
}

/**
 * SQL that tells whether the holder in `column` is known to be dead: true only if its lock is not held by anybody.
 * Null (no holder) counts as dead.
 */
export function isDeadSql(column: string): string {
  return (
    `(${column} is null or not exists (select 1 from pg_locks l where l.locktype = 'advisory' and ` +
    `l.database = (select oid from pg_database where datname = current_database()) and ` +
    `l.classid = ${LOCK_CLASS} and l.objid = ${column}::oid and l.granted))`
  );
}
