import pg from 'pg';
import {codeOf, EmbeddedError} from './embedded-error.ts';

export const DATABASE = 'clarifai_sync';
export const USER = 'postgres';
export const PORT = 5432;
/** `cluster_name` of a server of ours, before the name of its run. */
export const CLUSTER_NAME = 'clarifai-sync-';

const CONNECT_TIMEOUT_MS = 5000;
/** "No such database", and what `create database` answers when another process was first. */
const [NO_DATABASE, DUPLICATE_DATABASE, UNIQUE_VIOLATION] = ['3D000', '42P04', '23505'];

export type Answer =
  /** It takes connections, and our database is there. `instance` names this run of the server. */
  | {readonly kind: 'up'; readonly instance: string}
  /** Nobody listens. */
  | {readonly kind: 'down'}
  /** Somebody listens but could not serve us now: it starts, stops, recovers, or broke off. */
  | {readonly kind: 'busy'; readonly error: unknown};

/**
 * Asks the server behind the socket in `host` which one it is; makes our database if it is not there yet.
 * @throws EmbeddedError when it is a server that somebody else started on the same folder
 */
export async function askServer(host: string): Promise<Answer> {
  try {
    return {kind: 'up', instance: await instanceName(host, DATABASE)};
  } catch (error) {
    if (error instanceof EmbeddedError) throw error;
    if (codeOf(error) === NO_DATABASE) return await createDatabase(host);
    const isDown = codeOf(error) === 'ENOENT' || codeOf(error) === 'ECONNREFUSED';
    return isDown ? {kind: 'down'} : {kind: 'busy', error};
  }
}

async function createDatabase(host: string): Promise<Answer> {
  try {
    await withClient(host, 'postgres', (client) => client.query(`create database ${DATABASE}`));
  } catch (error) {
    const isThere = codeOf(error) === DUPLICATE_DATABASE || codeOf(error) === UNIQUE_VIOLATION;
    if (!isThere) return {kind: 'busy', error};
  }
  return await askServer(host);
}

async function instanceName(host: string, database: string): Promise<string> {
  const {rows} = await withClient(host, database, (client) =>
    client.query<{cluster_name: string}>('show cluster_name'),
  );
  const name = rows[0]?.cluster_name ?? '';
  if (/^clarifai-sync-[0-9a-f]{8}$/.test(name)) return name.slice(CLUSTER_NAME.length);
  throw new EmbeddedError(`a Postgres that we did not start runs in ${host}: stop it, or name it in state.url`);
}

async function withClient<T>(host: string, database: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    host,
    port: PORT,
    user: USER,
    database,
    application_name: 'clarifai-sync embedded',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: 2 * CONNECT_TIMEOUT_MS,
  });
  // A connection that breaks also rejects the call that waits for it, which is where it is dealt with.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end();
  }
}
