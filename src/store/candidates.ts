import {keyNames, type Stream} from '../streams/stream.ts';
import {moveLiveRows} from './counts.ts';
import type {Store} from './ledger.ts';
import {resolveGone, resolveUnderGone} from './note-rejects.ts';
import {arrayText, ident} from './quote.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** A row that a pass missed, and what is known towards a proof. */
export interface Candidate {
  readonly key: readonly string[];
  readonly misses: number;
  /** The marker stood still, settled, around the pass that missed it. */
  readonly isMarkerProved: boolean;
  /** The pass read nothing twice. */
  readonly isClean: boolean;
  /** The key had to be repaired: by this key the API knows another record, or none. */
  readonly isRepaired: boolean;
}

/** Rows of a stream that wait for a proof, those missed by a clean pass first, at most `limit`. */
export async function candidates(store: Store, task: HeldTask, stream: Stream, limit: number): Promise<Candidate[]> {
  const rows = await store.database.query<CandidateRow>(
    `select key, misses, marker_proved, clean, k.key is not null as repaired from clarifai_sync.candidates
       left join clarifai_sync.repaired_keys k using (scope_id, stream, key)
     where scope_id = $1 and stream = $2 order by repaired, clean desc, key limit $3`,
    [task.scopeId, stream.name, limit],
  );
  return rows.map((row) => ({
    key: row.key,
    misses: row.misses,
    isMarkerProved: row.marker_proved,
    isClean: row.clean,
    isRepaired: row.repaired,
  }));
}

interface CandidateRow {
  key: string[];
  misses: number;
  marker_proved: boolean;
  clean: boolean;
  repaired: boolean;
}

/** How many rows of each stream wait for a proof; of streams that are not there, none. */
export async function candidateCounts(store: Store, task: HeldTask): Promise<ReadonlyMap<string, number>> {
  const rows = await store.database.query<{stream: string; n: string}>(
    'select stream, count(*)::text as n from clarifai_sync.candidates where scope_id = $1 group by stream',
    [task.scopeId],
  );
  return new Map(rows.map(({stream, n}) => [stream, Number(n)]));
}

/** The same of one stream by now. */
export async function candidateCount(store: Store, task: HeldTask, stream: Stream): Promise<number> {
  const [row] = await store.database.query<{n: string}>(
    'select count(*)::text as n from clarifai_sync.candidates where scope_id = $1 and stream = $2',
    [task.scopeId, stream.name],
  );
  return Number(row?.n ?? 0);
}

export async function liveCount(store: Store, task: HeldTask, stream: Stream): Promise<number> {
  const [row] = await store.database.query<{n: string}>(
    `select count(*)::text as n from ${ident(store.schema, stream.name)}
     where user_id = $1 and app_id = $2 and _sync_deleted_at is null`,
    [task.scope.userId, task.scope.appId],
  );
  return Number(row?.n ?? 0);
}

/** A row that lives and is no candidate: it goes along in a proof by list, to show that the list is good. Null: none. */
export async function controlKey(store: Store, task: HeldTask, stream: Stream): Promise<readonly string[] | null> {
  const key = `array[${keyNames(stream)
    .map((name) => `t.${ident(name)}`)
    .join(', ')}]`;
  const [row] = await store.database.query<{key: string[]}>(
    `select ${key} as key from ${ident(store.schema, stream.name)} t
     where user_id = $1 and app_id = $2 and _sync_deleted_at is null
       and not exists (select 1 from clarifai_sync.candidates c where c.scope_id = $3 and c.stream = $4 and c.key = ${key})
       and not exists (select 1 from clarifai_sync.repaired_keys k where k.scope_id = $3 and k.stream = $4 and k.key = ${key})
     limit 1`,
    [task.scope.userId, task.scope.appId, task.scopeId, stream.name],
  );
  return row?.key ?? null;
}

/** What the proof said of some candidates. */
export interface Verdict {
  readonly gone: readonly (readonly string[])[];
  readonly alive: readonly (readonly string[])[];
}

/** Marks the rows that are proved gone, and forgets the candidates that live, in one commit. Gives rows marked. */
export async function bury(store: Store, task: HeldTask, stream: Stream, verdict: Verdict): Promise<number> {
  const parts = keyNames(stream).length;
  const settled = [...verdict.gone, ...verdict.alive];
  if (settled.length === 0) return 0;
  return await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    const columns = (keys: readonly (readonly string[])[]): string[] =>
      Array.from({length: parts}, (_, p) => arrayText(keys.map((key) => key[p] as string)));
    const buried = await client.query<{deleted: number}>(store.sqlOf(stream).bury, [
      task.scope.userId,
      task.scope.appId,
      task.runId,
      task.sequence,
      ...columns(verdict.gone),
    ]);
    const deleted = buried.rows[0]?.deleted ?? 0;
    const key = `array[${Array.from({length: parts}, (_, p) => `k.k${p}`).join(', ')}]`;
    await client.query(
      `delete from clarifai_sync.candidates c using unnest(${Array.from({length: parts}, (_, p) => `$${p + 3}::text[]`).join(', ')})
         k(${Array.from({length: parts}, (_, p) => `k${p}`).join(', ')})
       where c.scope_id = $1 and c.stream = $2 and c.key = ${key}`,
      [task.scopeId, stream.name, ...columns(settled)],
    );
    await addDeleted(client, task, stream.name, deleted);
    await moveLiveRows(client, task.scopeId, stream, -deleted);
    await resolveGone(client, task, stream, verdict.gone);
    return deleted;
  });
}

