import {WaitingError, type Job} from 'bullmq';
import type {ReadyTask} from '../store/tasks.ts';
import {QueueUnavailableError} from './errors.ts';
import type {Queue, QueueBackend, Worker} from './queue-backend.ts';
import {messageOf} from '../core/errors.ts';
import {priorityOf, type Heard, type Tasks} from './tasks.ts';
import type {TaskWork} from './task-work.ts';

/** A BullMQ job only names a task of the ledger: a doubled, lost or late one is harmless. */
export interface TaskRef {
  readonly taskId: string;
}

const QUEUE = 'clarifai-sync-tasks';

/** The tasks that wait for a worker, of this process or another. */
export class TaskQueue implements Tasks {
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
  async give(task: ReadyTask, giver: string): Promise<void> {
    const {taskId, fence} = task;
    const jobId = `task-${taskId}-${fence}-${giver}`;
    const priority = priorityOf(task);
    try {
      await this.#queue.add('task', {taskId}, {jobId, attempts: 3, priority});
    } catch (error) {
      throw new QueueUnavailableError(`the queue took no task: ${messageOf(error)}`, {cause: error});
    }
  }

  /** A worker that takes tasks from here; the ledger's lease is what counts. */
  work(work: TaskWork, atOnce: number, heard?: Heard): Worker<TaskRef> {
    const worker = this.#backend.worker<TaskRef>(QUEUE, processorOf(work), atOnce);
    if (heard !== undefined) {
      worker.on('completed', () => heard.done());
      worker.on('failed', (_job, error) => heard.failed(error));
    }
    return worker;
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

/**
 * The function that BullMQ calls for a job. A job whose worker is told to end goes back, unspent. BullMQ passes a signal
 * only to a function that declares three parameters.
 */
function processorOf(work: TaskWork): (job: Job<TaskRef>, token?: string, signal?: AbortSignal) => Promise<void> {
  return async (job, token, signal) => {
    const drain = signal ?? new AbortController().signal;
    await work(job.data.taskId, drain);
    if (!drain.aborted || token === undefined) return;
    await job.moveToWait(token);
    throw new WaitingError();
  };
}
