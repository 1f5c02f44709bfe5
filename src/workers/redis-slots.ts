import {Redis} from 'ioredis';
import {spacingMs} from '../core/gcra.ts';
import type {SlotReply, SlotSource} from '../source/budget.ts';
import {AHEAD_MS, LEAD_MS, type RateOptions} from '../store/rate-slots.ts';
import {redisOptions} from './queue-backend.ts';

/**
 * One step of GCRA by Redis's clock (facts-queue.md, section 5). Where nothing is known (first use, or a Redis that lost
 * its data) the first slot is behind all that may have been given out. KEYS[1] budget; ARGV step, ahead, lead, ms.
 */
const RESERVE = `
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local function f(x) return string.format('%.3f', x) end
local step, ahead, lead = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free = tonumber(redis.call('GET', KEYS[1]) or -1)
if free < 0 then
  free = now + ahead + 2 * step
  redis.call('SET', KEYS[1], f(free))
end
local at = math.max(free, now + lead)
if at > now + ahead + step then return { f(now), f(-1 * (at - now - ahead - step)) } end
redis.call('SET', KEYS[1], f(at + step))
return { f(now), f(at) }`;

/** Nobody gets a slot for ARGV[1] ms. */
const PAUSE = `
local t = redis.call('TIME')
local free = t[1] * 1000 + t[2] / 1000 + tonumber(ARGV[1])
if free > tonumber(redis.call('GET', KEYS[1]) or 0) then redis.call('SET', KEYS[1], string.format('%.3f', free)) end
return 1`;

/** Slots of a credential that all processes on one Redis share (invariant 4). A Redis that is away is waited for. */
export class RedisSlots implements SlotSource {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #stepMs: number;

  constructor(url: string, {credential, requestsPerSecond, headroom}: RateOptions, onError: (error: Error) => void) {
    this.#redis = new Redis(redisOptions(url));
    this.#redis.on('error', onError);
    this.#key = `clarifai-sync:budget:${credential}`;
    this.#stepMs = spacingMs(requestsPerSecond, headroom);
  }

  async reserve(): Promise<SlotReply> {
    const [now, at] = (await this.#redis.eval(RESERVE, 1, this.#key, this.#stepMs, AHEAD_MS, LEAD_MS)) as [
      string,
      string,
    ];
    const atMs = Number(at);
    return atMs <= 0 ? {retryInMs: Math.max(1, -atMs)} : {atMs, nowMs: Number(now)};
  }

  async pause(pauseMs: number): Promise<void> {
    await this.#redis.eval(PAUSE, 1, this.#key, Math.ceil(pauseMs));
  }

  /** May be repeated. */
  close(): Promise<void> {
    this.#redis.disconnect();
    return Promise.resolve();
  }
}
