import type {Scope} from '../core/scope.ts';
import type {Store} from './ledger.ts';

/** A record that could not be stored, or not as it was. */
export interface Reject {
  readonly rejectId: string;
  readonly scope: Scope;
  readonly stream: string;
  readonly kind: 'rejected' | 'repaired';
  /** null where it cannot be read. */
  readonly key: readonly string[] | null;
  readonly reason: string;
  readonly detail: string;
  readonly firstRunId: string;
  readonly lastRunId: string;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  /** When the record was stored after all, or was no longer met; null while it is open. */
  readonly resolvedAt: Date | null;
}

/** What is listed of records that were rejected or repaired and still are, newest first. */
export async function openRejects(
  {database}: Pick<Store, 'database'>,
  filter: {readonly streams?: readonly string[]; readonly limit: number},
): Promise<Reject[]> {
  const rows = await database.query<RejectRow>(
    `select ${COLUMNS} from clarifai_sync.rejects where resolved_at is null and ($1::text[] is null or stream = any ($1))
     order by last_seen_at desc, reject_id desc limit $2`,
    [filter.streams ?? null, filter.limit],
  );
  return rows.map(rejectOf);
}

/** One of them, with the record's bytes as they came, redacted; null bytes where they were not kept. */
export async function rejectById(
  {database}: Pick<Store, 'database'>,
  rejectId: string,
): Promise<{reject: Reject; raw: Buffer | null} | null> {
  const [row] = await database.query<RejectRow & {raw: Buffer | null}>(
    `select ${COLUMNS}, raw from clarifai_sync.rejects where reject_id = $1::bigint`,
    [rejectId],
  );
  return row === undefined ? null : {reject: rejectOf(row), raw: row.raw};
}

const COLUMNS =
  'reject_id::text, user_id, app_id, stream, kind, key, reason, detail, first_run_id, last_run_id, first_seen_at, last_seen_at, resolved_at';

interface RejectRow {
  reject_id: string;
  user_id: string;
  app_id: string;
  stream: string;
  kind: Reject['kind'];
  key: string[] | null;
  reason: string;
  detail: string;
  first_run_id: string;
  last_run_id: string;
  first_seen_at: Date;
  last_seen_at: Date;
  resolved_at: Date | null;
}

function rejectOf(row: RejectRow): Reject {
  return {
    rejectId: row.reject_id,
    scope: {userId: row.user_id, appId: row.app_id},
    stream: row.stream,
    kind: row.kind,
    key: row.key,
    reason: row.reason,
    detail: row.detail,
    firstRunId: row.first_run_id,
    lastRunId: row.last_run_id,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    resolvedAt: row.resolved_at,
  };
}
