import pg from 'pg';
import {FROZEN_AFTER_MS} from '../core/frozen-sessions.ts';
import {storeError} from './errors.ts';

/** Where a database is: an address, or the folder of an embedded server's socket. */
export type Connection =
  | {readonly url: string}
  | {readonly host: string; readonly port: number; readonly user: string; readonly database: string};

/** To be connected, or to get a free connection of a pool, ms; a server that is busy takes its time. */
const CONNECT_TIMEOUT_MS = 20_000;

/** Options of the driver for a connection; the application's name shows in pg_stat_activity. */
export function driverOptions(connection: Connection): pg.PoolConfig {
  const common = {application_name: 'clarifai-sync', connectionTimeoutMillis: CONNECT_TIMEOUT_MS};
  return 'url' in connection ? {connectionString: connection.url, ...common} : {...connection, ...common};
}

const BEGIN = `begin; set local idle_in_transaction_session_timeout = ${FROZEN_AFTER_MS}`;

/**
 * A pool of connections to one database. Idle connections that break are dropped in silence: the next statement gets a
 * new one, or the error.
 */
export class Database {
  readonly pool: pg.Pool;
  readonly connection: Connection;

  constructor(connection: Connection, maxConnections = 10) {
    this.connection = connection;
    this.pool = new pg.Pool({...driverOptions(connection), max: maxConnections});
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** Rows of one statement. */
  async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return (await this.pool.query<Row>(text, values as unknown[])).rows;
    } catch (error) {
      throw storeError(error, 'the store refused a statement');
    }
  }

  /**
   * Runs `work` in one transaction: all of it is committed, or nothing. Not repeated on failure.
   * @throws what `work` threw, or our error for what the database said
   */
  async transaction<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    let client: pg.PoolClient;
    try {
      client = await this.pool.connect();
    } catch (error) {
      throw storeError(error, 'the store cannot be reached');
    }
    let broken = true;
    try {
      await client.query(BEGIN);
      const result = await work(client);
      await client.query('commit');
      broken = false;
      return result;
    } catch (error) {
      broken = !(await client.query('rollback').then(
        () => true,
        () => false,
      ));
      throw storeError(error, 'the store refused a commit');
    } finally {
      client.release(broken);
    }
  }

  /** May be repeated. */
  async close(): Promise<void> {
    if (!this.pool.ending) await this.pool.end();
  }
}
