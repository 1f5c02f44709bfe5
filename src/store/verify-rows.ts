import type pg from 'pg';
import {comparableInstant} from '../core/instant.ts';
import type {PreparedPage, PreparedRow} from '../core/prepared.ts';
import type {Scope} from '../core/scope.ts';
import type {Column, Path} from '../core/shape.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import {isDataError, storeError} from './errors.ts';
import type {Store} from './ledger.ts';
import {arrayText, ident} from './quote.ts';
import {recordIdentity} from './reject-identity.ts';
import {comparable, olderGuard} from './stream-sql.ts';
import {sqlType} from './tables.ts';

/** What differs between the source and a row. */
export interface Suspect {
  /** `altered`: by its hash the row is as the source has it, by its values it is not; somebody changed it here. */
  readonly what: 'missing_here' | 'missing_there' | 'different' | 'altered';
  readonly key: readonly string[];
  /** Content of the record as it was read, by its hash; empty where the source has none. */
  readonly content: string;
  /** `modified_at` of the record as it was read, else `created_at`, comparable; null where it does not tell. */
  readonly modified: string | null;
  /** Run that last changed the row; null where there is none. */
  readonly runId: string | null;
}

/** Which rows a reading of the source had to show: all of the stream, those below some parents, those asked for. */
export type Expected =
  'all' | {readonly parents: readonly (readonly string[])[]} | {readonly keys: readonly (readonly string[])[]};

/** Records that are sent to Postgres at once. */
const ROWS_AT_ONCE = 200;
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/**
 * Compares what is read of the source with the rows, by hash and by value, and notes in a table of its
 * own session which rows were shown. Writes nothing that outlives it, holds no lock and no snapshot.
 */
export class RowCheck implements AsyncDisposable {
  readonly #client: pg.PoolClient;
  readonly #schema: string;
  readonly #scope: Scope;
  readonly #stream: Stream;
  /** When the reading began, by the store's clock: what was written since is not judged. */
  readonly #since: Date;

  private constructor(client: pg.PoolClient, schema: string, scope: Scope, stream: Stream, since: Date) {
    this.#client = client;
    this.#schema = schema;
    this.#scope = scope;
    this.#stream = stream;
    this.#since = since;
  }

  static async open(store: Store, scope: Scope, stream: Stream): Promise<RowCheck> {
    try {
      const client = await store.database.pool.connect();
      const clock = await client.query<{now: Date}>('select clock_timestamp() as now');
      await client.query('create temp table if not exists verify_shown (row bigint)');
      await client.query('truncate verify_shown');
      return new RowCheck(client, store.schema, scope, stream, clock.rows[0]?.now ?? new Date(0));
    } catch (error) {
      throw storeError(error, 'the store cannot be read');
    }
  }

