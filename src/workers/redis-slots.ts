import {Redis} from 'ioredis';
import {spacingMs} from '../core/gcra.ts';
import type {SlotReply, SlotSource} from '../source/budget.ts';
import {AHEAD_MS, LEAD_MS, type RateOptions} from '../store/rate-slots.ts';
import {redisOptions} from './queue-backend.ts';

/**
 * What all scripts know: the time, when the next slot is free (KEYS[1]), the slots that were given back (KEYS[2], a sorted
 * set of moments), and until when all pause (KEYS[3]). All ms, by Redis's clock.
 */
const COMMON = `
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local function f(x) return string.format('%.3f', x) end
`;

/**
 * A slot that was given back and whose time has not come; else one step of GCRA (facts-queue.md, section 5). Where nothing is
 * known (first use, or a Redis that lost its data) the first slot is behind all that may have been given out. ARGV step,
 * ahead, lead, ms.
 */
const RESERVE = `${COMMON}
local step, ahead, lead = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. f(now + lead))
local spare = redis.call('ZPOPMIN', KEYS[2])
if spare[1] then return { f(now), spare[1] } end
local free = tonumber(redis.call('GET', KEYS[1]) or -1)
if free < 0 then
  free = now + ahead + 2 * step
  redis.call('SET', KEYS[1], f(free))
end
local at = math.max(free, now + lead)
if at > now + ahead + step then return { f(now), f(-1 * (at - now - ahead - step)) } end
redis.call('SET', KEYS[1], f(at + step))
return { f(now), f(at) }`;

/** The slot at ARGV[1] will not be used. One within a pause, or of a time before Redis lost its data, is gone. */
const GIVE_BACK = `${COMMON}
local at, free = tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or -1)
local pausedUntil = tonumber(redis.call('GET', KEYS[3]) or -1)
if at > now and at < free and at >= pausedUntil then redis.call('ZADD', KEYS[2], ARGV[1], ARGV[1]) end
return 1`;

/** Nobody gets a slot for ARGV[1] ms. */
const PAUSE = `${COMMON}
local free = now + tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. f(free))
if free > tonumber(redis.call('GET', KEYS[1]) or 0) then redis.call('SET', KEYS[1], f(free)) end
if free > tonumber(redis.call('GET', KEYS[3]) or 0) then redis.call('SET', KEYS[3], f(free)) end
return 1`;

/** Slots of a credential that all processes on one Redis share (invariant 4). A Redis that is away is waited for. */
export class RedisSlots implements SlotSource {
  readonly #redis: Redis;
  readonly #keys: readonly [string, string, string];
  readonly #stepMs: number;

  constructor(url: string, {credential, requestsPerSecond, headroom}: RateOptions, onError: (error: Error) => void) {
    this.#redis = new Redis(redisOptions(url));
    this.#redis.on('error', onError);
    const key = `clarifai-sync:budget:${credential}`;
    this.#keys = [key, `${key}:spare`, `${key}:paused`];
    this.#stepMs = spacingMs(requestsPerSecond, headroom);
  }

  async clock(): Promise<number> {
    const [seconds, microseconds] = await this.#redis.time();
    return Number(seconds) * 1000 + Number(microseconds) / 1000;
  }

  async reserve(): Promise<SlotReply> {
    const reply = await this.#redis.eval(RESERVE, 3, ...this.#keys, this.#stepMs, AHEAD_MS, LEAD_MS);
    const [now, at] = reply as [string, string];
    const atMs = Number(at);
    return atMs <= 0 ? {retryInMs: Math.max(1, -atMs)} : {atMs, nowMs: Number(now)};
  }

  async giveBack(atMs: number): Promise<void> {
    await this.#redis.eval(GIVE_BACK, 3, ...this.#keys, atMs.toFixed(3));
  }

  async pause(pauseMs: number): Promise<void> {
    await this.#redis.eval(PAUSE, 3, ...this.#keys, Math.ceil(pauseMs));
  }

  /** May be repeated. */
  close(): Promise<void> {
    this.#redis.disconnect();
    return Promise.resolve();
  }
}
