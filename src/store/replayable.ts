import {keyNames, type Stream} from '../streams/stream.ts';
import type {Scope} from '../core/scope.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** A record that could not be stored, for another try. */
export interface Replayable {
  readonly rejectId: string;
  readonly parent: readonly string[];
  /** null where it could not be read. */
  readonly key: readonly string[] | null;
  /** As it came, redacted; null where it was not kept. It may have been cut. */
  readonly raw: Buffer | null;
}

/** Scopes with records that could not be stored, and their streams. */
export async function scopesToReplay(
  {database}: Pick<Store, 'database'>,
  streams: readonly string[] | null,
): Promise<readonly {readonly scope: Scope; readonly streams: readonly string[]}[]> {
  const rows = await database.query<{user_id: string; app_id: string; streams: string[]}>(
    `select user_id, app_id, array_agg(distinct stream) as streams from clarifai_sync.rejects
     where kind = 'rejected' and resolved_at is null and ($1::text[] is null or stream = any ($1)) group by 1, 2 order by 1, 2`,
    [streams],
  );
  return rows.map(({user_id: userId, app_id: appId, ...rest}) => ({scope: {userId, appId}, ...rest}));
}

/** Open rejects of a stream behind `after`, in order, at most `limit`. */
export async function replayable(
  store: Store,
  task: HeldTask,
  stream: Stream,
  after: string,
  limit: number,
): Promise<Replayable[]> {
  return await store.database.query<{rejectId: string; parent: string[]; key: string[] | null; raw: Buffer | null}>(
    `select reject_id::text as "rejectId", parent, key, raw from clarifai_sync.rejects
     where scope_id = $1 and stream = $2 and kind = 'rejected' and resolved_at is null and reject_id > $3::bigint
     order by reject_id limit $4`,
    [task.scopeId, stream.name, after, limit],
  );
}

/**
 * Resolves rejects whose record was written, or found deleted, after it was rejected for the last time: what the ledger
 * has of it is older than the row, and older never replaces newer (invariant 7).
 */
export async function resolveOutlived(store: Store, task: HeldTask, stream: Stream): Promise<void> {
  const key = `array[${keyNames(stream)
    .map((name) => `t.${ident(name)}`)
    .join(', ')}]::text[]`;
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      `update clarifai_sync.rejects r set resolved_at = clock_timestamp() from ${ident(store.schema, stream.name)} t
       where r.scope_id = $1 and r.stream = $2 and r.kind = 'rejected' and r.resolved_at is null and r.reason <> 'key_collision'
         and t.user_id = $3 and t.app_id = $4 and r.key = ${key} and t._sync_changed_at > r.last_seen_at`,
      [task.scopeId, stream.name, task.scope.userId, task.scope.appId],
    );
  });
}

/** What a reject's record is now: its key, and the hash of its content. */
export interface Replayed {
  readonly rejectId: string;
  readonly key: readonly string[];
  readonly hash: string;
}

/** Resolves those whose very content is stored now, whatever the key that they were listed by. Gives how many. */
export async function resolveStored(
  store: Store,
  task: HeldTask,
  stream: Stream,
  replayed: readonly Replayed[],
): Promise<void> {
  const names = keyNames(stream).map((name) => ident(name));
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    for (const {rejectId, key, hash} of replayed) {
      await client.query(
        `update clarifai_sync.rejects set resolved_at = clock_timestamp() where reject_id = $1 and resolved_at is null and exists
           (select 1 from ${ident(store.schema, stream.name)} t where t.user_id = $2 and t.app_id = $3
            and t._sync_deleted_at is null and encode(t._sync_hash, 'hex') = $4 and ${names.map((name, i) => `t.${name} = $${i + 5}`).join(' and ')})`,
        [rejectId, task.scope.userId, task.scope.appId, hash, ...key],
      );
    }
  });
}

/** How many rejects of the scope's streams are open. */
export async function openRejectCount(
  {database}: Pick<Store, 'database'>,
  streams: readonly string[] | null,
): Promise<number> {
  const [row] = await database.query<{n: number}>(
    `select count(*)::int as n from clarifai_sync.rejects
     where kind = 'rejected' and resolved_at is null and ($1::text[] is null or stream = any ($1))`,
    [streams],
  );
  return row?.n ?? 0;
}
