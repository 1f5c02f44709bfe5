import {setTimeout as sleep} from 'node:timers/promises';

/** What is closed at the end of a process: a worker of BullMQ, whatever its jobs are. */
export interface Closable {
  close(force?: boolean): Promise<void>;
  cancelAllJobs(reason?: string): void;
}

/**
 * Ends workers: they take no new job, those under way are told to stop and go back unspent. What has not ended within
 * `timeoutMs` is left: its lease runs out, and somebody else goes on. (A worker whose Redis is away never ends.)
 * @returns whether all of them ended in time
 */
export async function closeWorkers(workers: readonly Closable[], timeoutMs: number): Promise<boolean> {
  const closed = Promise.allSettled(
    workers.map((worker) => {
      const closing = worker.close();
      worker.cancelAllJobs('drain');
      return closing;
    }),
  );
  return await Promise.race([closed.then(() => true), sleep(timeoutMs, false, {ref: false})]);
}
