import {readdir} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';
import pg from 'pg';
import {CATALOGUE} from '../streams/catalogue.ts';
import {overlaid, type StreamOverlay} from '../streams/overlay.ts';
import type {Stream} from '../streams/stream.ts';
import {refillSinks} from './applies.ts';
import {Database, driverOptions, type Connection} from './database.ts';
import {StoreRefusedError, storeError} from './errors.ts';
import {fillColumns} from './fill-columns.ts';
import {catchUpHistory, ensureHistory, historyTable} from './history.ts';
import {statementCache, type Store} from './ledger.ts';
import {madeDigest} from './made-digest.ts';
import {Presence} from './presence.ts';
import {applyOverlays} from './overlay-settings.ts';
import {ident, literal} from './quote.ts';
import {ensureTable} from './tables.ts';
import {ensureViews} from './views.ts';

export interface StoreOptions {
  readonly connection: Connection;
  /** Schema of the streams' tables; the ledger is always in `clarifai_sync`. */
  readonly schema: string;
  readonly history: boolean;
  readonly leaseMs: number;
  /** Redactions and exclusions of the settings, by stream; left out: the settings are not known, nothing is changed. */
  readonly overlays?: ReadonlyMap<string, StreamOverlay>;
}

/** Oldest server that has all that the statements use. */
const MIN_SERVER = 140_000;

const MIGRATIONS = fileURLToPath(new URL('./migrations/', import.meta.url));

/** Keeps two processes from making the same tables at once: "sync" and "make". */
const SETUP_KEY = '1937337955, 1835100005';

/**
 * Opens the store: checks the server, brings the ledger up to date, makes what the catalogue has and the tables lack.
 * Safe from several processes at once. Close it with closeStore.
 * @throws StoreUnavailableError or StoreRefusedError with one sentence that says what was expected and found
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  await prepareServer(options);
  const database = new Database(options.connection);
  try {
    const storeId = await makeTables(database, options);
    const presence = await Presence.open(database);
    const {schema, history, leaseMs} = options;
    const streamOf = overlaid(options.overlays ?? new Map());
    const sqlOf = statementCache(schema, history, streamOf);
    return {database, storeId, schema, history, presence, leaseMs, sqlOf, streamOf};
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Ends the store's connections. May be repeated. */
export async function closeStore(store: Store): Promise<void> {
  await store.presence.close();
  await store.database.close();
}

