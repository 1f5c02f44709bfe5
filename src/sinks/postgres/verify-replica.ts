import type pg from 'pg';
import {
  bucketDepth,
  bucketRowsSql,
  bucketsSql,
  differingBuckets,
  differingRows,
  type BucketDigest,
  type DigestTable,
  type RowDifference,
  type RowDigest,
} from '../../core/row-digest.ts';
import {
  FAULTS_TOLD,
  type SinkFault,
  type SinkFindings,
  type SinkStreamFindings,
  type SinkTable,
  type VerifyOrder,
} from '../sink.ts';
import {ident} from './replica-sql.ts';

/**
 * Compares a replica's tables with the mirror's, by number and digests, within the caller's transaction, which is to read one snapshot. What has changed
 * in the mirror since the replica's position is behind, and no fault.
 */
export async function verifyReplica(
  client: pg.ClientBase,
  schema: string,
  order: VerifyOrder,
  signal: AbortSignal,
): Promise<SinkFindings> {
  await client.query(`set local timezone = 'UTC'; set local datestyle = 'ISO'; set local bytea_output = 'hex'`);
  const positions = await positionsOf(client, schema, order);
  const streams: SinkStreamFindings[] = [];
  for (const table of order.tables) {
    signal.throwIfAborted();
    const sequence = positions.get(table.stream) ?? null;
    // A stream that no row was ever given of has no position, nor need it have a table.
    if (sequence === null && (await order.mirror.count(table.stream)) === 0) continue;
    streams.push(await verifyTable(client, schema, order, table, sequence));
    order.onSign();
  }
  return {streams, checked: streams.length};
}

async function positionsOf(client: pg.ClientBase, schema: string, {scope}: VerifyOrder): Promise<Map<string, number>> {
  const {rows} = await client.query<{stream: string; sequence: number}>(
    `select stream, sequence::float8 as sequence from ${ident(schema)}._sync_positions where user_id = $1 and app_id = $2`,
    [scope.userId, scope.appId],
  );
  return new Map(rows.map((row) => [row.stream, row.sequence]));
}

async function verifyTable(
  client: pg.ClientBase,
  schema: string,
  {scope, mirror}: VerifyOrder,
  {stream, fields, keyCount}: SinkTable,
  sequence: number | null,
): Promise<SinkStreamFindings> {
  const ours = [scope.userId, scope.appId];
  const table: DigestTable = {
    table: `${ident(schema)}.${ident(stream)}`,
    columns: fields.map(({name}) => ident(name)),
    keyCount,
  };
  const depth = bucketDepth(await mirror.count(stream));
  const theirs = await client.query<{bucket: string} & BucketDigest>(bucketsSql(table), [...ours, depth]);
  const buckets = new Map(theirs.rows.map(({bucket, ...digest}) => [bucket, digest]));
  const faults: SinkFault[] = [];
  let differing = 0;
  for (const bucket of differingBuckets(await mirror.buckets(stream, depth), buckets)) {
    const found = await client.query<Omit<RowDigest, 'runId'> & {run_id: string}>(bucketRowsSql(table), [
      ...ours,
      depth,
      bucket,
    ]);
    const rows = found.rows.map(({run_id: runId, ...row}) => ({...row, runId}));
    for (const difference of differingRows(await mirror.rows(stream, depth, bucket), rows)) {
      if (isBehind(difference, sequence)) continue;
      differing++;
      if (faults.length < FAULTS_TOLD) faults.push(faultOf(stream, difference));
    }
  }
  const total = theirs.rows.reduce((sum, bucket) => sum + bucket.rows, 0);
  return {stream, sequence, rows: total, differing, faults};
}

/** The replica has yet to be given the row as it is. */
const isBehind = ({what, row}: RowDifference, sequence: number | null): boolean =>
  what !== 'extra' && row.sequence > (sequence ?? 0);

function faultOf(stream: string, {what, row}: RowDifference): SinkFault {
  const key = row.key.join(' / ');
  const texts = {
    missing: `${stream} ${key}: missing in the sink`,
    extra: `${stream} ${key}: in the sink and not in the store`,
    different: `${stream} ${key}: not the same in the sink as in the store`,
  };
  return {text: texts[what], runId: row.runId};
}
