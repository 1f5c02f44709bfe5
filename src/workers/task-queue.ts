import type {Processor} from 'bullmq';
import type {ReadyTask} from '../store/tasks.ts';
import {QueueUnavailableError} from './errors.ts';
import type {Queue, QueueBackend, Worker} from './queue-backend.ts';
import {messageOf} from '../core/errors.ts';

/** A BullMQ job only names a task of the ledger: a doubled, lost or late one is harmless. */
export interface TaskRef {
  readonly taskId: string;
}

const QUEUE = 'clarifai-sync-tasks';

/** What is to be done first; a lower number comes before a higher one. What is fresh does not wait behind a sweep. */
const PRIORITY = {apply: 1, seal: 1, incremental: 2, full: 3} as const;

/** The tasks that wait for a worker. */
export class TaskQueue {
  readonly #backend: QueueBackend;
  readonly #queue: Queue<TaskRef>;

  constructor(backend: QueueBackend) {
    this.#backend = backend;
    this.#queue = backend.queue<TaskRef>(QUEUE);
  }

  /**
   * Names a task to the workers. It is not added twice while its job is stored; a job that is done is removed, so that
   * its task can be given out again. A worker that was killed leaves jobs that BullMQ takes for ones under way, until
   * their lock runs out: the fence, which a worker draws when it takes the task, and the giver, for one that had not come
   * to that, make the next one another job.
   * @param giver names this process; see store/presence.ts
   */
  async give({taskId, fence, kind, mode}: ReadyTask, giver: string): Promise<void> {
    const jobId = `task-${taskId}-${fence}-${giver}`;
    const priority = PRIORITY[kind === 'crawl' ? mode : kind];
    try {
      await this.#queue.add('task', {taskId}, {jobId, attempts: 3, priority});
    } catch (error) {
      throw new QueueUnavailableError(`the queue took no task: ${messageOf(error)}`, {cause: error});
    }
  }

  /** A worker that takes tasks from here; the ledger's lease is what counts. */
  work(processor: Processor<TaskRef, void>, concurrency: number): Worker<TaskRef> {
    return this.#backend.worker<TaskRef>(QUEUE, processor, concurrency);
  }

  /** How many jobs are in which state. */
  async counts(): Promise<Readonly<Record<string, number>>> {
    return await this.#queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed');
  }

  /** For those who show it as it is. */
  get queue(): Queue<TaskRef> {
    return this.#queue;
  }

  /** Workers must be closed first. */
  async close(): Promise<void> {
    await this.#queue.close();
  }
}