  /** Records of a page that no row has, or has otherwise; those that are listed as rejected are known. */
  async compare(page: PreparedPage): Promise<Suspect[]> {
    const suspects: Suspect[] = [];
    for (let n = 0; n < page.count;) {
      const rows: PreparedRow[] = [];
      for (let bytes = 0; n + rows.length < page.count && rows.length < ROWS_AT_ONCE && bytes < BYTES_AT_ONCE;) {
        const row = page.row(n + rows.length);
        rows.push(row);
        bytes += row.raw.length;
      }
      suspects.push(...(await this.#compareRows(page, n, rows)));
      n += rows.length;
    }
    // A rejected record has no content here to compare: its row, if there is one, was shown all the same.
    const rejected = page.rejects.flatMap(({kind, key}) => (kind === 'rejected' && key !== null ? [key] : []));
    for (const key of rejected) {
      const runId = await this.#show(key);
      if (runId === undefined) suspects.push({what: 'missing_here', key, content: '', modified: null, runId: null});
    }
    return await this.#withoutListed(suspects);
  }

  /** Rows that were to be shown and were not, at most `limit`, and how many there are. */
  async notShown(expected: Expected, limit: number): Promise<{readonly suspects: Suspect[]; readonly count: number}> {
    const {sql, values} = this.#expectedSql(expected);
    const from =
      `from ${this.#table} t where t.user_id = $1 and t.app_id = $2 and t._sync_deleted_at is null ` +
      `and t._sync_changed_at < $3 and not exists (select 1 from verify_shown s where s.row = t._sync_row) ${sql}`;
    const params = [this.#scope.userId, this.#scope.appId, this.#since, ...values];
    await this.#client.query('analyze verify_shown');
    const counted = await this.#client.query<{n: number}>(`select count(*)::float8 as n ${from}`, params);
    const count = counted.rows[0]?.n ?? 0;
    if (count === 0) return {suspects: [], count};
    const {rows} = await this.#client.query<{key: string[]; run_id: string}>(
      `select ${this.#key('t')} as key, t._sync_run_id as run_id ${from} order by 1 limit ${limit}`,
      params,
    );
    const suspects = rows.map(({key, run_id: runId}): Suspect => {
      return {what: 'missing_there', key, content: '', modified: null, runId};
    });
    return {suspects, count};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isWell = await this.#client.query('drop table if exists verify_shown').then(
      () => true,
      () => false,
    );
    this.#client.release(!isWell);
  }

  get #table(): string {
    return ident(this.#schema, this.#stream.name);
  }

  #key(row: string): string {
    return `array[${keyNames(this.#stream)
      .map((name) => `${row}.${ident(name)}`)
      .join(', ')}]::text[]`;
  }

