import type pg from 'pg';
import type {Watermark} from '../core/window.ts';
import type {Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** What is known of a stream of a scope across runs. */
export interface StreamState {
  /** All of it has been read once, with the same request as now. */
  readonly wasRead: boolean;
  /** It has been read before in whatever way: a refusal now is a failure (invariant 9). */
  readonly wasEverRead: boolean;
  /** Up to where a `window` has been read. */
  readonly watermark: Watermark | null;
  /** Kinds that the source's search does not show; null while nobody has looked. */
  readonly searchGaps: readonly string[] | null;
  /** How long ago the API last said that it does not offer this stream, ms; null when it never did. */
  readonly refusedAgoMs: number | null;
  /** When all of it was last read to its end, epoch ms by the store's clock; null: never. */
  readonly lastReadMs: number | null;
}

export async function streamState(
  store: Pick<Store, 'database'>,
  scopeId: number,
  stream: Stream,
  requestHash: string,
): Promise<StreamState> {
  const [row] = await store.database.query<{
    first_read_at: Date | null;
    request_hash: string;
    watermark: string | null;
    watermark_settled: boolean;
    refused_ago: number | null;
    last_read: number | null;
    search_gaps: string[] | null;
  }>(
    `select first_read_at, request_hash, watermark, watermark_settled, search_gaps,
       (extract(epoch from last_read_at) * 1000)::float8 as last_read,
       (extract(epoch from clock_timestamp() - refused_at) * 1000)::float8 as refused_ago from clarifai_sync.stream_states
     where scope_id = $1 and stream = $2`,
    [scopeId, stream.name],
  );
  const wasEverRead = row !== undefined && row.first_read_at !== null;
  return {
    wasRead: wasEverRead && row.request_hash === requestHash,
    wasEverRead,
    watermark:
      row === undefined || row.watermark === null ? null : {at: row.watermark, isSettled: row.watermark_settled},
    searchGaps: row?.search_gaps ?? null,
    refusedAgoMs: row?.refused_ago ?? null,
    lastReadMs: row?.last_read ?? null,
  };
}

/** Notes that all of a stream has been read, and that this task need not do so again; within the commit that ends it. */
export async function noteRead(
  client: pg.ClientBase,
  task: HeldTask,
  stream: Stream,
  requestHash: string,
): Promise<void> {
  await client.query(
    `insert into clarifai_sync.stream_states as s (scope_id, stream, first_read_at, last_read_at, request_hash)
     values ($1, $2, clock_timestamp(), clock_timestamp(), $3)
     on conflict (scope_id, stream) do update set first_read_at = coalesce(s.first_read_at, clock_timestamp()),
       last_read_at = clock_timestamp(), request_hash = excluded.request_hash, refused_at = null`,
    [task.scopeId, stream.name, requestHash],
  );
  await client.query('update clarifai_sync.tasks set pass_done = true where task_id = $1', [task.taskId]);
}

/** The same, for streams whose full reading is many passes. */
export async function noteAllRead(store: Store, task: HeldTask, stream: Stream, requestHash: string): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await noteRead(client, task, stream, requestHash);
  });
}

/** Moves the watermark of a `window` forward; never back (design, section 4). */
export async function moveWatermark(store: Store, task: HeldTask, stream: Stream, watermark: Watermark): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      `insert into clarifai_sync.stream_states as s (scope_id, stream, watermark, watermark_settled) values ($1, $2, $3, $4)
       on conflict (scope_id, stream) do update set watermark = excluded.watermark, watermark_settled = excluded.watermark_settled
         where s.watermark is null or s.watermark::timestamptz <= excluded.watermark::timestamptz`,
      [task.scopeId, stream.name, watermark.at, watermark.isSettled],
    );
  });
}

/** RFC 3339 text of the newest `modified_at` of a stream's rows; null when there is none. Reads all rows. */
export async function newestModified(store: Store, task: HeldTask, stream: Stream): Promise<string | null> {
  const [row] = await store.database.query<{newest: string | null}>(
    `select to_char(max(modified_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as newest
     from ${ident(store.schema, stream.name)} where user_id = $1 and app_id = $2 and _sync_deleted_at is null`,
    [task.scope.userId, task.scope.appId],
  );
  return row?.newest ?? null;
}

export async function noteRefused(store: Store, task: HeldTask, stream: Stream): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      `insert into clarifai_sync.stream_states (scope_id, stream, refused_at) values ($1, $2, clock_timestamp())
       on conflict (scope_id, stream) do update set refused_at = clock_timestamp()`,
      [task.scopeId, stream.name],
    );
  });
}

/**
 * Has the source's clock gone back by more than `byMs` since an earlier run? What was edited since then bears a time
 * before the watermark; until the clock has caught up, a search by time would miss it.
 */
export async function hasGoneBack(store: Store, task: HeldTask, byMs: number): Promise<boolean> {
  if (task.sourceTimeMs === null) return false;
  const [row] = await store.database.query<{gone_back: boolean}>(
    `select exists (select 1 from clarifai_sync.runs where scope_id = $1
       and source_time > to_timestamp($2::float8 / 1000) + $3 * interval '1 ms') as gone_back`,
    [task.scopeId, task.sourceTimeMs, byMs],
  );
  return row?.gone_back === true;
}
