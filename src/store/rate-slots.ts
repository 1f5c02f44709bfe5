import {assert} from '../core/errors.ts';
import {spacingMs} from '../core/gcra.ts';
import {Database, type Connection} from './database.ts';

/** A slot at `atMs`, where the server's clock stood at `nowMs`; or the advice to ask again. Epoch ms. */
type Slot = {readonly atMs: number; readonly nowMs: number} | {readonly retryInMs: number};

export interface RateOptions {
  /** Tells one credential from another; no secret. */
  readonly credential: string;
  /** Over 0. */
  readonly requestsPerSecond: number;
  /** Share left unused, from 0 to below 1. */
  readonly headroom: number;
}

/** Slots are given out at most this far ahead, and at least this far in the future, ms (facts-queue.md, section 5). */
export const AHEAD_MS = 1_500;
export const LEAD_MS = 10;

const NOW = `extract(epoch from clock_timestamp()) * 1000`;

/**
 * A slot that was given back and whose time has not come; else one step of GCRA, all in one statement and by the server's
 * clock. Where nothing is known (first use, or lost in a crash of the server) the first slot is behind all that may have
 * been given out.
 */
const RESERVE = `
with spare as (
  delete from clarifai_sync.spare_slots where ctid = (
    select ctid from clarifai_sync.spare_slots where credential = $1 and at_ms >= ${NOW} + $4::float8
      and at_ms >= coalesce((select paused_ms from clarifai_sync.rate_slots where credential = $1), 0)
    order by at_ms limit 1 for update skip locked)
  returning at_ms
), fresh as (
  insert into clarifai_sync.rate_slots as s (credential, free_ms, at_ms)
    select $1, n + $3::float8 + 3 * $2::float8, n + $3::float8 + 2 * $2::float8 from (select ${NOW} as n) t
    where not exists (select from spare)
  on conflict (credential) do update set
    at_ms = greatest(s.free_ms, ${NOW} + $4::float8), free_ms = greatest(s.free_ms, ${NOW} + $4::float8) + $2::float8
    where s.free_ms <= ${NOW} + $3::float8 + $2::float8
  returning at_ms
)
select at_ms, (${NOW})::float8 as now_ms from (select at_ms from spare union all select at_ms from fresh) slots`;

const WAIT = `select greatest(free_ms - ${NOW} - $2::float8, 1)::float8 as ms from clarifai_sync.rate_slots where credential = $1`;

/** One within a pause, or of a time before the server crashed, is gone. */
const GIVE_BACK = `
with old as (delete from clarifai_sync.spare_slots where credential = $1 and at_ms < ${NOW})
insert into clarifai_sync.spare_slots (credential, at_ms)
  select $1, $2::float8 where exists (
    select from clarifai_sync.rate_slots where credential = $1 and $2::float8 > ${NOW} and $2::float8 < free_ms and $2::float8 >= paused_ms)`;

const PAUSE = `
with within as (delete from clarifai_sync.spare_slots where credential = $1 and at_ms < ${NOW} + $2::float8)
insert into clarifai_sync.rate_slots as s (credential, free_ms, at_ms, paused_ms)
  select $1, n + $2::float8, n, n + $2::float8 from (select ${NOW} as n) t
on conflict (credential) do update set
  free_ms = greatest(s.free_ms, ${NOW} + $2::float8), paused_ms = greatest(s.paused_ms, ${NOW} + $2::float8)`;

/**
 * Slots of a credential that all processes on one store share (invariant 4). On connections of its own: a slot must not
 * wait behind a commit.
 */
export class StoreSlots {
  readonly #database: Database;
  readonly #credential: string;
  readonly #stepMs: number;

  constructor(connection: Connection, {credential, requestsPerSecond, headroom}: RateOptions) {
    this.#database = new Database(connection, 2);
    this.#credential = credential;
    this.#stepMs = spacingMs(requestsPerSecond, headroom);
  }

  /** The server's clock, epoch ms. */
  async clock(): Promise<number> {
    const [row] = await this.#database.query<{now_ms: number}>(`select (${NOW})::float8 as now_ms`);
    assert(row !== undefined, 'a select without from gives one row');
    return row.now_ms;
  }

  /** Rejects when the store cannot be reached: then nothing may be sent. */
  async reserve(): Promise<Slot> {
    const [slot] = await this.#database.query<{at_ms: number; now_ms: number}>(RESERVE, [
      this.#credential,
      this.#stepMs,
      AHEAD_MS,
      LEAD_MS,
    ]);
    if (slot !== undefined) return {atMs: slot.at_ms, nowMs: slot.now_ms};
    const [wait] = await this.#database.query<{ms: number}>(WAIT, [this.#credential, AHEAD_MS]);
    return {retryInMs: wait?.ms ?? 1};
  }

  /** Takes back a slot that will not be used. */
  async giveBack(atMs: number): Promise<void> {
    await this.#database.query(GIVE_BACK, [this.#credential, atMs]);
  }

  /** Nobody on the credential gets a slot in the next `pauseMs`. */
  async pause(pauseMs: number): Promise<void> {
    await this.#database.query(PAUSE, [this.#credential, pauseMs]);
  }

  /** May be repeated. */
  async close(): Promise<void> {
    await this.#database.close();
  }
}
