import {
  createPostgresBackend,
  Queue as RedisQueue,
  runMigrations,
  withBackend,
  Worker as RedisWorker,
  type Processor,
  type QueueOptions,
  type WorkerOptions,
} from 'bullmq';
import {Redis} from 'ioredis';
import pg from 'pg';
import {nextDueMs} from '../core/cron.ts';
import {messageOf} from '../core/errors.ts';
import {driverOptions, type Connection} from '../store/database.ts';
import {QueueRefusedError, QueueUnavailableError} from './errors.ts';

/** Where the queue is: in Redis, or in the store by BullMQ's Postgres backend. */
export type QueuePlace =
  | {readonly kind: 'store'; readonly connection: Connection}
  | {
      readonly kind: 'redis';
      /** Secret: may hold a password. */
      readonly url: string;
      /** Keeps installations on one Redis apart: the store's id. */
      readonly installation: string;
    };

/** A queue of BullMQ, wherever it is. */
export type Queue<Data> = RedisQueue<Data, void>;
/** A worker of BullMQ, wherever its queue is. */
export type Worker<Data> = RedisWorker<Data, void>;

const {Queue: StoreQueue, Worker: StoreWorker} = withBackend(createPostgresBackend);

export interface BackendOptions {
  readonly place: QueuePlace;
  /** How long a worker that falls silent keeps its job, ms. The ledger's lease is what counts; this only wakes others. */
  readonly lockMs: number;
  /** Told what queues and workers meet on their own; they go on by themselves. */
  readonly onError: (error: Error) => void;
}

/**
 * Statements at once of each queue and worker, on connections of its own; a worker listens on one more for ever. (A pool
 * that they share loses a place with each listener whose connection breaks, and then stands still.)
 */
const STATEMENTS_AT_ONCE = 2;

/** The first answer of a Redis that is there comes sooner than this, ms. */
const FIRST_ANSWER_MS = 10_000;

/**
 * What all queues and workers of this process have in common: where they are, and their connections. Losing what is in
 * there loses nothing: schedules come from the configuration, what is left to do from the ledger.
 */
export class QueueBackend {
  readonly kind: QueuePlace['kind'];
  readonly #options: BackendOptions;
  /** Settings that queues and workers share. */
  readonly #common: Pick<QueueOptions, 'prefix' | 'settings'>;

