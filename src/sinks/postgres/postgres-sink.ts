import pg from 'pg';
import {from as copyFrom} from 'pg-copy-streams';
import {pipeline} from 'node:stream/promises';
import {messageOf, SyncError} from '../../core/errors.ts';
import {endFrozenSql, LOOK_FOR_FROZEN_EVERY_MS} from '../../core/frozen-sessions.ts';
import {SinkAheadError, SinkOwnedError, SinkRefusedError, SinkUnavailableError} from '../errors.ts';
import type {Applied, ApplyOrder, Sink, SinkFindings, VerifyOrder} from '../sink.ts';
import type {Change} from '../table-shape.ts';
import {purgeSome} from './purge-replica.ts';
import {verifyReplica} from './verify-replica.ts';
import {
  historyOf,
  historySql,
  ident,
  lineOf,
  makeSchema,
  makePositions,
  presentIn,
  replicaSql,
  type ReplicaSql,
} from './replica-sql.ts';

export interface PostgresSinkOptions {
  readonly name: string;
  readonly url: string;
  readonly schema: string;
  /** Keep the versions of the records too, as the store made them. */
  readonly history: boolean;
}

/** What one table of the replica is filled with. */
interface Filling {
  /** Under which name its position is kept. */
  readonly position: string;
  readonly sql: ReplicaSql;
  /** Rows since a sequence; 0: all. */
  readonly rows: (after: number) => AsyncIterable<readonly Change[]>;
}

/** Lock of whoever makes the tables or changes the owner: "sync" and "copy". */
const MAKING = '1937337955, 1668247673';

/** Under which the position of what was removed for good is kept. */
const PURGES = '_purges';

