import type {ReadyTask} from '../store/tasks.ts';
import type {Closable} from './close-workers.ts';
import type {TaskWork} from './task-work.ts';
import {priorityOf, type Heard, type Tasks} from './tasks.ts';

/**
 * Tasks that are given out and worked on in one process, in its memory: what `sync` needs where there is no Redis. It
 * sees its runs to their ends itself, and the ledger has all that the next process needs if it does not. (BullMQ in the
 * store would do it too, for a third of a second and a hundred statements more at each start.)
 */
export class TasksHere implements Tasks {
  readonly #waiting = new Map<string, ReadyTask>();
  #worker: Worker | null = null;

  give(task: ReadyTask): Promise<void> {
    // Each taking of a task gives it another fence: a task that came back is another job.
    this.#waiting.set(`${task.taskId} ${task.fence}`, task);
    this.#worker?.wake();
    return Promise.resolve();
  }

  work(work: TaskWork, atOnce: number, heard: Heard): Closable {
    this.#worker = new Worker(() => this.#next(), work, atOnce, heard);
    this.#worker.wake();
    return this.#worker;
  }

  close(): Promise<void> {
    this.#waiting.clear();
    return Promise.resolve();
  }

  /** The first of those that come first. */
  #next(): string | null {
    let first: [string, ReadyTask] | null = null;
    for (const each of this.#waiting) {
      if (first === null || priorityOf(each[1]) < priorityOf(first[1])) first = each;
    }
    if (first === null) return null;
    this.#waiting.delete(first[0]);
    return first[1].taskId;
  }
}

class Worker implements Closable {
  readonly #next: () => string | null;
  readonly #work: TaskWork;
  readonly #atOnce: number;
  readonly #heard: Heard;
  readonly #drain = new AbortController();
  readonly #jobs = new Set<Promise<void>>();
  #isClosing = false;

  constructor(next: () => string | null, work: TaskWork, atOnce: number, heard: Heard) {
    this.#next = next;
    this.#work = work;
    this.#atOnce = atOnce;
    this.#heard = heard;
  }

  /** There may be something to do. */
  wake(): void {
    while (!this.#isClosing && this.#jobs.size < this.#atOnce) {
      const taskId = this.#next();
      if (taskId === null) return;
      const job: Promise<void> = this.#do(taskId).finally(() => {
        this.#jobs.delete(job);
        this.wake();
      });
      this.#jobs.add(job);
    }
  }

  async #do(taskId: string): Promise<void> {
    try {
      await this.#work(taskId, this.#drain.signal);
      this.#heard.done();
    } catch (error) {
      this.#heard.failed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#jobs);
  }

  cancelAllJobs(reason?: string): void {
    this.#drain.abort(new Error(reason));
  }
}
