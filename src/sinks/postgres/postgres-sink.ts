import pg from 'pg';
import {from as copyFrom} from 'pg-copy-streams';
import {pipeline} from 'node:stream/promises';
import {copyEscape} from '../../core/copy-text.ts';
import {messageOf, SyncError} from '../../core/errors.ts';
import {SinkAheadError, SinkOwnedError, SinkRefusedError, SinkUnavailableError} from '../errors.ts';
import type {Applied, ApplyOrder, Sink, SinkTable} from '../sink.ts';
import type {Change} from '../table-shape.ts';
import {ident, makePositions, replicaSql} from './replica-sql.ts';

export interface PostgresSinkOptions {
  readonly name: string;
  readonly url: string;
  readonly schema: string;
}

/** Rows in one transaction: what it holds locks on, and what is done again after a crash, stays small. */
const ROWS_PER_COMMIT = 10_000;

/**
 * Another Postgres with the same tables, fed from the mirror: rows past the sequence that it has applied, by COPY and
 * one statement. Its position is in a table beside them.
 */
export class PostgresSink implements Sink {
  readonly name: string;
  readonly streams = null;
  readonly #schema: string;
  readonly #pool: pg.Pool;

  constructor({name, url, schema}: PostgresSinkOptions) {
    this.name = name;
    this.#schema = schema;
    this.#pool = new pg.Pool({
      connectionString: url,
      max: 2,
      application_name: 'clarifai-sync replica',
      connectionTimeoutMillis: 10_000,
    });
    this.#pool.on('error', () => undefined);
  }

  async apply(order: ApplyOrder, signal: AbortSignal): Promise<Applied> {
    const positions = await this.#ready(order);
    let rows = 0;
    for (const table of order.tables) {
      const after = order.isRefill ? 0 : (positions.get(table.stream) ?? 0);
      if (after === order.sequence) continue;
      rows += await this.#fill(order, table, after, signal);
    }
    return {rows, previousSequence: Math.max(0, ...positions.values())};
  }

  async check(): Promise<readonly string[]> {
    return await this.#using(async (client) => {
      const {rows} = await client.query<{version: string}>(`select current_setting('server_version') as version`);
      await client.query('begin');
      await client.query(`create schema if not exists ${ident(this.#schema)}`);
      await client.query(`create table ${ident(this.#schema)}._sync_probe (n integer)`);
      await client.query('rollback');
      return [`PostgreSQL ${rows[0]?.version ?? '?'}`, `schema ${this.#schema} can be written`];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end();
  }

  /** Makes tables and finds out how far each stream is. */
  async #ready(order: ApplyOrder): Promise<Map<string, number>> {
    return await this.#transaction(async (client) => {
      // Two scopes may be applied at once, and "if not exists" does not keep two makers apart: "sync" and "copy".
      await client.query('select pg_advisory_xact_lock(1937337955, 1668247673)');
      await client.query(`create schema if not exists ${ident(this.#schema)}`);
      await this.#own(client, order);
      await client.query(makePositions(this.#schema));
      for (const table of order.tables) {
        for (const statement of replicaSql(this.#schema, table).make) await client.query(statement);
      }
      const {rows} = await client.query<{stream: string; sequence: string}>(
        `select stream, sequence::text from ${ident(this.#schema)}._sync_positions where user_id = $1 and app_id = $2`,
        [order.scope.userId, order.scope.appId],
      );
      const positions = new Map(rows.map((row) => [row.stream, Number(row.sequence)]));
      const newest = Math.max(0, ...positions.values());
      if (newest > order.sequence) {
        throw new SinkAheadError(
          `sink ${this.name} has applied run ${newest}, and the store is at ${order.sequence} (was it restored from a backup?): the next run goes on behind it and fills it anew`,
          newest,
        );
      }
      return positions;
    });
  }

  /** Invariant 12: the schema carries the id of the store that feeds it. */
  async #own(client: pg.ClientBase, {storeId, takeOver}: ApplyOrder): Promise<void> {
    const {rows} = await client.query<{owner: string | null}>(
      `select obj_description(oid, 'pg_namespace') as owner from pg_namespace where nspname = $1`,
      [this.#schema],
    );
    const mine = `clarifai-sync replica of store ${storeId}`;
    const owner = rows[0]?.owner ?? null;
    if (owner === mine) return;
    if (owner !== null && !takeOver) {
      throw new SinkOwnedError(
        `sink ${this.name}: schema "${this.#schema}" is ${owner}: expected a ${mine}; use another schema, or sync with --take-over`,
      );
    }
    await client.query(`comment on schema ${ident(this.#schema)} is '${mine}'`);
    if (owner !== null) await client.query(`drop table if exists ${ident(this.#schema)}._sync_positions`);
  }

  async #fill(order: ApplyOrder, table: SinkTable, after: number, signal: AbortSignal): Promise<number> {
    const {userId, appId} = order.scope;
    const sql = replicaSql(this.#schema, table);
    let isFirst = true;
    let total = 0;
    const write = async (rows: readonly Change[], isLast: boolean): Promise<void> => {
      signal.throwIfAborted();
      await order.guard();
      await this.#transaction(async (client) => {
        await this.#claim(client, order, table.stream);
        // A replica that cannot be gone on from loses the scope's rows in the very transaction that begins to fill it.
        if (isFirst && after === 0) await client.query(sql.clear, [userId, appId]);
        if (rows.length > 0) {
          await client.query(sql.stage);
          await pipeline([Buffer.from(rows.map(lineOf).join(''))], client.query(copyFrom(sql.copy)));
          await client.query(sql.merge);
        }
        if (isLast) await this.#reached(client, order, table.stream);
      });
      isFirst = false;
      total += rows.length;
      order.onSign();
    };
    let open: Change[] = [];
    for await (const rows of order.rows(table.stream, after)) {
      open.push(...rows);
      if (open.length >= ROWS_PER_COMMIT) {
        await write(open, false);
        open = [];
      }
    }
    // Nothing to write is nothing written: the position may lag behind runs that changed nothing.
    if (open.length > 0 || total > 0 || after === 0) await write(open, true);
    return total;
  }

  /** Invariant 11: a holder that was overtaken finds a greater fence, and writes nothing. */
  async #claim(client: pg.ClientBase, order: ApplyOrder, stream: string): Promise<void> {
    const {rowCount} = await client.query(
      `insert into ${ident(this.#schema)}._sync_positions as p (user_id, app_id, stream, store_id, fence) values ($1, $2, $3, $4, $5)
       on conflict (user_id, app_id, stream) do update set fence = excluded.fence, store_id = excluded.store_id
         where p.fence <= excluded.fence or $6`,
      [order.scope.userId, order.scope.appId, stream, order.storeId, order.fence, order.isRefill],
    );
    if (rowCount !== 1) throw new SinkRefusedError(`sink ${this.name}: the work on ${stream} was taken over`);
  }

  async #reached(client: pg.ClientBase, order: ApplyOrder, stream: string): Promise<void> {
    await client.query(
      `update ${ident(this.#schema)}._sync_positions set sequence = $4, run_id = $5, applied_at = clock_timestamp()
       where user_id = $1 and app_id = $2 and stream = $3`,
      [order.scope.userId, order.scope.appId, stream, order.sequence, order.runId],
    );
  }

  async #transaction<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    return await this.#using(async (client) => {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    });
  }

  async #using<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    let client: pg.PoolClient | undefined;
    let isWell = false;
    try {
      client = await this.#pool.connect();
      const result = await work(client);
      isWell = true;
      return result;
    } catch (error) {
      await client?.query('rollback').catch(() => undefined);
      throw this.#errorOf(error);
    } finally {
      client?.release(!isWell);
    }
  }

  #errorOf(error: unknown): Error {
    if (error instanceof SyncError) return error;
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '?';
    const message = `sink ${this.name}: schema "${this.#schema}": ${messageOf(error)} [${code}]`;
    const isRefusal = /^(28|3D|42)/.test(code);
    return isRefusal
      ? new SinkRefusedError(message, {cause: error})
      : new SinkUnavailableError(message, {cause: error});
  }
}

function lineOf({values}: Change): string {
  let line = '';
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? null;
    line += (i === 0 ? '' : '\t') + (value === null ? '\\N' : copyEscape(value));
  }
  return `${line}\n`;
}
