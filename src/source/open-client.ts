import {DEFAULT_RETRY, type RetryPolicy} from '../core/retry.ts';
import {Budget, type SlotSource} from './budget.ts';
import {ApiClient} from './client.ts';
import {Concurrency} from './concurrency.ts';
import {LocalSlots} from './local-slots.ts';
import type {SourceObserver} from './observer.ts';
import {DEFAULT_LIMITS, Transport, type TransportLimits} from './transport.ts';

/** What the configuration says of the source, and what others lend to it. */
export interface SourceOptions {
  readonly baseUrl: string;
  readonly pat: string;
  /** Of this credential, over all workers; 0 for no limit. */
  readonly requestsPerSecond: number;
  /** Share of it left unused, from 0 to below 1. */
  readonly headroom: number;
  readonly maxConcurrency: number;
  /** Slots shared with other processes; left out: this process has the credential to itself. */
  readonly slots?: SlotSource;
  readonly observer?: SourceObserver;
  readonly retry?: Partial<RetryPolicy>;
  readonly limits?: Partial<TransportLimits>;
  readonly requestIdPrefix?: string;
}

/** A client for one credential, with its own connections and its own budget. Close it to let the process end. */
export function openClient(options: SourceOptions): ApiClient {
  const baseUrl = new URL(options.baseUrl);
  const retry = {...DEFAULT_RETRY, ...options.retry};
  const {requestsPerSecond, headroom, maxConcurrency} = options;
  const slots = requestsPerSecond === 0 ? null : (options.slots ?? new LocalSlots(requestsPerSecond, headroom));
  return new ApiClient({
    baseUrl,
    pat: options.pat,
    requestIdPrefix: options.requestIdPrefix ?? 'clarifai-sync',
    transport: new Transport(baseUrl.origin, maxConcurrency, {...DEFAULT_LIMITS, ...options.limits}),
    budget: new Budget(slots, retry.maxWaitMs),
    concurrency: new Concurrency({requestsPerSecond, maxConcurrency}),
    retry,
    observers: options.observer === undefined ? [] : [options.observer],
    now: Date.now,
    random: Math.random,
  });
}
