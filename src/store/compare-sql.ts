import type {Stream} from '../streams/stream.ts';
import {keyNames} from '../streams/stream.ts';
import {ident} from './quote.ts';

/** Hexadecimal digits of a content hash (core/prepared.ts), and its length as stored. */
const HASH_DIGITS = 34;
const HASH_BYTES = HASH_DIGITS / 2;

/** Stands for the hash of what is only to be marked as seen: that of no record, since all begin with HASH_VERSION. */
export const NO_HASH = '0'.repeat(HASH_DIGITS);

/** Bits in one block of seen marks; see migrations/0001_ledger.ts. */
const BLOCK_SHIFT = 12;
const BLOCK_MASK = (1 << BLOCK_SHIFT) - 1;

/** Every so manieth record of a group is looked up to find the stretch of the table that the group is in. */
const SAMPLE_EVERY = 100;
/** Blocks of a stretch on either side of its middle, for a record of the group: rows that are larger are not in one. */
const BLOCKS_PER_RECORD = 4;

/**
 * The statement that tells which records of a group differ from the rows, and notes what was seen.
 * $1… one text[] for each key part, then hashes (one bytea, one after the other), user_id, app_id, pass (or null), the
 * pass's last row. Rows: n (0 first; -1 holds the count of known rows in `row`), row (null when there is none), whether
 * it is marked deleted.
 *
 * A list comes in one order, and its rows were stored in it: mostly a group is a stretch of the table. That stretch is
 * read as it lies and joined to the group by key, at half the processor time of as many searches in the index. Where it
 * is comes from a few of the records: from the middle one, and those around it, if they are more than half. A row that is
 * not in it is looked up by its key, so that a stretch that is not there, or is the wrong one, costs time and nothing else.
 */
export function compareSql(stream: Stream, table: string): string {
  const keys = keyNames(stream);
  const quoted = keys.map((key) => ident(key));
  const n = keys.length;
  const hashes = `$${n + 1}::bytea`;
  const scope = (row: string): string => `${row}.user_id = $${n + 2} and ${row}.app_id = $${n + 3}`;
  const pass = `$${n + 4}::bigint`;
  const lastRow = `$${n + 5}`;
  const isOf = (row: string): string => [scope(row), ...quoted.map((key) => `${row}.${key} = u.${key}`)].join(' and ');
  const state = '_sync_row, _sync_hash, _sync_deleted_at is not null as gone';
  const tid = (block: string, item: number): string => `(select '(' || ${block} || ',${item})' from stretch)::tid`;
  return [
    `with u as materialized (select * from unnest(${quoted.map((_, i) => `$${i + 1}::text[]`).join(', ')}) ` +
      `with ordinality u(${quoted.join(', ')}, n))`,
    `sample as materialized (select (t.ctid::text::point)[0]::bigint as block from u cross join lateral (` +
      `select ctid from ${table} t where ${isOf('t')} limit 1) t ` +
      `where u.n % ${SAMPLE_EVERY} = 1 or u.n = cardinality($1::text[]))`,
    `stretch as materialized (select min(block) as first, max(block) as last from sample where ` +
      `abs(block - (select percentile_disc(0.5) within group (order by block) from sample)) <= ` +
      `cardinality($1::text[]) / ${BLOCKS_PER_RECORD} having count(*) * 2 > (select count(*) from sample))`,
    // Limits that are known before the scan begins, and no other condition: so it is a scan of the stretch, never of
    // an index (PostgreSQL 14 and later: "Tid Range Scan").
    `near as materialized (select user_id, app_id, ${quoted.join(', ')}, ${state} from ${table} ` +
      `where ctid >= ${tid('first', 0)} and ctid <= ${tid('last', 65_535)})`,
    `j as (select u.n, coalesce(near._sync_row, t._sync_row) as row, coalesce(near.gone, t.gone) as gone, ` +
      `coalesce(near._sync_hash, t._sync_hash) = substr(${hashes}, (u.n::int - 1) * ${HASH_BYTES} + 1, ${HASH_BYTES}) as same ` +
      `from u left join near on ${isOf('near')} left join lateral (` +
      `select ${state} from ${table} t where near._sync_row is null and ${isOf('t')} limit 1) t on true)`,
    `marked as (insert into clarifai_sync.seen_marks as s (pass_id, block, bits) ` +
      `select ${pass}, row >> ${BLOCK_SHIFT}, bit_or(set_bit(B'0'::bit(${BLOCK_MASK + 1}), (row & ${BLOCK_MASK})::int, 1)) ` +
      `from j where row <= ${lastRow} and ${pass} is not null group by 2 order by 2 ` +
      `on conflict (pass_id, block) do update set bits = s.bits | excluded.bits) ` +
      `select (n - 1)::int as n, row, coalesce(gone, false) as gone from j where same is not true or gone ` +
      `union all select -1, count(*), false from j where row <= ${lastRow}`,
  ].join(', ');
}
