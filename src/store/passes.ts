import type {Cursor} from '../core/cursor.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {rowSequence} from './tables.ts';
import {noteRead} from './stream-states.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** One complete reading of a stream (or of what lies under one parent), as the ledger keeps it. */
export interface Pass {
  readonly passId: string;
  readonly parent: readonly string[];
  /** Which of the stream's lists is being read. */
  readonly listIndex: number;
  /** Where reading goes on; null at the start of a list. */
  readonly cursor: Cursor | null;
  readonly lastRow: string;
  /** Nothing of this scope (under this parent) was stored when the pass began. */
  readonly isEmpty: boolean;
  /** The source's own time when the pass began, epoch ms: maybe runs ago. */
  readonly sourceTimeMs: number | null;
  /** The marker had settled when the pass began: all that it stands for could be read from the first page on. */
  readonly isMarkerSettled: boolean;
}

export interface PassStart {
  readonly parent: readonly string[];
  /** What is asked for; a pass that was begun with another request begins anew. */
  readonly requestHash: string;
  readonly sweepMs: number;
}

/**
 * Carries on the pass that an earlier attempt or run left, or begins a new one. A pass over a numbered list begins anew
 * when the marker has moved since, or when nothing tells that it has not: pages shift under the reader. Not so within one
 * full reading that several runs share (ARCHITECTURE.md, "Full runs in slices"), or it would never end.
 */
export async function openPass(store: Store, task: HeldTask, stream: Stream, start: PassStart): Promise<Pass> {
  return await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    const isOfThisSweep = `exists (select 1 from clarifai_sync.runs b where b.run_id = passes.run_id and b.sequence >= $7::bigint)`;
    const isUnmoved = `(cursor is null and list_index = 0) or marker = $6`;
    const goesOn =
      `request_hash = $4 and started_at > clock_timestamp() - $5 * interval '1 ms'` +
      (stream.pages !== 'last_id'
        ? ` and (${isUnmoved} or ${isOfThisSweep})`
        : ` and ($6::text is null or $7::bigint is null or true)`);
    // What only two passes can prove gone must not be missed by both because pages shift under them.
    const sweepFrom = stream.proof.kind === 'twice' ? null : task.sweepFrom;
    const found = await client.query<PassRow>(
      `select ${PASS_COLUMNS} from clarifai_sync.passes where scope_id = $1 and stream = $2 and parent = $3
         and ${goesOn}`,
      [task.scopeId, stream.name, start.parent, start.requestHash, start.sweepMs, task.marker, sweepFrom],
    );
    if (found.rows[0] !== undefined) {
      return passOf(found.rows[0], false);
    }
    await client.query('delete from clarifai_sync.passes where scope_id = $1 and stream = $2 and parent = $3', [
      task.scopeId,
      stream.name,
      start.parent,
    ]);
    const rows = await client.query<PassRow & {known: boolean}>(
      `insert into clarifai_sync.passes (scope_id, stream, parent, run_id, request_hash, marker, marker_settled, source_time, last_row)
       select $1, $2, $3, $4, $5, $6, $7, $8, case when is_called then last_value else 0 end from ${rowSequence(store.schema, stream)}
       returning ${PASS_COLUMNS}, exists (select 1 from ${ident(store.schema, stream.name)} t
         where t.user_id = $9 and t.app_id = $10${parentFilter(stream, 11)}) as known`,
      [
        task.scopeId,
        stream.name,
        start.parent,
        task.runId,
        start.requestHash,
        task.marker,
        task.isMarkerSettled,
        task.sourceTimeMs === null ? null : new Date(task.sourceTimeMs),
        task.scope.userId,
        task.scope.appId,
        ...(stream.under === undefined ? [] : start.parent),
      ],
    );
    const row = rows.rows[0] as PassRow & {known: boolean};
    return passOf(row, !row.known);
  });
}

const PASS_COLUMNS = 'pass_id::text, parent, list_index, cursor, last_row::text, source_time, marker_settled';

interface PassRow {
  pass_id: string;
  parent: string[];
  list_index: number;
  cursor: Cursor | null;
  last_row: string;
  source_time: Date | null;
  marker_settled: boolean;
}

