import type pg from 'pg';
import type {PreparedReject} from '../core/prepared.ts';
import {streamNamed} from '../streams/catalogue.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import type {WriteCounts} from './commit.ts';
import {arrayText, ident} from './quote.ts';
import {keylessIdentity, recordIdentity} from './reject-identity.ts';
import type {HeldTask} from './tasks.ts';

/**
 * Lists what was rejected or repaired, once for each record and reason, within the commit that wrote the rest, and
 * resolves what was listed of records that are well now.
 * @param parent under which the group was read; empty for streams that have none
 * @returns how many records were rejected that were not at their last reading
 */
export async function noteRejects(
  client: pg.ClientBase,
  task: HeldTask,
  stream: Stream,
  counts: WriteCounts,
  parent: readonly string[],
): Promise<number> {
  if (counts.read > 0) await resolve(client, task, stream, counts);
  let newlyRejected = 0;
  for (const reject of counts.rejects) {
    const noted = await client.query<{is_new: boolean}>(
      // One that was well in between counts as new: its first run is the one that rejects it again.
      `insert into clarifai_sync.rejects as r (scope_id, user_id, app_id, stream, kind, parent, identity, key, reason, detail, raw, first_run_id, last_run_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
       on conflict (scope_id, stream, kind, identity, reason) do update set detail = excluded.detail, raw = excluded.raw,
         first_run_id = case when r.resolved_at is null then r.first_run_id else excluded.first_run_id end,
         first_seen_at = case when r.resolved_at is null then r.first_seen_at else clock_timestamp() end,
         last_run_id = excluded.last_run_id, last_seen_at = clock_timestamp(), resolved_at = null
       returning first_run_id = last_run_id as is_new`,
      [
        task.scopeId,
        task.scope.userId,
        task.scope.appId,
        stream.name,
        reject.kind,
        parent,
        identityOf(reject),
        reject.key,
        reject.reason,
        reject.detail.replaceAll('\u0000', '\ufffd'),
        reject.raw,
        task.runId,
      ],
    );
    if (reject.kind === 'rejected' && noted.rows[0]?.is_new === true) newlyRejected++;
  }
  return newlyRejected;
}

/** A record that is stored now is no reject any more, and one that was written without repair is none that was repaired. */
async function resolve(client: pg.ClientBase, task: HeldTask, stream: Stream, counts: WriteCounts): Promise<void> {
  const open = await client.query<{kind: 'rejected' | 'repaired'}>(
    `select kind from (values ('rejected'), ('repaired')) k(kind) where exists (select 1 from clarifai_sync.rejects r
       where r.scope_id = $1 and r.stream = $2 and r.kind = k.kind and r.resolved_at is null)`,
    [task.scopeId, stream.name],
  );
  for (const {kind} of open.rows) {
    const ofKind = counts.rejects.filter((reject) => reject.kind === kind);
    const well = kind === 'rejected' ? counts.storedIdentities() : counts.writtenIdentities();
    await client.query(
      `update clarifai_sync.rejects r set resolved_at = clock_timestamp() from unnest($4::text[]) w(identity)
       where r.scope_id = $1 and r.stream = $2 and r.kind = $3 and r.resolved_at is null and r.identity = w.identity
         and not exists (select 1 from unnest($5::text[], $6::text[]) k(identity, reason)
           where k.identity = r.identity and k.reason = r.reason)`,
      [
        task.scopeId,
        stream.name,
        kind,
        arrayText(well),
        arrayText(ofKind.map(identityOf)),
        arrayText(ofKind.map(({reason}) => reason)),
      ],
    );
  }
}

function identityOf({key, digest, raw, detail}: PreparedReject): string {
  return key === null ? keylessIdentity(digest, raw ?? detail) : recordIdentity(key, digest);
}

/** Resolves what is listed of records that are proved gone. */
export async function resolveGone(
  client: pg.ClientBase,
  task: HeldTask,
  stream: Stream,
  keys: readonly (readonly string[])[],
): Promise<void> {
  await client.query(
    `update clarifai_sync.rejects set resolved_at = clock_timestamp() where scope_id = $1 and stream = $2
       and resolved_at is null and identity = any ($3::text[])`,
    [task.scopeId, stream.name, arrayText(keys.map((key) => recordIdentity(key, undefined)))],
  );
}

/** Resolves what is listed of records below parents that live no more: no pass will come by there. */
export async function resolveUnderGone(
  client: pg.ClientBase,
  schema: string,
  task: HeldTask,
  stream: Stream,
  parent: string,
): Promise<void> {
  const key = `array[${keyNames(streamNamed(parent))
    .map((name) => `p.${ident(name)}`)
    .join(', ')}]`;
  await client.query(
    `update clarifai_sync.rejects r set resolved_at = clock_timestamp() where scope_id = $1 and stream = $2
       and resolved_at is null and parent <> '{}' and not exists (select 1 from ${ident(schema, parent)} p
         where p.user_id = $3 and p.app_id = $4 and p._sync_deleted_at is null and ${key} = r.parent)`,
    [task.scopeId, stream.name, task.scope.userId, task.scope.appId],
  );
}