/** How the mark begins that a store puts on the schema of its own tables. */
const MIRROR = 'clarifai-sync store ';

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
  readonly #history: boolean;
  readonly #pool: pg.Pool;

  constructor({name, url, schema, history}: PostgresSinkOptions) {
    this.name = name;
    this.#schema = schema;
    this.#history = history;
    this.#pool = new pg.Pool({
      connectionString: url,
      max: 2,
      application_name: 'clarifai-sync replica',
      connectionTimeoutMillis: 10_000,
    });
    this.#pool.on('error', () => undefined);
    // One that breaks while it is lent and between two statements: the next statement tells.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  async apply(order: ApplyOrder, signal: AbortSignal): Promise<Applied> {
    const looking = setInterval(
      () => void this.#pool.query(endFrozenSql()).catch(() => undefined),
      LOOK_FOR_FROZEN_EVERY_MS,
    );
    try {
      return await this.#apply(order, signal);
    } finally {
      clearInterval(looking);
    }
  }

  async #apply(order: ApplyOrder, signal: AbortSignal): Promise<Applied> {
    const positions = await this.#ready(order);
    let rows = 0;
    for (const filling of this.#fillings(order)) {
      const after = order.isRefill ? 0 : (positions.get(filling.position) ?? 0);
      if (after === order.sequence) continue;
      const written = await this.#fill(order, filling, after, signal);
      if (order.tables.some(({stream}) => stream === filling.position)) rows += written;
    }
    await this.#purge(order, positions.get(PURGES) ?? 0, signal);
    return {rows, previousSequence: Math.max(0, ...positions.values())};
  }

  /** Removes what the store has removed since, some rows at a time. It had been given all of them. */
  async #purge(order: ApplyOrder, after: number, signal: AbortSignal): Promise<void> {
    const purges = order.purges.filter(({sequence}) => sequence > after);
    for (const {stream, deletedBefore, upToSequence} of purges) {
      const table = order.tables.find((each) => each.stream === stream);
      if (table === undefined) continue;
      for (let isThere = true; isThere;) {
        signal.throwIfAborted();
        await order.guard();
        isThere = await this.#transaction(async (client) => {
          await this.#claim(client, order, PURGES);
          const replica = {schema: this.#schema, keepsHistory: this.#history};
          return await purgeSome(client, replica, table, order.scope, {deletedBefore, upToSequence});
        });
        order.onSign();
      }
    }
    if (purges.length === 0) return;
    await this.#transaction(async (client) => {
      await this.#claim(client, order, PURGES);
      await this.#reached(client, order, PURGES);
    });
  }

  #fillings(order: ApplyOrder): readonly Filling[] {
    return order.tables.flatMap((table): Filling[] => {
      const {stream} = table;
      const rows = {
        position: stream,
        sql: replicaSql(this.#schema, table),
        rows: (after: number) => order.rows(stream, after),
      };
      if (!this.#history) return [rows];
      const versions = {
        position: historyOf(stream),
        sql: historySql(this.#schema, table),
        rows: (after: number) => order.versions(stream, after),
      };
      return [rows, versions];
    });
  }

  async verify(order: VerifyOrder, signal: AbortSignal): Promise<SinkFindings> {
    return await this.#transaction(async (client) => {
      await client.query('set transaction isolation level repeatable read, read only');
      const owner = await this.#owner(client);
      const mine = replicaOf(order.storeId);
      if (owner !== mine) {
        throw new SinkOwnedError(
          `sink ${this.name}: schema "${this.#schema}" is ${owner ?? 'not there, or nobody’s'}: expected a ${mine}`,
        );
      }
      return await verifyReplica(client, this.#schema, this.#history, order, signal);
    });
  }

  async check(_signal: AbortSignal, storeId?: string): Promise<readonly string[]> {
    return await this.#using(async (client) => {
      if (storeId !== undefined) this.#assertFree(await this.#owner(client), {storeId, takeOver: false});
      const {rows} = await client.query<{version: string}>(`select current_setting('server_version') as version`);
      await client.query('begin');
      await makeSchema(client, this.#schema);
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
      // Two scopes may be applied at once, and "if not exists" does not keep two makers apart.
      await client.query(`select pg_advisory_xact_lock(${MAKING})`);
      await makeSchema(client, this.#schema);
      await this.#own(client, order);
      await client.query(makePositions(this.#schema));
      const there = await presentIn(client, this.#schema);
      for (const {sql} of this.#fillings(order)) {
        for (const statement of sql.make(there)) await client.query(statement);
      }
      const {rows} = await client.query<{stream: string; sequence: string; run_id: string | null}>(
        `select stream, sequence::text, run_id from ${ident(this.#schema)}._sync_positions where user_id = $1 and app_id = $2`,
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
      const runIds = new Map<string, string | null>();
      for (const {stream, sequence, run_id} of rows) {
        // The store was restored since, and has given the number to another run: its rows cannot be gone on from.
        const runId = runIds.get(sequence) ?? (await order.runIdOf(Number(sequence)));
        runIds.set(sequence, runId);
        if (runId !== null && runId !== run_id) positions.set(stream, 0);
      }
      return positions;
    });
  }

  /** Invariant 12: the schema carries the id of the store that feeds it. */
  async #own(client: pg.ClientBase, order: ApplyOrder): Promise<void> {
    const mine = replicaOf(order.storeId);
    const owner = await this.#owner(client);
    if (owner === mine) return;
    this.#assertFree(owner, order);
    await client.query(`comment on schema ${ident(this.#schema)} is '${mine}'`);
    if (owner !== null) await client.query(`drop table if exists ${ident(this.#schema)}._sync_positions`);
  }

  /** The mirror of a store is never taken over: without its mark the store could not be opened any more. */
  #assertFree(owner: string | null, {storeId, takeOver}: Pick<ApplyOrder, 'storeId' | 'takeOver'>): void {
    const mine = replicaOf(storeId);
    if (owner === null || owner === mine) return;
    if (owner.startsWith(MIRROR)) {
      throw new SinkOwnedError(
        `sink ${this.name}: schema "${this.#schema}": expected a schema of its own, found the mirror of store ${owner.slice(MIRROR.length)}, which cannot be taken over; use another schema`,
      );
    }
    if (takeOver) return;
    throw new SinkOwnedError(
      `sink ${this.name}: schema "${this.#schema}" is ${owner}: expected a ${mine}; use another schema, or sync with --take-over`,
    );
  }

  async #owner(client: pg.ClientBase): Promise<string | null> {
    const {rows} = await client.query<{owner: string | null}>(
      `select obj_description(oid, 'pg_namespace') as owner from pg_namespace where nspname = $1`,
      [this.#schema],
    );
    return rows[0]?.owner ?? null;
  }

  async #fill(order: ApplyOrder, filling: Filling, after: number, signal: AbortSignal): Promise<number> {
    const {userId, appId} = order.scope;
    const {position, sql} = filling;
    let isFirst = true;
    let total = 0;
    const write = async (rows: readonly Change[], isLast: boolean): Promise<void> => {
      signal.throwIfAborted();
      await order.guard();
      await this.#transaction(async (client) => {
        await this.#claim(client, order, position);
        // A replica that cannot be gone on from loses the scope's rows in the very transaction that begins to fill it.
        if (isFirst && after === 0) await client.query(sql.clear, [userId, appId]);
        if (rows.length > 0) {
          await client.query(sql.stage);
          await pipeline([Buffer.from(rows.map(lineOf).join(''))], client.query(copyFrom(sql.copy)));
          await client.query(sql.merge);
        }
        if (isLast) await this.#reached(client, order, position);
      });
      isFirst = false;
      total += rows.length;
      order.onSign();
    };
    let open: Change[] = [];
    for await (const rows of filling.rows(after)) {
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

  /** Invariants 11 and 12: a holder that was overtaken finds a greater fence or another owner, and writes nothing. */
  async #claim(client: pg.ClientBase, order: ApplyOrder, stream: string): Promise<void> {
    await client.query(`select pg_advisory_xact_lock_shared(${MAKING})`);
    const owner = await this.#owner(client);
    if (owner !== replicaOf(order.storeId)) {
      throw new SinkOwnedError(`sink ${this.name}: schema "${this.#schema}" was taken over: it is ${owner ?? 'gone'}`);
    }
    const positions = `${ident(this.#schema)}._sync_positions`;
    const values = [order.scope.userId, order.scope.appId, stream, order.storeId, order.fence];
    const {rowCount} = await client.query(
      `insert into ${positions} as p (user_id, app_id, stream, store_id, fence) values ($1, $2, $3, $4, $5)
       on conflict (user_id, app_id, stream) do update set fence = excluded.fence, store_id = excluded.store_id
         where p.fence <= excluded.fence`,
      values,
    );
    if (rowCount === 1) return;
    // Refused, the row stays locked all the same. Where the work is ours even so, the greater fence is of a time that the
    // store was restored to before.
    await order.guard();
    await client.query(
      `update ${positions} set fence = $5, store_id = $4 where user_id = $1 and app_id = $2 and stream = $3`,
      values,
    );
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

const replicaOf = (storeId: string): string => `clarifai-sync replica of store ${storeId}`;