function passOf(row: PassRow, isEmpty: boolean): Pass {
  return {
    passId: row.pass_id,
    parent: row.parent,
    listIndex: row.list_index,
    cursor: row.cursor,
    lastRow: row.last_row,
    isEmpty,
    sourceTimeMs: row.source_time?.getTime() ?? null,
    isMarkerSettled: row.marker_settled,
  };
}

/** ` and t.dataset_id = $n …` for the rows under one parent; nothing for streams that have none. */
export function parentFilter(stream: Stream, firstParam: number): string {
  if (stream.under === undefined) return '';
  return Object.values(stream.under.keys)
    .map((ours, i) => ` and t.${ident(ours)} = $${firstParam + i}`)
    .join('');
}

/** What a pass that ended missed. */
export interface Missing {
  readonly rows: number;
  /** Marker at the pass's start, if it was settled then: equal to the marker afterwards, it proves what is missing. */
  readonly settledMarker: string | null;
}

/**
 * What a pass marked is joined to the rows by a hash table. Tables that nobody has analysed look empty to the planner,
 * and its nested loop then compared each row with each block: 5 us a row at 100,000 rows, growing with them.
 */
const HASH_JOINS = 'set local enable_nestloop = off; set local enable_mergejoin = off';

/** The rows that were there before the pass and that it did not see; parameters of `missedParams`, from `$n` on. */
function missedRows(store: Store, stream: Stream, n: number): string {
  return `${ident(store.schema, stream.name)} t
    left join clarifai_sync.seen_marks m on m.pass_id = $${n} and m.block = t._sync_row >> 12
    where t.user_id = $${n + 1} and t.app_id = $${n + 2}${parentFilter(stream, n + 4)} and t._sync_deleted_at is null
      and t._sync_row <= $${n + 3} and (m.bits is null or get_bit(m.bits, (t._sync_row & 4095)::int) = 0)`;
}

const missedParams = (task: HeldTask, stream: Stream, pass: Pass): readonly unknown[] => [
  pass.passId,
  task.scope.userId,
  task.scope.appId,
  pass.lastRow,
  ...(stream.under === undefined ? [] : pass.parent),
];

/** Did a pass that read every list to its empty page miss any row? Reads all rows of the stream, and changes nothing. */
export async function missesAny(store: Store, task: HeldTask, stream: Stream, pass: Pass): Promise<boolean> {
  return await store.database.transaction(async (client) => {
    await client.query(HASH_JOINS);
    const missed = await client.query(`select from ${missedRows(store, stream, 1)} limit 1`, [
      ...missedParams(task, stream, pass),
    ]);
    return (missed.rowCount ?? 0) > 0;
  });
}

/**
 * Ends a pass that read every list to its empty page: rows that were there before it and that it did not see become
 * candidates for deletion (design, section 4). Nothing is deleted here.
 * @param mayMiss false: `missesAny` found none
 */
