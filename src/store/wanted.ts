import type pg from 'pg';
import {CATALOGUE, streamNamed} from '../streams/catalogue.ts';
import {keyNames, type Parent, type Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {arrayText, ident} from './quote.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** A record to be read again by its key, and which note of it this is: a later note must not be taken for read. */
export interface Wanted {
  readonly key: readonly string[];
  readonly notedAt: string;
}

/** Notes inputs that other records told of. Nothing is noted while inputs have never been read: that reads all. */
export async function noteWantedInputs(store: Store, task: HeldTask, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      `insert into clarifai_sync.wanted as w (scope_id, stream, key) select $1, 'inputs', array[id]
       from (select distinct id from unnest($2::text[]) id order by 1) ids where ${INPUTS_WERE_READ}
       ${AGAIN}`,
      [task.scopeId, arrayText(ids)],
    );
  });
}

/**
 * Notes the inputs of input-level annotations that changed in this run, or by their own time since `since`. Reads all
 * annotations; for readings of the list, which takes longer.
 */
export async function noteInputsOfChanged(store: Store, task: HeldTask, since: string | null): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      `insert into clarifai_sync.wanted as w (scope_id, stream, key)
       select $1, 'inputs', array[input_id] from (select distinct input_id from ${ident(store.schema, 'annotations')}
         where user_id = $2 and app_id = $3 and input_level and _sync_deleted_at is null
           and (_sync_sequence = $4 or modified_at >= $5::timestamptz) order by 1) changed
       where ${INPUTS_WERE_READ}
       ${AGAIN}`,
      [task.scopeId, task.scope.userId, task.scope.appId, task.sequence, since],
    );
  });
}

/** The same of some inputs, for annotations that changed in this run. */
export async function noteInputsOfChangedAmong(store: Store, task: HeldTask, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const rows = await store.database.query<{id: string}>(
    `select distinct a.input_id as id from unnest($1::text[]) touched join ${ident(store.schema, 'annotations')} a
       on a.user_id = $2 and a.app_id = $3 and a.input_id = touched
     where a.input_level and a._sync_deleted_at is null and a._sync_sequence = $4`,
    [arrayText([...new Set(ids)]), task.scope.userId, task.scope.appId, task.sequence],
  );
  await noteWantedInputs(
    store,
    task,
    rows.map(({id}) => id),
  );
}

const INPUTS_WERE_READ = `exists (select 1 from clarifai_sync.stream_states s where s.scope_id = $1 and s.stream = 'inputs'
  and s.first_read_at is not null)`;

const AGAIN = 'on conflict (scope_id, stream, key) do update set noted_at = clock_timestamp()';

/**
 * Notes, within the commit that made rows alive again, what has to be read again because of them: what went with them
 * when they were deleted may be back without any change of its own. Streams that are read under a changed parent find
 * that by themselves (parents.ts).
 */
export async function noteReturned(
  client: pg.ClientBase,
  store: Store,
  task: HeldTask,
  stream: Stream,
  keys: readonly (readonly string[])[],
): Promise<void> {
  for (const child of CATALOGUE) {
    const parent = child.cascade?.find((each) => each.stream === stream.name);
    if (parent === undefined) continue;
    if (child.under === undefined) {
      await noteUnder(client, store, task, child, parent, keys);
    } else await forgetReads(client, store, task, child, child.under, parent, keys);
  }
}

/** Notes the returned records that have deleted rows of ours under them. */
async function noteUnder(
  client: pg.ClientBase,
  store: Store,
  task: HeldTask,
  child: Stream,
  parent: Parent,
  keys: readonly (readonly string[])[],
): Promise<void> {
  const names = ourKeys(parent);
  await client.query(
    `insert into clarifai_sync.wanted as w (scope_id, stream, key)
     select distinct $1::integer, $2, array[${names.map((_, part) => `k.k${part}`).join(', ')}] from ${unnested(names, 5)}
     where exists (select 1 from ${ident(store.schema, child.name)} t where t.user_id = $3 and t.app_id = $4
       and t._sync_deleted_at is not null and ${names.map((name, part) => `t.${ident(name)} = k.k${part}`).join(' and ')})
     order by 3 ${AGAIN}`,
    [task.scopeId, child.name, task.scope.userId, task.scope.appId, ...partsOf(names, keys)],
  );
}

/** Forgets the readings of the lists in which a returned record was. */
async function forgetReads(
  client: pg.ClientBase,
  store: Store,
  task: HeldTask,
  child: Stream,
  under: Parent,
  parent: Parent,
  keys: readonly (readonly string[])[],
): Promise<void> {
  const listed = `array[${Object.values(under.keys)
    .map((ours) => `t.${ident(ours)}`)
    .join(', ')}]`;
  const names = ourKeys(parent);
  await client.query(
    `delete from clarifai_sync.parent_reads r using ${ident(store.schema, child.name)} t,
       ${unnested(names, 5)}
     where r.scope_id = $1 and r.stream = $2 and r.parent = ${listed} and t.user_id = $3 and t.app_id = $4
       and t._sync_deleted_at is not null and ${names.map((name, part) => `t.${ident(name)} = k.k${part}`).join(' and ')}`,
    [task.scopeId, child.name, task.scope.userId, task.scope.appId, ...partsOf(names, keys)],
  );
}

/** Our key columns that name a record of the parent, in the order of its key. */
const ourKeys = (parent: Parent): string[] =>
  keyNames(streamNamed(parent.stream)).map((theirs) => parent.keys[theirs] as string);

/** Keys given as one array for each part, from parameter `first` on, as rows `k(k0, k1, …)`. */
const unnested = (names: readonly string[], first: number): string =>
  `unnest(${names.map((_, part) => `$${part + first}::text[]`).join(', ')}) k(${names.map((_, part) => `k${part}`).join(', ')})`;

const partsOf = (names: readonly string[], keys: readonly (readonly string[])[]): string[] =>
  names.map((_, part) => arrayText(keys.map((key) => key[part] as string)));

/** What is noted of a stream, oldest first, at most `limit`. */
export async function wanted(store: Store, task: HeldTask, stream: Stream, limit: number): Promise<Wanted[]> {
  const rows = await store.database.query<{key: string[]; noted: string}>(
    `select key, noted_at::text as noted from clarifai_sync.wanted where scope_id = $1 and stream = $2
     order by noted_at, key limit $3`,
    [task.scopeId, stream.name, limit],
  );
  return rows.map((row) => ({key: row.key, notedAt: row.noted}));
}

/** Forgets notes whose records have been read since, unless they were made anew. */
export async function dropWanted(store: Store, task: HeldTask, stream: Stream, read: readonly Wanted[]): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    for (const {key, notedAt} of read) {
      await client.query(
        `delete from clarifai_sync.wanted where scope_id = $1 and stream = $2 and key = $3 and noted_at = $4::timestamptz`,
        [task.scopeId, stream.name, key, notedAt],
      );
    }
  });
}