/**
 * Marks the living children of buried parents: of those buried in this run, or of all when `all` is set. Without
 * asking and outside the guard (design, section 4). Gives rows marked.
 */
export async function cascade(
  store: Store,
  task: HeldTask,
  stream: Stream,
  parent: string,
  all: boolean,
): Promise<number> {
  const step = store.sqlOf(stream).cascades.find((each) => each.parent === parent);
  if (step === undefined) return 0;
  return await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    // A table that was never analysed looks empty to the planner, which then reads all parents for each child.
    await client.query('set local enable_nestloop = off');
    const buried = await client.query<{deleted: number}>(step.sql, [
      task.scope.userId,
      task.scope.appId,
      task.runId,
      task.sequence,
      all ? null : task.sequence,
    ]);
    const deleted = buried.rows[0]?.deleted ?? 0;
    await addDeleted(client, task, stream.name, deleted);
    await moveLiveRows(client, task.scopeId, stream, -deleted);
    if (stream.under?.stream === parent) await resolveUnderGone(client, store.schema, task, stream, parent);
    if (deleted > 0) {
      await client.query(
        `delete from clarifai_sync.candidates c where scope_id = $1 and stream = $2 and not exists
           (select 1 from ${ident(store.schema, stream.name)} t where t.user_id = $3 and t.app_id = $4 and t._sync_deleted_at is null
            and array[${keyNames(stream)
              .map((name) => `t.${ident(name)}`)
              .join(', ')}] = c.key)`,
        [task.scopeId, stream.name, task.scope.userId, task.scope.appId],
      );
    }
    return deleted;
  });
}

/**
 * A stream that was not asked for in this run may still lose rows by cascade: it gets a line of its own then. One that had
 * nothing to read has done something after all.
 */
async function addDeleted(
  client: {query: (text: string, values: unknown[]) => Promise<unknown>},
  task: HeldTask,
  stream: string,
  deleted: number,
): Promise<void> {
  if (deleted === 0) return;
  await client.query(
    `insert into clarifai_sync.stream_runs as s (run_id, stream, strategy, outcome, deleted) values ($1, $2, 'cascade', 'succeeded', $3)
     on conflict (run_id, stream) do update set deleted = s.deleted + excluded.deleted,
       outcome = case s.outcome when 'skipped' then excluded.outcome else s.outcome end`,
    [task.runId, stream, deleted],
  );
}

/** Has anything been deleted in this run so far? */
export async function hasDeleted(store: Store, task: HeldTask): Promise<boolean> {
  const rows = await store.database.query(
    'select 1 from clarifai_sync.stream_runs where run_id = $1 and deleted > 0 limit 1',
    [task.runId],
  );
  return rows.length > 0;
}

/** Does a stream have rows whose deletion can take children along: deleted in this run, or ever when `all` is set? */
export async function hasBuried(store: Store, task: HeldTask, stream: string, all: boolean): Promise<boolean> {
  const rows = await store.database.query(
    all
      ? `select 1 from ${ident(store.schema, stream)} where user_id = $1 and app_id = $2 and _sync_deleted_at is not null limit 1`
      : 'select 1 from clarifai_sync.stream_runs where run_id = $1 and stream = $2 and deleted > 0',
    all ? [task.scope.userId, task.scope.appId] : [task.runId, stream],
  );
  return rows.length > 0;
}

/** Notes how many deletions the guard holds back, or how many still wait for a proof. */
export async function noteHeldBack(
  store: Store,
  task: HeldTask,
  stream: Stream,
  heldBack: number,
  unproved: number,
): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      'update clarifai_sync.stream_runs set held_back = $3, unproved = $4 where run_id = $1 and stream = $2',
      [task.runId, stream.name, heldBack, unproved],
    );
  });
}

/** Closes the run: from here on it takes no commit, and only its sinks are left. Locks as endCrawl does. */
export async function closeRun(store: Store, task: HeldTask): Promise<void> {
  await store.database.transaction(async (client) => {
    await client.query('select 1 from clarifai_sync.runs where run_id = $1 for no key update', [task.runId]);
    await guardFence(client, task, store.leaseMs);
    await client.query(`update clarifai_sync.tasks set state = 'done', holder = null where task_id = $1`, [
      task.taskId,
    ]);
    await client.query(
      `insert into clarifai_sync.tasks (run_id, kind, stream) select $1, 'apply', sink from unnest($2::text[]) sink
       on conflict do nothing`,
      [task.runId, task.options.sinks],
    );
    await client.query(
      `update clarifai_sync.runs set state = 'closed', closed_at = clock_timestamp() where run_id = $1 and state in ('reading', 'sealing')`,
      [task.runId],
    );
  });
}