export async function completePass(
  store: Store,
  task: HeldTask,
  stream: Stream,
  pass: Pass,
  requestHash: string,
  mayMiss = true,
): Promise<Missing> {
  const key = `array[${keyNames(stream)
    .map((name) => `t.${ident(name)}`)
    .join(', ')}]`;
  return await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    const facts = await client.query<PassFacts>(
      `select p.known_read::text, p.keyless_rejects::text, p.marker, p.marker_settled, p.started_at,
         (select b.sequence::text from clarifai_sync.runs b where b.run_id = p.run_id) as began_in,
         (select coalesce(sum(length(replace(bits::text, '0', ''))), 0)::text from clarifai_sync.seen_marks m where m.pass_id = p.pass_id) as marked
       from clarifai_sync.passes p where p.pass_id = $1`,
      [pass.passId],
    );
    const fact = facts.rows[0];
    let rows = 0;
    if (fact === undefined) return {rows, settledMarker: null};
    // A record whose key cannot be read may be any row: nothing counts as missing until it is gone (invariant 8).
    if (mayMiss && fact.keyless_rejects === '0') {
      await client.query(HASH_JOINS);
      const missed = await client.query(
        `insert into clarifai_sync.candidates as c (scope_id, stream, parent, key, pass_id, clean)
         select $1, $2, $3, ${key}, $5, $4 from ${missedRows(store, stream, 5)}
         on conflict (scope_id, stream, key) do update set pass_id = excluded.pass_id, misses = c.misses + 1,
           marker_proved = false, clean = excluded.clean`,
        [task.scopeId, stream.name, pass.parent, fact.marked === fact.known_read, ...missedParams(task, stream, pass)],
      );
      rows = missed.rowCount ?? 0;
    }
    // What an earlier pass missed and this one saw lives.
    await client.query(
      'delete from clarifai_sync.candidates where scope_id = $1 and stream = $2 and parent = $3 and pass_id <> $4',
      [task.scopeId, stream.name, pass.parent, pass.passId],
    );
    await client.query(
      `update clarifai_sync.rejects set resolved_at = clock_timestamp() where scope_id = $1 and stream = $2
         and kind = 'rejected' and resolved_at is null and last_seen_at < $3 and parent = $4`,
      [task.scopeId, stream.name, fact.started_at, pass.parent],
    );
    await client.query('delete from clarifai_sync.passes where pass_id = $1', [pass.passId]);
    if (stream.under === undefined) {
      await noteRead(client, task, stream, requestHash);
    } else {
      await client.query(
        `insert into clarifai_sync.parent_reads (scope_id, stream, parent, sequence, marker, request_hash) values ($1, $2, $3, $4, $5, $6)
         on conflict (scope_id, stream, parent) do update set sequence = excluded.sequence, marker = excluded.marker,
           request_hash = excluded.request_hash, read_at = clock_timestamp()`,
        // What an earlier run began counts as read then: what has told of a change since, on pages behind, has it read again.
        // A marker that had not settled spares nothing: what it stands for may not have shown yet.
        [
          task.scopeId,
          stream.name,
          pass.parent,
          fact.began_in ?? task.sequence,
          fact.marker_settled ? fact.marker : null,
          requestHash,
        ],
      );
    }
    return {rows, settledMarker: fact.marker_settled ? fact.marker : null};
  });
}

/**
 * Some of what a pass missed: a third of `count` from each end of the table, where a list that is cut short lacks what is
 * there, and a third from in between. None whose key was repaired: by that it cannot be
 * asked for.
 */
export async function spreadCandidates(
  store: Store,
  task: HeldTask,
  stream: Stream,
  pass: Pass,
  count: number,
): Promise<string[][]> {
  const matches = keyNames(stream)
    .map((name, part) => `t.${ident(name)} = c.key[${part + 1}]`)
    .join(' and ');
  const rows = await store.database.query<{key: string[]}>(
    `select key from (select c.key, row_number() over (order by t._sync_row) - 1 as n, count(*) over () as total
       from clarifai_sync.candidates c join ${ident(store.schema, stream.name)} t on t.user_id = $4 and t.app_id = $5 and ${matches}
       where c.scope_id = $1 and c.stream = $2 and c.pass_id = $3 and not exists (select 1 from clarifai_sync.repaired_keys k
         where k.scope_id = c.scope_id and k.stream = c.stream and k.key = c.key)) missing
     where n < $6 or n >= total - $6 or n % greatest(1, total / $6) = 0 order by n`,
    [task.scopeId, stream.name, pass.passId, task.scope.userId, task.scope.appId, Math.floor(count / 3)],
  );
  return rows.map((row) => row.key);
}

/** The marker, asked for after the pass, was still the settled one from its start: its candidates are proved gone. */
export async function proveByMarker(store: Store, task: HeldTask, stream: Stream, pass: Pass): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      'update clarifai_sync.candidates set marker_proved = true where scope_id = $1 and stream = $2 and pass_id = $3',
      [task.scopeId, stream.name, pass.passId],
    );
  });
}

interface PassFacts {
  known_read: string;
  keyless_rejects: string;
  marker: string | null;
  marker_settled: boolean;
  started_at: Date;
  began_in: string | null;
  marked: string;
}
