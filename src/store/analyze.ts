import type {Stream} from '../streams/stream.ts';

import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {allKeys} from './tables.ts';

/** A table that is smaller is read in no time, whatever its plan. */
const LEAST_BYTES = 8 * 1024 * 1024;
const GROWTH = 2;

/** What statements over many rows ask for. The others are many, wide and hardly asked for; Postgres gets round to them. */
const COLUMNS = ['_sync_row', '_sync_sequence', '_sync_deleted_at'];

/**
 * Has Postgres look at a stream's table that has grown to twice its size since it last did. It does so by itself only
 * minutes later, and never where the server ends with the run; until then it takes the table for a small one and goes
 * through the index to each row of it: half as much time again for what looks at all rows (bench/README.md). Takes a
 * fifth of a second for half a million records. May be repeated.
 */
export async function analyzeGrown(store: Store, stream: Stream): Promise<void> {
  const table = ident(store.schema, stream.name);
  const [grown] = await store.database.query(
    `select from pg_class where oid = $1::regclass and pg_relation_size(oid) > $2::bigint
       and (reltuples < 0 or pg_relation_size(oid) > relpages::bigint * $3 * current_setting('block_size')::bigint)`,
    [table, LEAST_BYTES, GROWTH],
  );
  if (grown === undefined) return;
  const columns = [...allKeys(stream), ...COLUMNS].map((column) => ident(column));
  // Whoever has it locked (a vacuum) looks at it anyway.
  await store.database.query(`analyze (skip_locked) ${table} (${columns.join(', ')})`);
}
