import {createHash} from 'node:crypto';
import type {Config} from '../config/config.ts';
import {patOf} from '../config/secrets.ts';
import type {SlotSource} from '../source/budget.ts';
import type {ApiClient} from '../source/client.ts';
import type {SourceObserver} from '../source/observer.ts';
import {openClient} from '../source/open-client.ts';
import type {Store} from '../store/ledger.ts';
import {StoreSlots} from '../store/rate-slots.ts';
import {QueueBackend} from '../workers/queue-backend.ts';
import {RedisSlots} from '../workers/redis-slots.ts';
import type {Context} from './context.ts';

// What commands open beside the store. Not in context.ts: loading these takes as long as starting a server, and `sync`
// does both at once.

/** @param slots shared with all other processes on the credential; left out: this process has it to itself */
export function openApi(
  context: Context,
  config: Config,
  observer?: SourceObserver,
  slots: SlotSource | null = null,
): ApiClient {
  const {baseUrl, requestsPerSecond, headroom, maxConcurrency} = config.source;
  const client = openClient({
    baseUrl,
    pat: patOf(config.source),
    requestsPerSecond,
    headroom,
    maxConcurrency,
    ...(slots === null ? {} : {slots}),
    ...(observer === undefined ? {} : {observer}),
  });
  context.defer(() => client.close());
  return client;
}

/** The credential's budget, shared with every process on the same Redis or store; null where there is no limit. */
export function openSlots(context: Context, config: Config, store: Store): SlotSource | null {
  const {requestsPerSecond, headroom, baseUrl} = config.source;
  if (requestsPerSecond === 0) return null;
  const credential = credentialName(baseUrl, patOf(config.source));
  const options = {credential, requestsPerSecond, headroom};
  const {log} = context.surroundings.logger;
  const slots =
    config.queueUrl === null
      ? new StoreSlots(store.database.connection, options)
      : new RedisSlots(config.queueUrl, options, (error) => log.debug({err: error}, 'budget reported an error'));
  context.defer(() => slots.close());
  return slots;
}

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

/** Tells one credential from another without telling the credential. */
const credentialName = (baseUrl: string, pat: string): string =>
  createHash('sha256').update(`${baseUrl}\n${pat}`).digest('hex').slice(0, 32);
