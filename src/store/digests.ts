import type pg from 'pg';
import {
  bucketRowsSql,
  bucketsSql,
  versionTable,
  type BucketDigest,
  type DigestTable,
  type RowDigest,
} from '../core/row-digest.ts';
import type {Scope} from '../core/scope.ts';
import {streamNamed} from '../streams/catalogue.ts';
import {replicatedColumns} from './changes.ts';
import {storeError} from './errors.ts';
import {historyTable} from './history.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {allKeys} from './tables.ts';

/** How many living rows a sink must show that has applied everything up to a sequence. */
export interface LiveRange {
  /** Those that have not changed since. */
  readonly settled: number;
  /** Those that were there already and have changed since: each may live there or not. */
  readonly unsettled: number;
}

/** The rows of a scope as digests, all from one snapshot of the mirror. Close it soon. */
export class MirrorDigests implements AsyncDisposable {
  readonly #client: pg.PoolClient;
  readonly #schema: string;
  readonly #scope: readonly [userId: string, appId: string];

  private constructor(client: pg.PoolClient, schema: string, {userId, appId}: Scope) {
    this.#client = client;
    this.#schema = schema;
    this.#scope = [userId, appId];
  }

  static async open(store: Store, scope: Scope): Promise<MirrorDigests> {
    try {
      const client = await store.database.pool.connect();
      await client.query('begin isolation level repeatable read read only');
      await client.query(`set local timezone = 'UTC'; set local datestyle = 'ISO'; set local bytea_output = 'hex'`);
      return new MirrorDigests(client, store.schema, scope);
    } catch (error) {
      throw storeError(error, 'the store cannot be read');
    }
  }

  table(stream: string): TableDigests {
    return new TableDigests(this.#client, this.#scope, this.#rowsOf(stream));
  }

  /** Its versions; only where the store keeps history. */
  history(stream: string): TableDigests {
    return new TableDigests(this.#client, this.#scope, this.#versionsOf(stream));
  }

  async live(stream: string, sequence: number): Promise<LiveRange> {
    const {rows} = await this.#client.query<LiveRange>(
      `select count(*) filter (where _sync_deleted_at is null and _sync_sequence <= $3)::float8 as settled,
         count(*) filter (where _sync_sequence > $3 and _sync_first_sequence <= $3)::float8 as unsettled
       from ${ident(this.#schema, stream)} where user_id = $1 and app_id = $2`,
      [...this.#scope, sequence],
    );
    return rows[0] ?? {settled: 0, unsettled: 0};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isWell = await this.#client.query('rollback').then(
      () => true,
      () => false,
    );
    this.#client.release(!isWell);
  }

  #rowsOf(name: string): DigestTable {
    const stream = streamNamed(name);
    return {
      table: ident(this.#schema, name),
      columns: replicatedColumns(stream).map((column) => ident(column)),
      keyCount: allKeys(stream).length,
    };
  }

  /** A version changes once more, when the next one of the record ends it: in the run that makes that one. */
  #versionsOf(name: string): DigestTable {
    const stream = streamNamed(name);
    const keys = allKeys(stream).map((key) => ident(key));
    const next = `lead(_sync_sequence) over (partition by ${keys.join(', ')} order by _sync_version)`;
    const table = `(select *, ${next} as _ended_in from ${ident(this.#schema, historyTable(stream))}) v`;
    return {...versionTable(this.#rowsOf(name), table), changedIn: 'greatest(_sync_sequence, _ended_in)'};
  }
}

/** The rows of a table that are of a scope, as digests. */
class TableDigests {
  readonly #client: pg.PoolClient;
  readonly #scope: readonly [userId: string, appId: string];
  readonly #table: DigestTable;

  constructor(client: pg.PoolClient, scope: readonly [userId: string, appId: string], table: DigestTable) {
    this.#client = client;
    this.#scope = scope;
    this.#table = table;
  }

  async count(): Promise<number> {
    const {rows} = await this.#client.query<{n: number}>(
      `select count(*)::float8 as n from ${this.#table.table} where user_id = $1 and app_id = $2`,
      [...this.#scope],
    );
    return rows[0]?.n ?? 0;
  }

  async buckets(depth: number): Promise<ReadonlyMap<string, BucketDigest>> {
    const {rows} = await this.#client.query<{bucket: string} & BucketDigest>(bucketsSql(this.#table), [
      ...this.#scope,
      depth,
    ]);
    return new Map(rows.map(({bucket, ...digest}) => [bucket, digest]));
  }

  async rows(depth: number, bucket: string): Promise<readonly RowDigest[]> {
    const {rows} = await this.#client.query<{key: string[]; digest: string; sequence: number; run_id: string}>(
      bucketRowsSql(this.#table),
      [...this.#scope, depth, bucket],
    );
    return rows.map(({run_id: runId, ...row}) => ({...row, runId}));
  }
}