  private constructor(options: BackendOptions) {
    this.kind = options.place.kind;
    this.#options = options;
    this.#common = {
      ...(options.place.kind === 'redis' ? {prefix: `clarifai-sync:${options.place.installation}`} : {}),
      settings: {
        repeatStrategy: (ms, {pattern, tz}) =>
          pattern === undefined ? undefined : nextDueMs({pattern, timezone: tz ?? 'UTC'}, ms),
      },
    };
  }

  /**
   * Looks whether the queue can be used, and brings its own tables up to date where it has any.
   * @throws QueueUnavailableError, QueueRefusedError
   */
  static async open(options: BackendOptions): Promise<QueueBackend> {
    const {place, onError} = options;
    if (place.kind === 'redis') {
      await checkRedis(place.url);
      return new QueueBackend(options);
    }
    await migrate(place.connection, onError);
    return new QueueBackend(options);
  }

  queue<Data>(name: string): Queue<Data> {
    const defaults = {removeOnComplete: true, removeOnFail: true} as const;
    const {place} = this.#options;
    const options = {...this.#common, defaultJobOptions: defaults};
    const queue =
      place.kind === 'redis'
        ? new RedisQueue<Data, void>(name, {...options, connection: redisOptions(place.url)})
        : new StoreQueue<Data, void>(name, {...options, connection: poolOf(place.connection)});
    queue.on('error', this.#options.onError);
    return queue as Queue<Data>;
  }

  /** `processor` must declare three parameters, or BullMQ gives it no signal. */
  worker<Data>(name: string, processor: Processor<Data, void>, concurrency: number): Worker<Data> {
    const {lockMs, onError, place} = this.#options;
    const options: Omit<WorkerOptions, 'connection'> = {
      ...this.#common,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: Math.max(1_000, lockMs / 2),
      // Restarts are bounded by nobody here: a task that is done is not done again.
      maxStalledCount: 1_000,
      runRetryDelay: 500,
    };
    const worker = (
      place.kind === 'redis'
        ? new RedisWorker<Data, void>(name, processor, {...options, connection: redisOptions(place.url)})
        : new StoreWorker<Data, void>(name, processor, {...options, connection: poolOf(place.connection)})
    ) as Worker<Data>;
    worker.on('error', onError);
    worker.on('lockRenewalFailed', (ids: string[]) => ids.forEach((id) => worker.cancelJob(id, 'lock lost')));
    return worker;
  }

  /** Rejects when the queue does not answer. */
  async ping(): Promise<void> {
    const {place} = this.#options;
    if (place.kind === 'redis') await checkRedis(place.url);
    else await askStore(place.connection);
  }
}

function poolOf(connection: Connection) {
  const place = 'url' in connection ? {connectionString: connection.url} : connection;
  return {...place, max: STATEMENTS_AT_ONCE, application_name: 'clarifai-sync queue'};
}

async function askStore(connection: Connection): Promise<void> {
  const client = new pg.Client(driverOptions(connection));
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1 from bullmq.job limit 1');
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Options of ioredis for a URL: waits for a Redis that is away, for as long as it takes. */
export function redisOptions(url: string) {
  const {hostname, port, username, password, pathname, protocol} = new URL(url);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 6379 : Number(port),
    ...(username === '' ? {} : {username: decodeURIComponent(username)}),
    ...(password === '' ? {} : {password: decodeURIComponent(password)}),
    ...(pathname.length > 1 ? {db: Number(pathname.slice(1))} : {}),
    ...(protocol === 'rediss:' ? {tls: {servername: hostname}} : {}),
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => Math.min(times * 100, 1_000),
  };
}

/** Refuses a Redis that cannot keep a queue. */
async function checkRedis(url: string): Promise<void> {
  const options = redisOptions(url);
  const where = `the queue at ${options.host}:${options.port}`;
  const client = new Redis({
    ...options,
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    connectTimeout: FIRST_ANSWER_MS,
    commandTimeout: FIRST_ANSWER_MS,
    retryStrategy: () => null,
  });
  let cause: Error | null = null;
  client.on('error', (error: Error) => (cause = error));
  try {
    await client.connect();
    const info = await client.info();
    const told = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
    const policy = told('maxmemory_policy');
    if (policy !== '' && policy !== 'noeviction') {
      throw new QueueRefusedError(
        `${where}: expected maxmemory-policy noeviction, found ${policy}: it may throw away what the queue holds`,
      );
    }
    if (Number(told('redis_version').split('.')[0]) < 6) {
      throw new QueueRefusedError(`${where}: expected Redis 6 or later, found ${told('redis_version')}`);
    }
    const key = `clarifai-sync:probe:${Math.random().toString(36).slice(2)}`;
    await client.eval(`redis.call('SET', KEYS[1], '1', 'PX', 1000) return redis.call('DEL', KEYS[1])`, 1, key);
  } catch (error) {
    if (error instanceof QueueRefusedError) throw error;
    const message = messageOf(cause ?? error);
    if (/NOAUTH|WRONGPASS|invalid username-password/.test(message + messageOf(error))) {
      throw new QueueRefusedError(`${where}: expected a user and password that it takes, found: ${message}`, {
        cause: error,
      });
    }
    if (/NOPERM|no permissions/i.test(messageOf(error))) {
      throw new QueueRefusedError(
        `${where}: expected the right to run scripts and to write keys clarifai-sync:*, found: ${messageOf(error)}`,
        {cause: error},
      );
    }
    throw new QueueUnavailableError(`${where} cannot be reached: ${message}`, {cause: error});
  } finally {
    client.disconnect();
  }
}

async function migrate(connection: Connection, onError: (error: Error) => void): Promise<void> {
  const client = new pg.Client(driverOptions(connection));
  client.on('error', onError);
  try {
    await client.connect();
    await runMigrations(client);
  } catch (error) {
    throw new QueueUnavailableError(`the queue in the store cannot be opened: ${messageOf(error)}`, {cause: error});
  } finally {
    await client.end().catch(() => undefined);
  }
}
