import {createHash} from 'node:crypto';
import type {Config} from '../config/config.ts';
import {patOf} from '../config/secrets.ts';
import type {SlotSource} from '../source/budget.ts';
import type {ApiClient} from '../source/client.ts';
import type {SourceObserver} from '../source/observer.ts';
import {openClient} from '../source/open-client.ts';
import type {Store} from '../store/ledger.ts';
import {StoreSlots} from '../store/rate-slots.ts';
import {load} from './commands.ts';
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
export async function openSlots(context: Context, config: Config, store: Store): Promise<SlotSource | null> {
  const {requestsPerSecond, headroom, baseUrl} = config.source;
  if (requestsPerSecond === 0) return null;
  const credential = credentialName(baseUrl, patOf(config.source));
  const options = {credential, requestsPerSecond, headroom};
  const slots =
    config.queueUrl === null
      ? new StoreSlots(store.database.connection, options)
      : (await load.queue()).openRedisSlots(context, config.queueUrl, options);
  context.defer(() => slots.close());
  return slots;
}

/** Tells one credential from another without telling the credential. */
const credentialName = (baseUrl: string, pat: string): string =>
  createHash('sha256').update(`${baseUrl}\n${pat}`).digest('hex').slice(0, 32);
