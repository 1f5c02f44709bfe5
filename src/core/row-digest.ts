/**
 * Tables that should hold the same rows are compared by digests: of buckets first, then of the rows of those buckets that
 * differ. The statements are the same text for both sides; what differs is the table. Values are compared as Postgres
 * writes them, so both sessions need TimeZone UTC, DateStyle ISO and bytea_output hex.
 */
export interface BucketDigest {
  readonly rows: number;
  /** Sum of the rows' digests; whatever their order. */
  readonly sum: string;
}

/** One row of a bucket. */
export interface RowDigest {
  /** Without user_id and app_id. */
  readonly key: readonly string[];
  readonly digest: string;
  readonly sequence: number;
  readonly runId: string;
}

/** A table by its quoted name, and its columns, quoted, the key's first; user_id and app_id are the first two of these. */
export interface DigestTable {
  readonly table: string;
  readonly columns: readonly string[];
  readonly keyCount: number;
  /** Expression for the run that last changed a row, as a sequence; left out: the row's own `_sync_sequence`. */
  readonly changedIn?: string;
}

/**
 * The versions of a table's records. A version is known by the key of its record and by the number that the store gave it.
 * @param table quoted, of these versions
 */
export function versionTable({columns, keyCount}: DigestTable, table: string): DigestTable {
  const own = ['_sync_valid_from', '_sync_valid_to', '_sync_op'];
  const all = [...columns.slice(0, keyCount), '_sync_version', ...columns.slice(keyCount), ...own];
  return {table, columns: all, keyCount: keyCount + 1};
}

/** Rows that a bucket should have at most, so that both sides of it fit into memory. */
const ROWS_IN_BUCKET = 4_096;
const DIGITS = 16;

/** Hexadecimal digits that name a bucket, for a table of so many rows. */
export function bucketDepth(rows: number): number {
  let depth = 0;
  for (let room = ROWS_IN_BUCKET; room < rows; room *= DIGITS) depth++;
  return depth;
}

/** Digests of all buckets of a scope. $1 user_id, $2 app_id, $3 depth. Rows: bucket, rows, sum. */
export function bucketsSql(table: DigestTable): string {
  return (
    `select left(md5(${rowText(keysOf(table))}), $3::int) as bucket, count(*)::float8 as rows, ` +
    `sum(('x' || left(md5(${rowText(table.columns)}), 15))::bit(60)::bigint)::text as sum ` +
    `from ${table.table} where user_id = $1 and app_id = $2 group by 1`
  );
}

/** Rows of one bucket. $1 user_id, $2 app_id, $3 depth, $4 bucket. Rows: key (an array), digest, sequence, run_id. */
export function bucketRowsSql(table: DigestTable): string {
  const keys = keysOf(table);
  return (
    `select array[${keys.slice(2).join(', ')}]::text[] as key, md5(${rowText(table.columns)}) as digest, ` +
    `(${table.changedIn ?? '_sync_sequence'})::float8 as sequence, _sync_run_id::text as run_id from ${table.table} ` +
    `where user_id = $1 and app_id = $2 and left(md5(${rowText(keys)}), $3::int) = $4`
  );
}

const keysOf = ({columns, keyCount}: DigestTable): readonly string[] => columns.slice(0, keyCount);

/** `row()` as text tells null from empty and one column from the next. */
const rowText = (columns: readonly string[]): string => `row(${columns.map((c) => `${c}::text`).join(', ')})::text`;

/** Names of the buckets that are not the same on both sides. */
export function differingBuckets(
  ours: ReadonlyMap<string, BucketDigest>,
  theirs: ReadonlyMap<string, BucketDigest>,
): string[] {
  return [...new Set([...ours.keys(), ...theirs.keys()])].filter((bucket) => {
    const [one, other] = [ours.get(bucket), theirs.get(bucket)];
    return one?.rows !== other?.rows || one?.sum !== other?.sum;
  });
}

/** What is not the same in one bucket of two tables. */
export interface RowDifference {
  readonly what: 'missing' | 'extra' | 'different';
  /** Ours, or theirs where we have none. */
  readonly row: RowDigest;
}

/** Rows that the other side misses, has beside ours, or has otherwise. */
export function differingRows(ours: readonly RowDigest[], theirs: readonly RowDigest[]): RowDifference[] {
  const rest = new Map(theirs.map((row) => [JSON.stringify(row.key), row]));
  const found: RowDifference[] = [];
  for (const row of ours) {
    const id = JSON.stringify(row.key);
    const other = rest.get(id);
    rest.delete(id);
    if (other === undefined) found.push({what: 'missing', row});
    else if (other.digest !== row.digest) found.push({what: 'different', row});
  }
  return [...found, ...[...rest.values()].map((row): RowDifference => ({what: 'extra', row}))];
}
