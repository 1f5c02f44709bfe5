import {keyNames, type Stream} from '../streams/stream.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import type {HeldTask} from './tasks.ts';

/** Living parents of a stream in key order: all of them. */
export async function allParents(store: Store, task: HeldTask, stream: Stream): Promise<string[][]> {
  return await parents(store, task, stream, 'true', []);
}

/**
 * Living parents whose children may have changed: new, changed or returned in this run; never read; showing another
 * sign than at their last reading; with a child that is not final yet; or not read for `sweepMs` (for streams that the
 * marker covers: only while it has moved since).
 */
export async function dueParents(store: Store, task: HeldTask, stream: Stream, sweepMs: number): Promise<string[][]> {
  const parent = streamNamed(stream.under?.stream ?? '');
  const table = ident(store.schema, stream.name);
  const matches = Object.entries(stream.under?.keys ?? {})
    .map(([theirs, ours]) => `c.${ident(ours)} = p.${ident(theirs)}`)
    .join(' and ');
  const pending =
    stream.pendingCodes.length === 0
      ? 'false'
      : `exists (select 1 from ${table} c where c.user_id = p.user_id and c.app_id = p.app_id and ${matches}
           and c.status_code in (${stream.pendingCodes.join(', ')}) and c._sync_deleted_at is null)`;
  const swept = stream.marker
    ? `and (r.marker is null or $4::text is null or r.marker <> $4)`
    : 'and ($4::text is null or true)';
  return await parents(
    store,
    task,
    stream,
    `(p._sync_sequence = $3 or p._sync_sequence > r.sequence or r.parent is null or ${pending} or
      (r.read_at < clock_timestamp() - $5 * interval '1 ms' ${swept}) or
      exists (select 1 from clarifai_sync.signs s where s.scope_id = $6 and s.stream = '${parent.name}' and s.key = r.parent
        and (s.sequence > r.sequence or s.sequence = $3)))`,
    [task.sequence, task.marker, sweepMs, task.scopeId],
  );
}

/** A parent whose key had to be repaired is left out: by that key the API knows another one, or none. */
async function parents(
  store: Store,
  task: HeldTask,
  stream: Stream,
  condition: string,
  values: readonly unknown[],
): Promise<string[][]> {
  const parent = streamNamed(stream.under?.stream ?? '');
  const key = `array[${keyNames(parent)
    .map((name) => `p.${ident(name)}`)
    .join(', ')}]`;
  const scopeParam = values.length === 0 ? '$3' : '$6';
  const rows = await store.database.query<{parent: string[]}>(
    `select ${key} as parent from ${ident(store.schema, parent.name)} p
     left join clarifai_sync.parent_reads r on r.scope_id = ${scopeParam} and r.stream = '${stream.name}' and r.parent = ${key}
     where p.user_id = $1 and p.app_id = $2 and p._sync_deleted_at is null and ${condition}
       and not exists (select 1 from clarifai_sync.repaired_keys k
         where k.scope_id = ${scopeParam} and k.stream = '${parent.name}' and k.key = ${key}) order by 1`,
    [task.scope.userId, task.scope.appId, ...(values.length === 0 ? [task.scopeId] : values)],
  );
  return rows.map((row) => row.parent);
}

/**
 * Parents that records of another stream (bulk operations) name as changed, each with the newest run in which one that
 * names it changed. An interrupted run may have read them without the parents.
 */
export async function namedParents(store: Store, task: HeldTask, naming: Stream): Promise<Map<string, bigint>> {
  const rows = await store.database.query<{raw: unknown; sequence: string}>(
    `select raw, _sync_sequence::text as sequence from ${ident(store.schema, naming.name)} where user_id = $1 and app_id = $2`,
    [task.scope.userId, task.scope.appId],
  );
  const named = new Map<string, bigint>();
  for (const {raw, sequence} of rows) {
    for (const id of naming.namesMembersOf?.ids(raw) ?? []) {
      if (BigInt(sequence) > (named.get(id) ?? 0n)) named.set(id, BigInt(sequence));
    }
  }
  return named;
}

/** In which run each parent was last read under; JSON text of its key. */
export async function parentReads(store: Store, task: HeldTask, stream: Stream): Promise<Map<string, bigint>> {
  const rows = await store.database.query<{parent: string[]; sequence: string}>(
    'select parent, sequence::text from clarifai_sync.parent_reads where scope_id = $1 and stream = $2',
    [task.scopeId, stream.name],
  );
  return new Map(rows.map((row) => [JSON.stringify(row.parent), BigInt(row.sequence)]));
}
