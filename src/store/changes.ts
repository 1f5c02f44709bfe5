import type pg from 'pg';
import type {Scope} from '../core/scope.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import {historyTable} from './history.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {allKeys, SYNC_COLUMNS} from './tables.ts';

/** A row as a replica gets it; text as Postgres writes it (TimeZone UTC, DateStyle ISO, bytea hex), null for null. */
export interface ChangedRow {
  readonly op: 'insert' | 'update' | 'delete';
  readonly values: readonly (string | null)[];
}

export interface NewestRun {
  readonly runId: string;
  readonly sequence: number;
  readonly startedAt: Date;
  /** null while it goes on. */
  readonly closedAt: Date | null;
}

const ROWS_AT_ONCE = 2_000;

/** Values as Postgres writes them, none parsed: every digit stays. */
const AS_TEXT = {getTypeParser: () => (value: string | Buffer) => value};

/** What a version has behind the columns of its row; those of VERSION_FIELDS in sinks/table-shape.ts. */
const VERSION_COLUMNS = ['_sync_valid_from', '_sync_valid_to', '_sync_op', '_sync_version'];

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
      // Tables that were never analysed look empty to the planner: it would read all of one for each row of another.
      await client.query('set local enable_nestloop = off');
    } catch (error) {
      client.release(true);
      throw error;
    }
    return new ChangeFeed(client, store.schema, scope);
  }

  /** The newest run of the scope that the rows of this snapshot know of; null where there is none. */
  async newestRun(): Promise<NewestRun | null> {
    const {rows} = await this.#client.query<{
      run_id: string;
      sequence: string;
      started_at: Date;
      closed_at: Date | null;
    }>(
      `select run_id, sequence::text, started_at, closed_at from clarifai_sync.runs where user_id = $1 and app_id = $2
       order by runs.sequence desc limit 1`,
      [this.#scope.userId, this.#scope.appId],
    );
    const [row] = rows;
    if (row === undefined) return null;
    const {run_id: runId, sequence, started_at: startedAt, closed_at: closedAt} = row;
    return {runId, sequence: Number(sequence), startedAt, closedAt};
  }

  /** Rows changed since `after`, in key order; what came and went since is left out. */
  async *changes(stream: string, after: number): AsyncGenerator<readonly ChangedRow[], void, undefined> {
    if (!(await this.#mayHaveChanged(stream, after))) return;
    yield* this.#rows(
      streamNamed(stream),
      `case when _sync_deleted_at is not null then 'delete' when _sync_first_sequence > $3 then 'insert' else 'update' end`,
      `_sync_sequence > $3 and (_sync_deleted_at is null or _sync_first_sequence <= $3)`,
      [after],
    );
  }

  /** Every row changed since `after`, those that came and went since among them. */
  async *rows(stream: string, after: number): AsyncGenerator<readonly ChangedRow[], void, undefined> {
    if (!(await this.#mayHaveChanged(stream, after))) return;
    yield* this.#rows(
      streamNamed(stream),
      `case when _sync_deleted_at is not null then 'delete' when _sync_first_sequence > $3 then 'insert' else 'update' end`,
      '_sync_sequence > $3',
      [after],
    );
  }

  /**
   * Versions since `after` in the order of their making, and those that they have ended, with what a version has behind
   * the columns of its row. A version of before that has ended since ended where one of after begins.
   */
  async *versions(stream: string, after: number): AsyncGenerator<readonly ChangedRow[], void, undefined> {
    if (!(await this.#mayHaveChanged(stream, after))) return;
    const declared = streamNamed(stream);
    const table = ident(this.#schema, historyTable(declared));
    const keys = allKeys(declared).map((key) => ident(key));
    const same = keys.map((key) => `f.${key} = v.${key}`).join(' and ');
    const columns = [...replicatedColumns(declared), ...VERSION_COLUMNS].map((name) => `v.${ident(name)}`).join(', ');
    const select = `select v._sync_op as happened, ${columns} from ${table} v`;
    const ours = 'v.user_id = $1 and v.app_id = $2';
    if (after === 0) return yield* this.#read(`${select} where ${ours} order by v._sync_version`, []);
    yield* this.#read(
      `${select} where ${ours} and v._sync_sequence > $3 union all
       ${select} join (select distinct ${keys.join(', ')}, _sync_valid_from from ${table}
         where user_id = $1 and app_id = $2 and _sync_sequence > $3) f on ${same} and f._sync_valid_from = v._sync_valid_to
       where ${ours} and v._sync_sequence <= $3 order by _sync_version`,
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

  /**
   * Looking for what changed reads the whole table; so the ledger is asked first whether anything did. It knows when it
   * still has every run since `after`: each counts what it wrote. Redacting what is stored is counted by none.
   */
  async #mayHaveChanged(stream: string, after: number): Promise<boolean> {
    if (after === 0) return true;
    const {rows} = await this.#client.query<{complete: boolean; changed: boolean; redacted: boolean}>(
      `select count(distinct r.run_id) = max(sc.last_sequence) - $3 as complete,
         coalesce(bool_or(s.inserted + s.updated + s.deleted > 0), false) as changed,
         exists (select 1 from clarifai_sync.purges p join clarifai_sync.scopes o using (scope_id)
           where o.user_id = $1 and o.app_id = $2 and p.stream = '' and p.sequence > $3) as redacted
       from clarifai_sync.scopes sc join clarifai_sync.runs r using (scope_id)
         left join clarifai_sync.stream_runs s on s.run_id = r.run_id and s.stream = $4
       where sc.user_id = $1 and sc.app_id = $2 and r.sequence > $3`,
      [this.#scope.userId, this.#scope.appId, after, stream],
    );
    return rows[0]?.complete !== true || rows[0].changed || rows[0].redacted;
  }

  #rows(
    stream: Stream,
    op: string,
    condition: string,
    values: readonly unknown[],
  ): AsyncGenerator<readonly ChangedRow[], void, undefined> {
    const columns = replicatedColumns(stream).map((name) => ident(name));
    const order = allKeys(stream)
      .map((name) => ident(name))
      .join(', ');
    return this.#read(
      `select ${op}, ${columns.join(', ')} from ${ident(this.#schema, stream.name)}
       where user_id = $1 and app_id = $2 and ${condition} order by ${order}`,
      values,
    );
  }

  /** What a query gives, in portions; its first column is what happened, $1 and $2 are the scope. */
  async *#read(query: string, values: readonly unknown[]): AsyncGenerator<readonly ChangedRow[], void, undefined> {
    const cursor = `feed_${++this.#cursors}`;
    await this.#client.query(`declare ${cursor} no scroll cursor for ${query}`, [
      this.#scope.userId,
      this.#scope.appId,
      ...values,
    ]);
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
