import type pg from 'pg';
import {
  bucketDepth,
  bucketRowsSql,
  bucketsSql,
  differingBuckets,
  differingRows,
  versionTable,
  type BucketDigest,
  type DigestTable,
  type RowDifference,
  type RowDigest,
} from '../../core/row-digest.ts';
import type {Scope} from '../../core/scope.ts';
import {
  FAULTS_TOLD,
  type SinkFault,
  type SinkFindings,
  type SinkStreamFindings,
  type SinkTable,
  type TableDigests,
  type VerifyOrder,
} from '../sink.ts';
import {historyOf, ident} from './replica-sql.ts';

/**
 * Compares a replica's tables with the mirror's, by number and digests, within the caller's transaction, which is to read one snapshot. What has changed
 * in the mirror since the replica's position is behind, and no fault.
 * @param hasHistory the versions too: a replica has been given every one that the store has, whenever it was added
 */
export async function verifyReplica(
  client: pg.ClientBase,
  schema: string,
  hasHistory: boolean,
  order: VerifyOrder,
  signal: AbortSignal,
): Promise<SinkFindings> {
  await client.query(`set local timezone = 'UTC'; set local datestyle = 'ISO'; set local bytea_output = 'hex'`);
  const {scope, mirror} = order;
  const positions = await positionsOf(client, schema, order);
  const streams: SinkStreamFindings[] = [];
  let checked = 0;
  for (const table of order.tables) {
    signal.throwIfAborted();
    const {stream} = table;
    const sequence = positions.get(stream) ?? null;
    // A stream that no row was ever given of has no position, nor need it have a table.
    if (sequence === null && (await mirror.table(stream).count()) === 0) continue;
    const rows = digestTable(schema, table);
    let found = await compare(client, scope, mirror.table(stream), {name: stream, table: rows, sequence});
    checked++;
    order.onSign();
    const name = historyOf(stream);
    const versionsUpTo = positions.get(name);
    // Without a position history was turned on since the last run: there may be no table yet.
    if (hasHistory && versionsUpTo !== undefined) {
      const versions = versionTable(rows, `${ident(schema)}.${ident(name)}`);
      const place = {name, table: versions, sequence: versionsUpTo};
      found = joined(found, await compare(client, scope, mirror.history(stream), place));
      checked++;
      order.onSign();
    }
    streams.push({stream, sequence, ...found});
  }
  return {streams, checked};
}

async function positionsOf(client: pg.ClientBase, schema: string, {scope}: VerifyOrder): Promise<Map<string, number>> {
  const {rows} = await client.query<{stream: string; sequence: number}>(
    `select stream, sequence::float8 as sequence from ${ident(schema)}._sync_positions where user_id = $1 and app_id = $2`,
    [scope.userId, scope.appId],
  );
  return new Map(rows.map((row) => [row.stream, row.sequence]));
}

const digestTable = (schema: string, {stream, fields, keyCount}: SinkTable): DigestTable => ({
  table: `${ident(schema)}.${ident(stream)}`,
  columns: fields.map(({name}) => ident(name)),
  keyCount,
});

type TableFindings = Pick<SinkStreamFindings, 'rows' | 'differing' | 'faults'>;

/** One table of the replica. */
interface Place {
  readonly name: string;
  readonly table: DigestTable;
  /** Up to which run it has been given what changed. */
  readonly sequence: number | null;
}

async function compare(
  client: pg.ClientBase,
  scope: Scope,
  mirror: TableDigests,
  {name, table, sequence}: Place,
): Promise<TableFindings> {
  const ours = [scope.userId, scope.appId];
  const depth = bucketDepth(await mirror.count());
  const theirs = await client.query<{bucket: string} & BucketDigest>(bucketsSql(table), [...ours, depth]);
  const buckets = new Map(theirs.rows.map(({bucket, ...digest}) => [bucket, digest]));
  const faults: SinkFault[] = [];
  let differing = 0;
  for (const bucket of differingBuckets(await mirror.buckets(depth), buckets)) {
    const found = await client.query<Omit<RowDigest, 'runId'> & {run_id: string}>(bucketRowsSql(table), [
      ...ours,
      depth,
      bucket,
    ]);
    const rows = found.rows.map(({run_id: runId, ...row}) => ({...row, runId}));
    for (const difference of differingRows(await mirror.rows(depth, bucket), rows)) {
      if (isBehind(difference, sequence)) continue;
      differing++;
      if (faults.length < FAULTS_TOLD) faults.push(faultOf(name, difference));
    }
  }
  const total = theirs.rows.reduce((sum, bucket) => sum + bucket.rows, 0);
  return {rows: total, differing, faults};
}

/** Versions count among what differs of their stream, and not among its rows. */
const joined = (rows: TableFindings, versions: TableFindings): TableFindings => ({
  rows: rows.rows,
  differing: rows.differing + versions.differing,
  faults: [...rows.faults, ...versions.faults].slice(0, FAULTS_TOLD),
});

/** The replica has yet to be given the row as it is. */
const isBehind = ({what, row}: RowDifference, sequence: number | null): boolean =>
  what !== 'extra' && row.sequence > (sequence ?? 0);

function faultOf(name: string, {what, row}: RowDifference): SinkFault {
  const key = row.key.join(' / ');
  const texts = {
    missing: `${name} ${key}: missing in the sink`,
    extra: `${name} ${key}: in the sink and not in the store`,
    different: `${name} ${key}: not the same in the sink as in the store`,
  };
  return {text: texts[what], runId: row.runId};
}
