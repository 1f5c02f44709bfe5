import {createPostgresBackend, runMigrations, withBackend, type Processor} from 'bullmq';
import pg from 'pg';
import {driverOptions, type Connection} from '../store/database.ts';
import {storeError} from '../store/errors.ts';
import type {ReadyTask} from '../store/tasks.ts';

/** How BullMQ reaches its tables, which are in the store when no Redis is configured. */
function poolOf(connection: Connection) {
  const place = 'url' in connection ? {connectionString: connection.url} : connection;
  return {...place, max: CONNECTIONS, application_name: 'clarifai-sync queue'};
}

/** A BullMQ job only names a task of the ledger: a doubled, lost or late one is harmless. */
export interface TaskRef {
  readonly taskId: string;
}

const {Queue, Worker} = withBackend(createPostgresBackend);

/** Statements of a queue or a worker, and one connection that listens for ever (facts-queue.md, section 0). */
const CONNECTIONS = 4;

const openQueue = (connection: Connection) => new Queue<TaskRef, void>(QUEUE, {connection: poolOf(connection)});

const QUEUE = 'clarifai-sync-tasks';
/** The tasks that wait for a worker, in BullMQ's Postgres backend in the store. */
export class TaskQueue {
  readonly #connection: Connection;
  readonly #queue: ReturnType<typeof openQueue>;
  readonly #onError: (error: Error) => void;

  private constructor(connection: Connection, onError: (error: Error) => void) {
    this.#connection = connection;
    this.#onError = onError;
    this.#queue = openQueue(connection);
    this.#queue.on('error', onError);
  }

  /** Brings the queue's own tables up to date and opens it. */
  static async open(connection: Connection, onError: (error: Error) => void): Promise<TaskQueue> {
    const client = new pg.Client(driverOptions(connection));
    client.on('error', onError);
    try {
      await client.connect();
      await runMigrations(client);
    } catch (error) {
      throw storeError(error, 'the queue in the store cannot be opened');
    } finally {
      await client.end().catch(() => undefined);
    }
    return new TaskQueue(connection, onError);
  }

  /**
   * Names a task to the workers. It is not added twice while its job is stored; a job that is done is removed, so that
   * its task can be given out again. A worker that was killed leaves jobs that BullMQ takes for ones under way, for up to
   * a minute: the fence, which a worker draws when it takes the task, and the giver, for one that had not come to that,
   * make the next one another job.
   * @param giver names this process; see store/presence.ts
   */
  async give({taskId, fence}: ReadyTask, giver: string): Promise<void> {
    const options = {
      jobId: `task-${taskId}-${fence}-${giver}`,
      attempts: 3,
      removeOnComplete: true,
      removeOnFail: true,
    };
    try {
      await this.#queue.add('task', {taskId}, options);
    } catch (error) {
      throw storeError(error, 'the queue in the store took no task');
    }
  }

  /** A worker that takes tasks from here. It checks its jobs by itself; the ledger's lease is what counts. */
  work(processor: Processor<TaskRef, void>, {concurrency}: {readonly concurrency: number}) {
    const worker = new Worker<TaskRef, void>(QUEUE, processor, {
      connection: poolOf(this.#connection),
      concurrency,
      // Restarts are bounded by nobody here: a task that is done is not done again.
      maxStalledCount: 1_000,
      runRetryDelay: 500,
    });
    worker.on('error', this.#onError);
    return worker;
  }

  /** Workers must be closed first. */
  async close(): Promise<void> {
    await this.#queue.close().catch(this.#onError);
  }
}