  async #compareRows(page: PreparedPage, from: number, rows: readonly PreparedRow[]): Promise<Suspect[]> {
    const at = <Value>(values: readonly Value[]): readonly Value[] => values.slice(from, from + rows.length);
    try {
      const found = await this.#client.query<Found>(this.#compareSql(), [
        ...page.keys.map((part) => arrayText(at(part))),
        arrayText(at(page.hashes)),
        this.#scope.userId,
        this.#scope.appId,
        rows.map(({raw}) => raw),
        ...this.#columns.map((c) => rows.map(({columns}) => columns[c] ?? null)),
      ]);
      return found.rows.map(({n, what, run_id: runId}) => {
        const key = page.keys.map((part) => part[from + n] as string);
        const content = page.hashes[from + n] as string;
        const modified = page.modified(from + n) ?? this.#createdAt(rows[n] as PreparedRow);
        return {what, key, content, modified, runId};
      });
    } catch (error) {
      if (!isDataError(error)) throw storeError(error, 'the store cannot be read');
    }
    // A value that Postgres does not take: whichever it is, it is not what is stored.
    if (rows.length === 1) {
      const key = page.keys.map((part) => part[from] as string);
      const runId = (await this.#show(key)) ?? null;
      const content = page.hashes[from] as string;
      return [{what: runId === null ? 'missing_here' : 'different', key, content, modified: null, runId}];
    }
    const half = rows.length >> 1;
    const first = await this.#compareRows(page, from, rows.slice(0, half));
    return [...first, ...(await this.#compareRows(page, from + half, rows.slice(half)))];
  }

  #createdAt({columns}: PreparedRow): string | null {
    const at = columns[this.#stream.shape.columns.findIndex(({name}) => name === 'created_at')] ?? null;
    return at === null ? null : comparableInstant(at);
  }

  /** Columns that are as stable as the hash: none with a place in it, or around it, that changes by itself. */
  get #columns(): number[] {
    const {columns, volatile, byIdOnly} = this.#stream.shape;
    const loose = [...volatile, ...byIdOnly];
    const touches = (one: Path, other: Path): boolean =>
      one.slice(0, other.length).every((name, i) => name === other[i] || name === '*' || other[i] === '*');
    return columns.flatMap(({path}, c) => (loose.some((place) => touches(place, path)) ? [] : [c]));
  }

  /** $1… keys, hashes, user_id, app_id, raw, a text[] for each of `#columns`. */
  #compareSql(): string {
    const {shape} = this.#stream;
    const keys = keyNames(this.#stream).map((name) => ident(name));
    const own = this.#columns.map((c) => shape.columns[c] as Column);
    const n = keys.length;
    const names = [...keys, 'hash', 'raw', ...own.map((_, c) => `c${c}`)];
    const numbers = [...keys.map((_, i) => i + 1), n + 1, n + 4, ...own.map((_, c) => n + 5 + c)];
    const params = numbers.map((number) => `$${number}::text[]`).join(', ');
    const same = keys.map((key) => `t.${key} = u.${key} collate "C"`).join(' and ');
    const older = olderGuard(shape, 'u.raw::jsonb') ?? 'false';
    const altered = own.map((column, c) => `t.${ident(column.name)} is distinct from u.c${c}::${sqlType(column)}`);
    const differs = `${comparable('t.raw', shape)} is distinct from ${comparable('u.raw::jsonb', shape)}`;
    return (
      `with u as (select * from unnest(${params}) with ordinality u(${names.join(', ')}, n)), ` +
      `j as (select u.n, t._sync_row as row, t._sync_run_id as run_id, case ` +
      `when t._sync_row is null or t._sync_deleted_at is not null then 'missing_here' ` +
      `when encode(t._sync_hash, 'hex') <> u.hash and ${differs} and not ${older} then 'different' ` +
      `when encode(t._sync_hash, 'hex') = u.hash and (${[differs, ...altered].join(' or ')}) then 'altered' end as what ` +
      `from u left join ${this.#table} t on t.user_id = $${n + 2} and t.app_id = $${n + 3} and ${same}), ` +
      `shown as (insert into verify_shown select row from j where row is not null) ` +
      `select (n - 1)::int as n, what, run_id from j where what is not null`
    );
  }

  /** Notes that a row was shown. Gives its run; undefined when there is no living one. */
  async #show(key: readonly string[]): Promise<string | undefined> {
    const keys = keyNames(this.#stream).map((name, i) => `${ident(name)} = $${i + 3}`);
    const {rows} = await this.#client.query<{row: string; run_id: string}>(
      `select _sync_row::text as row, _sync_run_id as run_id from ${this.#table} where user_id = $1 and app_id = $2
         and _sync_deleted_at is null and ${keys.join(' and ')}`,
      [this.#scope.userId, this.#scope.appId, ...key],
    );
    for (const {row} of rows) await this.#client.query('insert into verify_shown values ($1)', [row]);
    return rows[0]?.run_id;
  }

  async #withoutListed(suspects: readonly Suspect[]): Promise<Suspect[]> {
    if (suspects.length === 0) return [];
    const {rows} = await this.#client.query<{identity: string}>(
      `select r.identity from clarifai_sync.rejects r where r.user_id = $1 and r.app_id = $2 and r.stream = $3
         and r.kind = 'rejected' and r.resolved_at is null and r.identity = any ($4::text[])`,
      [
        this.#scope.userId,
        this.#scope.appId,
        this.#stream.name,
        arrayText(suspects.map(({key}) => recordIdentity(key, undefined))),
      ],
    );
    const listed = new Set(rows.map(({identity}) => identity));
    return suspects.filter(({key}) => !listed.has(recordIdentity(key, undefined)));
  }

  #expectedSql(expected: Expected): {readonly sql: string; readonly values: readonly unknown[]} {
    if (expected === 'all') return {sql: '', values: []};
    const isByParent = 'parents' in expected;
    const {under} = this.#stream;
    const names = isByParent && under !== undefined ? Object.values(under.keys) : keyNames(this.#stream);
    const wanted = isByParent ? expected.parents : expected.keys;
    const quoted = names.map((name) => ident(name));
    const sql =
      `and exists (select 1 from unnest(${quoted.map((_, i) => `$${i + 4}::text[]`).join(', ')}) w(${quoted.join(', ')}) ` +
      `where ${quoted.map((name) => `w.${name} collate "C" = t.${name}`).join(' and ')})`;
    return {sql, values: names.map((_, i) => arrayText(wanted.map((each) => each[i] as string)))};
  }
}

interface Found {
  readonly n: number;
  readonly what: Suspect['what'];
  readonly run_id: string | null;
}