async function prepareServer({connection, schema}: StoreOptions): Promise<void> {
  const client = new pg.Client(driverOptions(connection));
  client.on('error', () => undefined);
  const where = `the store ${placeOf(client)}`;
  try {
    await client.connect();
    const [server] = (
      await client.query<{version: string; name: string}>(
        `select current_setting('server_version_num') as version, current_setting('server_version') as name`,
      )
    ).rows;
    if (!(Number(server?.version) >= MIN_SERVER)) {
      throw new StoreRefusedError(`${where}: expected PostgreSQL 14 or later, found ${server?.name ?? 'no version'}`);
    }
    // Held until this session ends: of several processes one makes the ledger, the others find it made.
    await client.query(`select pg_advisory_lock(${SETUP_KEY})`);
    await migrate(client, schema, where);
  } catch (error) {
    throw storeError(error, `${where} cannot be opened`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Where a client connects to, for messages: no password. */
export function placeOf({user, host, port, database}: pg.Client): string {
  return `${user ?? ''}@${host}:${port}/${database ?? ''}`;
}

/** Brings the ledger up to date. A store that a newer version has changed is refused: it may hold what we would break. */
async function migrate(client: pg.Client, schema: string, where: string): Promise<void> {
  const known = (await readdir(MIGRATIONS))
    .filter((name) => /^\d{4}_\w+\.[jt]s$/.test(name))
    .map(baseName)
    .sort();
  const applied = await appliedMigrations(client);
  const newer = applied.filter((name) => !known.includes(name));
  if (newer.length > 0) {
    throw new StoreRefusedError(
      `${where}: expected nothing after ${known.at(-1) ?? ''}, found ${newer.join(', ')} of a newer version of clarifai-sync: use that version`,
    );
  }
  if (known.every((name) => applied.includes(name))) return;
  // Before anything is made: a store that cannot have its tables there shall not leave a ledger behind.
  if (applied.length === 0) await claimable(client, schema, null);
  await makeSchema(client, 'clarifai_sync');
  // eslint-disable-next-line no-restricted-syntax -- a package, and only a store that is not up to date needs it
  const {runner} = await import('node-pg-migrate');
  await runner({
    dbClient: client,
    dir: MIGRATIONS,
    ignorePattern: String.raw`(.*\.(map|d\.ts)|\..*)`,
    direction: 'up',
    migrationsSchema: 'clarifai_sync',
    migrationsTable: 'migrations',
    advisoryLockMode: 'wait',
    logger: {info: () => undefined, warn: () => undefined, error: () => undefined},
  });
}

/** `create schema if not exists` asks for the right to make one even where it is there. */
async function makeSchema(client: pg.ClientBase, name: string): Promise<void> {
  const there = await client.query('select 1 from pg_namespace where nspname = $1', [name]);
  if (there.rows.length === 0) await client.query(`create schema if not exists ${ident(name)}`);
}

const baseName = (file: string): string => file.replace(/\.[jt]s$/, '');

async function appliedMigrations(client: pg.Client): Promise<string[]> {
  const there = await client.query<{there: boolean}>(
    `select to_regclass('clarifai_sync.migrations') is not null as there`,
  );
  if (there.rows[0]?.there !== true) return [];
  const rows = await client.query<{name: string}>('select name from clarifai_sync.migrations order by id');
  return rows.rows.map((row) => row.name);
}

interface StoreRow {
  store_id: string;
  table_schema: string;
  keeps_history: boolean;
  made: string | null;
}

/** Makes tables, views and history from the catalogue, all or nothing. Gives the store's id. */
async function makeTables(database: Database, {schema, history, overlays}: StoreOptions): Promise<string> {
  return await database.transaction(async (client) => {
    await client.query(`select pg_advisory_xact_lock(${SETUP_KEY})`);
    await makeSchema(client, schema);
    const stores = await client.query<StoreRow>(
      `insert into clarifai_sync.store (table_schema) values ($1) on conflict (only_row) do update set only_row = true
       returning store_id, table_schema, keeps_history, made`,
      [schema],
    );
    const {store_id: storeId, table_schema: owned, keeps_history: kept, made} = stores.rows[0] as StoreRow;
    if (owned !== schema) {
      throw new StoreRefusedError(
        `schema "${schema}" (state.schema or the sink's schema): expected "${owned}", where this store keeps its tables; use that name, or another database`,
      );
    }
    await claimSchema(client, schema, storeId);
    if (made !== (await madeDigest(client, schema, history))) {
      await makeAll(client, schema, history ? {kept} : null, overlaid(overlays ?? new Map()));
      const now = await madeDigest(client, schema, history);
      await client.query('update clarifai_sync.store set keeps_history = $1, made = $2', [history, now]);
    }
    if (overlays !== undefined) await applyOverlays(client, schema, overlays);
    return storeId;
  });
}

/**
 * @param history null: no versions are kept
 * @param streamOf with the overlays of the settings
 */
async function makeAll(
  client: pg.ClientBase,
  schema: string,
  history: {readonly kept: boolean} | null,
  streamOf: (stream: Stream) => Stream,
): Promise<void> {
  let isAnyFilled = false;
  for (const stream of CATALOGUE) {
    const {made, added} = await ensureTable(client, schema, stream);
    if (made) await forgetStream(client, stream);
    if (added.length > 0 && (await fillColumns(client, schema, stream.name, streamOf(stream), added)))
      isAnyFilled = true;
    if (history !== null) await makeHistory(client, schema, streamOf(stream), history.kept);
  }
  if (isAnyFilled) await refillSinks(client);
  await ensureViews(client, schema);
}

/** @param kept versions were kept by whoever opened the store before: they are up to date */
async function makeHistory(client: pg.ClientBase, schema: string, stream: Stream, kept: boolean): Promise<void> {
  const {made, added} = await ensureHistory(client, schema, stream);
  if (added.length > 0) await fillColumns(client, schema, historyTable(stream), stream, added);
  if (made || !kept) await catchUpHistory(client, schema, stream);
}

/** Invariant 12: tables that another store feeds are refused. The schema carries the id of its store in its comment. */
async function claimSchema(client: pg.ClientBase, schema: string, storeId: string): Promise<void> {
  if (await claimable(client, schema, storeId)) {
    await client.query(`comment on schema ${ident(schema)} is ${literal(markOf(storeId))}`);
  }
}

const markOf = (storeId: string): string => `clarifai-sync store ${storeId}`;

/**
 * May the store make the schema its own? False: it is already.
 * @param storeId null for a store that is yet to be made
 */
async function claimable(client: pg.ClientBase, schema: string, storeId: string | null): Promise<boolean> {
  const found = await client.query<{owner: string | null; tables: number}>(
    `select obj_description(n.oid, 'pg_namespace') as owner,
       (select count(*)::int from pg_class c where c.relnamespace = n.oid and c.relkind = 'r' and c.relname = any ($2)) as tables
     from pg_namespace n where n.nspname = $1`,
    [schema, CATALOGUE.map((stream) => stream.name)],
  );
  const {owner, tables} = found.rows[0] ?? {owner: null, tables: 0};
  if (storeId !== null && owner === markOf(storeId)) return false;
  if (tables > 0) {
    throw new StoreRefusedError(
      `schema "${schema}" (state.schema or the sink's schema): expected an empty one${storeId === null ? '' : ` or this store's (${storeId})`}, found tables of ${owner ?? 'somebody else'}; use another schema or database`,
    );
  }
  return true;
}

/** Tables of the ledger that say how far a stream was read. */
const FORGOTTEN = [
  'stream_states',
  'checkpoints',
  'markers',
  'passes',
  'candidates',
  'parent_reads',
  'signs',
  'wanted',
  'asks',
  'repaired_keys',
];

/** A table that was found missing is filled again: nothing that was known of its stream counts any more. */
async function forgetStream(client: pg.ClientBase, stream: Stream): Promise<void> {
  for (const table of FORGOTTEN) {
    await client.query(`delete from clarifai_sync.${table} where stream = $1`, [stream.name]);
  }
}
