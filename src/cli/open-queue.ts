import type {Config} from '../config/config.ts';
import type {Store} from '../store/ledger.ts';
import type {RateOptions} from '../store/rate-slots.ts';
import {QueueBackend} from '../workers/queue-backend.ts';
import {RedisSlots} from '../workers/redis-slots.ts';
import {TaskQueue} from '../workers/task-queue.ts';
import type {Context} from './context.ts';

// What needs BullMQ or Redis. A `sync` without Redis needs neither, and does not load them.

/** The queue: in Redis where one is configured, else in the store. */
export async function openQueue(context: Context, config: Config, store: Store): Promise<QueueBackend> {
  const {log} = context.surroundings.logger;
  return await QueueBackend.open({
    place:
      config.queueUrl === null
        ? {kind: 'store', connection: store.database.connection}
        : {kind: 'redis', url: config.queueUrl, installation: store.storeId},
    lockMs: config.run.leaseMs,
    onError: (error) => log.debug({err: error}, 'queue reported an error'),
  });
}

/** The tasks of that queue. */
export async function openTaskQueue(context: Context, config: Config, store: Store): Promise<TaskQueue> {
  return new TaskQueue(await openQueue(context, config, store));
}

/** The budget of a credential, kept in Redis. The caller closes it. */
export function openRedisSlots(context: Context, url: string, options: RateOptions): RedisSlots {
  const {log} = context.surroundings.logger;
  return new RedisSlots(url, options, (error) => log.debug({err: error}, 'budget reported an error'));
}
