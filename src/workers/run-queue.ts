import type {Processor} from 'bullmq';
import {messageOf} from '../core/errors.ts';
import type {Scope} from '../core/scope.ts';
import {QueueUnavailableError} from './errors.ts';
import type {Queue, QueueBackend, Worker} from './queue-backend.ts';

/** A schedule, as the configuration has it. */
export interface Schedule {
  readonly name: string;
  /** Five fields, or six with seconds first. */
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
  readonly mode: 'incremental' | 'full';
  readonly jitterMs: number;
}

/** A schedule is due; or a scope may have a run to be begun or taken up. Either is only a hint: the ledger knows. */
export type RunJob =
  {readonly kind: 'tick'; readonly schedule: string} | {readonly kind: 'drive'; readonly scope: Scope};

const QUEUE = 'clarifai-sync-runs';

/** BullMQ refuses these two where another process has just done the same (facts-queue.md, section 2). */
const DONE_BY_ANOTHER = [-10, -11];

/** What runs are to be seen to, and when: BullMQ's Job Schedulers, and a job for each scope with something to do. */
export class RunQueue {
  readonly #backend: QueueBackend;
  readonly #queue: Queue<RunJob>;

  constructor(backend: QueueBackend) {
    this.#backend = backend;
    this.#queue = backend.queue<RunJob>(QUEUE);
  }

  /**
   * Makes the queue's schedules those of the configuration. Only what differs is touched: BullMQ throws a run that is
   * due away when its schedule is set again. May be repeated, and must be: the queue may have lost everything.
   */
  async keepSchedules(schedules: readonly Schedule[]): Promise<void> {
    await this.#try('kept no schedules', async () => {
      const wanted = new Set(schedules.map(({name}) => name));
      for (const {key} of await this.#queue.getJobSchedulers()) {
        if (!wanted.has(key)) await this.#queue.removeJobScheduler(key);
      }
      for (const {name, cron, timezone} of schedules) {
        const there = await this.#queue.getJobScheduler(name);
        if (there?.pattern === cron && there.tz === timezone) continue;
        const job = {name: 'tick', data: {kind: 'tick', schedule: name}} as const;
        await this.#queue.upsertJobScheduler(name, {pattern: cron, tz: timezone}, job).catch((error: unknown) => {
          if (!DONE_BY_ANOTHER.includes(Number((error as {code?: unknown}).code))) throw error;
        });
      }
    });
  }

  /** When each schedule is due next, epoch ms, by name. */
  async nextDue(): Promise<ReadonlyMap<string, number>> {
    const due = new Map<string, number>();
    for (const {key, next} of await this.#queue.getJobSchedulers()) if (next != null) due.set(key, next);
    return due;
  }

  /**
   * Has a worker look at a scope because of a run that is left or pending there. Asking again for the same run, while that
   * has not been done, is asking once; asking for another one is not: whoever is about to end with the one before may have
   * looked already.
   */
  async look(scope: Scope, runId: string, delayMs = 0): Promise<void> {
    // Whole: the backend in Postgres takes no others.
    const delay = Math.ceil(Math.max(0, delayMs));
    const jobId = `drive-${runId}`;
    const options = delay === 0 ? {jobId} : {jobId: `${jobId}-${Math.ceil((Date.now() + delay) / 1000)}s`, delay};
    await this.#try('took no run', () => this.#queue.add('drive', {kind: 'drive', scope}, {...options, attempts: 3}));
  }

  work(processor: Processor<RunJob, void>, concurrency: number): Worker<RunJob> {
    return this.#backend.worker<RunJob>(QUEUE, processor, concurrency);
  }

  async #try(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw new QueueUnavailableError(`the queue ${what}: ${messageOf(error)}`, {cause: error});
    }
  }

  /** How many jobs are in which state. */
  async counts(): Promise<Readonly<Record<string, number>>> {
    return await this.#queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed');
  }

  /** For those who show it as it is. */
  get queue(): Queue<RunJob> {
    return this.#queue;
  }

  /** Workers must be closed first. */
  async close(): Promise<void> {
    await this.#queue.close();
  }
}
