import {streamNamed} from '../streams/catalogue.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import type {HeldTask} from './tasks.ts';

/** Share of `sweepMs` over which the parents that were read together are spread when they are read again. */
const SPREAD = 0.25;

/** A parent whose children are to be read. */
export interface DueParent {
  readonly key: readonly string[];
  /** Nothing tells that it has changed: it was only not looked at for long. */
  readonly isRotation: boolean;
}

/** Living parents of a stream that can have children, the one that was not read for longest first. */
export async function allParents(store: Store, task: HeldTask, stream: Stream): Promise<string[][]> {
  const rows = await parents(store, task, stream, 'true', 'false', []);
  return rows.map(({parent}) => parent);
}

/** The same, less those that were read with this request: what is left of a first reading. */
export async function unreadParents(
  store: Store,
  task: HeldTask,
  stream: Stream,
  requestHash: string,
): Promise<string[][]> {
  const rows = await parents(store, task, stream, 'r.request_hash is distinct from $4', 'false', [requestHash]);
  return rows.map(({parent}) => parent);
}

/**
 * Living parents whose children may have changed: new, changed or returned in this run; never read; showing another
 * sign than at their last reading; in a state in which they change all the time; with a child that is not final yet, or
 * that only a second reading can prove gone; or not read for `sweepMs` (for streams that the marker covers: only while it has moved since). Those that were read
 * together come again one by one, over the last quarter of that time.
 */
export async function dueParents(
  store: Store,
  task: HeldTask,
  stream: Stream,
  sweepMs: number,
): Promise<readonly DueParent[]> {
  const swept = stream.marker
    ? `and (r.marker is null or $5::text is null or r.marker <> $5)`
    : 'and ($5::text is null or true)';
  const spread = `(1 - ${SPREAD} * (hashtext(array_to_string(r.parent, '/')) & 1023) / 1024)`;
  const rotation = `(r.read_at < clock_timestamp() - $6 * ${spread} * interval '1 ms' ${swept})`;
  const told = `(p._sync_sequence = $4 or p._sync_sequence > r.sequence or r.parent is null or ${hasPendingChild(store, stream)}
    or ${isLive(stream)} or ${hasMissingChild(stream)} or exists (select 1 from clarifai_sync.signs s where s.scope_id = $3 and s.stream = '${parentOf(stream).name}'
      and s.key = r.parent and (s.sequence > r.sequence or s.sequence = $4)))`;
  const rows = await parents(store, task, stream, `(${told} or ${rotation})`, `not ${told}`, [
    task.sequence,
    task.marker,
    sweepMs,
  ]);
  return rows.map(({parent, rotation: isRotation}) => ({key: parent, isRotation}));
}

/**
 * For what does not change once it is there: parents never read, those that are back with their children gone, and those
 * with a child that only a second reading can prove gone.
 */
export async function unfixedParents(store: Store, task: HeldTask, stream: Stream): Promise<string[][]> {
  const lost = `exists (select 1 from ${ident(store.schema, stream.name)} c where ${childOf(stream)} and c._sync_deleted_at > r.read_at)`;
  const rows = await parents(
    store,
    task,
    stream,
    `(r.parent is null or ${lost} or ${hasMissingChild(stream)})`,
    'false',
    [],
  );
  return rows.map(({parent}) => parent);
}

const parentOf = (stream: Stream): Stream => streamNamed(stream.under?.stream ?? '');

/** SQL: is row c one of the children of row p? */
function childOf(stream: Stream): string {
  const keys = Object.entries(stream.under?.keys ?? {}).map(
    ([theirs, ours]) => `c.${ident(ours)} = p.${ident(theirs)}`,
  );
  return ['c.user_id = p.user_id', 'c.app_id = p.app_id', ...keys].join(' and ');
}

function hasPendingChild({schema}: Store, stream: Stream): string {
  if (stream.pendingCodes.length === 0) return 'false';
  return `exists (select 1 from ${ident(schema, stream.name)} c where ${childOf(stream)}
    and c.status_code in (${stream.pendingCodes.join(', ')}) and c._sync_deleted_at is null)`;
}

/** SQL: did the last reading miss a child that cannot be asked for by its id? */
const hasMissingChild = ({name, proof}: Stream): string =>
  proof.kind !== 'twice'
    ? 'false'
    : `exists (select 1 from clarifai_sync.candidates m where m.scope_id = $3 and m.stream = '${name}' and m.parent = r.parent)`;

const isLive = ({under}: Stream): string =>
  under?.live === undefined ? 'false' : `coalesce(p.status_code in (${under.live.join(', ')}), false)`;

const isReady = ({under}: Stream): string =>
  under?.ready === undefined ? 'true' : `p.status_code in (${under.ready.join(', ')})`;

/**
 * A parent whose key had to be repaired is left out: by that key the API knows another one, or none.
 * @param condition on p, the parent's row, and r, its last reading; $1 to $3 are user, app and scope
 * @param values of $4 and so on
 */
async function parents(
  store: Store,
  task: HeldTask,
  stream: Stream,
  condition: string,
  rotation: string,
  values: readonly unknown[],
): Promise<{parent: string[]; rotation: boolean}[]> {
  const parent = parentOf(stream);
  const key = `array[${keyNames(parent)
    .map((name) => `p.${ident(name)}`)
    .join(', ')}]`;
  return await store.database.query<{parent: string[]; rotation: boolean}>(
    `select ${key} as parent, ${rotation} as rotation from ${ident(store.schema, parent.name)} p
     left join clarifai_sync.parent_reads r on r.scope_id = $3 and r.stream = '${stream.name}' and r.parent = ${key}
     where p.user_id = $1 and p.app_id = $2 and p._sync_deleted_at is null and ${isReady(stream)} and ${condition}
       and not exists (select 1 from clarifai_sync.repaired_keys k
         where k.scope_id = $3 and k.stream = '${parent.name}' and k.key = ${key})
     order by r.read_at nulls first, 1`,
    [task.scope.userId, task.scope.appId, task.scopeId, ...values],
  );
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

/** Time since the stream was last read without failing, ms; null when it never was. */
export async function sinceLastRead(store: Store, task: HeldTask, stream: Stream): Promise<number | null> {
  const [row] = await store.database.query<{ms: number | null}>(
    `select (extract(epoch from clock_timestamp() - max(s.finished_at)) * 1000)::float8 as ms
     from clarifai_sync.stream_runs s join clarifai_sync.runs r using (run_id)
     where r.scope_id = $1 and s.stream = $2 and s.outcome in ('succeeded', 'skipped') and r.run_id <> $3`,
    [task.scopeId, stream.name, task.runId],
  );
  return row?.ms ?? null;
}
