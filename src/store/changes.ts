import type pg from 'pg';
import type {Scope} from '../core/scope.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {allKeys, SYNC_COLUMNS} from './tables.ts';

/** A row as a replica gets it; text as Postgres writes it (TimeZone UTC, DateStyle ISO, bytea hex), null for null. */
export interface ChangedRow {
  readonly op: 'insert' | 'update' | 'delete';
  readonly values: readonly (string | null)[];
}

const ROWS_AT_ONCE = 2_000;

/** Values as Postgres writes them, none parsed: every digit stays. */
const AS_TEXT = {getTypeParser: () => (value: string | Buffer) => value};

/** What replicas do not get: the number of the row means nothing outside of the store. */
const INTERNAL = '_sync_row';

/** Columns that replicas get, in the order of the table. */
export function replicatedColumns(stream: Stream): readonly string[] {
  const own = SYNC_COLUMNS.map(([name]) => name).filter((name) => name !== INTERNAL);
  return [...allKeys(stream), ...stream.shape.columns.map((column) => column.name), 'raw', ...own];
}

/** The rows of a scope for those who replicate them, all from one snapshot of the mirror. Close it soon. */
export class ChangeFeed implements AsyncDisposable {
  readonly #client: pg.PoolClient;
  readonly #schema: string;
  readonly #scope: Scope;
  #cursors = 0;

  private constructor(client: pg.PoolClient, schema: string, scope: Scope) {
    this.#client = client;
    this.#schema = schema;
    this.#scope = scope;
  }

  static async open(store: Store, scope: Scope): Promise<ChangeFeed> {
    const client = await store.database.pool.connect();
    try {
      await client.query('begin isolation level repeatable read read only');
      await client.query(`set local timezone = 'UTC'; set local datestyle = 'ISO'; set local bytea_output = 'hex'`);
    } catch (error) {
      client.release(true);
      throw error;
    }
    return new ChangeFeed(client, store.schema, scope);
  }

  /** Rows changed since `after`, in key order; what came and went since is left out. */
  changes(stream: string, after: number): AsyncGenerator<readonly ChangedRow[], void, undefined> {
    return this.#rows(
      streamNamed(stream),
      `case when _sync_deleted_at is not null then 'delete' when _sync_first_sequence > $3 then 'insert' else 'update' end`,
      `_sync_sequence > $3 and (_sync_deleted_at is null or _sync_first_sequence <= $3)`,
      [after],
    );
  }

  /** Every row changed since `after`, those that came and went since among them. */
  rows(stream: string, after: number): AsyncGenerator<readonly ChangedRow[], void, undefined> {
    return this.#rows(
      streamNamed(stream),
      `case when _sync_deleted_at is not null then 'delete' when _sync_first_sequence > $3 then 'insert' else 'update' end`,
      '_sync_sequence > $3',
      [after],
    );
  }

  /** Living rows in key order. */
  current(stream: string): AsyncGenerator<readonly ChangedRow[], void, undefined> {
    return this.#rows(streamNamed(stream), `'insert'`, '_sync_deleted_at is null', []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isWell = await this.#client.query('rollback').then(
      () => true,
      () => false,
    );
    this.#client.release(!isWell);
  }

  async *#rows(
    stream: Stream,
    op: string,
    condition: string,
    values: readonly unknown[],
  ): AsyncGenerator<readonly ChangedRow[], void, undefined> {
    const cursor = `feed_${++this.#cursors}`;
    const columns = replicatedColumns(stream).map((name) => ident(name));
    const order = allKeys(stream)
      .map((name) => ident(name))
      .join(', ');
    await this.#client.query(
      `declare ${cursor} no scroll cursor for select ${op}, ${columns.join(', ')} from ${ident(this.#schema, stream.name)}
       where user_id = $1 and app_id = $2 and ${condition} order by ${order}`,
      [this.#scope.userId, this.#scope.appId, ...values],
    );
    try {
      for (;;) {
        const {rows} = await this.#client.query<(string | null)[]>({
          text: `fetch ${ROWS_AT_ONCE} from ${cursor}`,
          rowMode: 'array',
          types: AS_TEXT,
        });
        if (rows.length === 0) return;
        yield rows.map(([kind, ...row]) => ({op: kind as ChangedRow['op'], values: row}));
      }
    } finally {
      await this.#client.query(`close ${cursor}`).catch(() => undefined);
    }
  }
}
