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
  const swept = stream.marker ? `and (r.marker is null or $4::text is null or r.marker <> $4)` : 'and ($4::text is null or true)';
  return await parents(
    store,
    task,
    stream,
    `(p._sync_sequence = $3 or r.parent is null or ${pending} or
      (r.read_at < clock_timestamp() - $5 * interval '1 ms' ${swept}) or
      exists (select 1 from clarifai_sync.signs s where s.scope_id = $6 and s.stream = '${parent.name}' and s.key = r.parent
        and (s.sequence > r.sequence or s.sequence = $3)))`,
    [task.sequence, task.marker, sweepMs, task.scopeId],
  );
}

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
     where p.user_id = $1 and p.app_id = $2 and p._sync_deleted_at is null and ${condition} order by 1`,
    [task.scope.userId, task.scope.appId, ...(values.length === 0 ? [task.scopeId] : values)],
  );
  return rows.map((row) => row.parent);
}

/** Which parents this run has already read in full under, so that an attempt after a crash goes on behind them. */
export async function parentsReadIn(store: Store, task: HeldTask, stream: Stream): Promise<Set<string>> {
  const rows = await store.database.query<{parent: string[]}>(
    'select parent from clarifai_sync.parent_reads where scope_id = $1 and stream = $2 and sequence = $3',
    [task.scopeId, stream.name, task.sequence],
  );
  return new Set(rows.map((row) => JSON.stringify(row.parent)));
}

/** Ids that changed records of this run name as sets whose members they changed (bulk operations), each once. */
export async function namedMembers(store: Store, task: HeldTask, naming: Stream): Promise<Set<string>> {
  const rows = await store.database.query<{raw: unknown}>(
    `select raw from ${ident(store.schema, naming.name)} where user_id = $1 and app_id = $2 and _sync_sequence = $3`,
    [task.scope.userId, task.scope.appId, task.sequence],
  );
  return new Set(rows.flatMap((row) => naming.namesMembersOf?.ids(row.raw) ?? []));
}

/** Keys of living rows whose status says that they will still change, oldest change first. */
export async function pendingKeys(store: Store, task: HeldTask, stream: Stream, limit: number): Promise<string[][]> {
  if (stream.pendingCodes.length === 0) return [];
  const key = `array[${keyNames(stream)
    .map((name) => ident(name))
    .join(', ')}]`;
  const rows = await store.database.query<{key: string[]}>(
    `select ${key} as key from ${ident(store.schema, stream.name)} where user_id = $1 and app_id = $2
       and status_code in (${stream.pendingCodes.join(', ')}) and _sync_deleted_at is null order by 1 limit $3`,
    [task.scope.userId, task.scope.appId, limit],
  );
  return rows.map((row) => row.key);
}
