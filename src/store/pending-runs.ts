import type {Scope} from '../core/scope.ts';
import type {RunMode, Store} from './ledger.ts';

/** A run that somebody asked for and that has not begun. */
export interface PendingRun {
  /** The id that the run will have. */
  readonly runId: string;
  readonly scope: Scope;
  readonly mode: RunMode;
  /** By name; null: those of the configuration. */
  readonly streams: readonly string[] | null;
  /** Name of a schedule, or whoever else. */
  readonly askedBy: string;
  /** Sequence of the run whose full reading it is to carry on; null: it carries on none. */
  readonly sweepFrom: string | null;
  /** It is not to begin before this, epoch ms by the store's clock. */
  readonly dueMs: number;
}

export interface RunWish {
  readonly scope: Scope;
  readonly mode: RunMode;
  readonly streams: readonly string[] | null;
  readonly askedBy: string;
  /** How long it is put off, ms. */
  readonly delayMs: number;
}

const COLUMNS = `run_id, user_id, app_id, mode, streams, asked_by, sweep_from::text, (extract(epoch from due_at) * 1000)::float8 as due_ms`;

interface PendingRow {
  run_id: string;
  user_id: string;
  app_id: string;
  mode: RunMode;
  streams: string[] | null;
  asked_by: string;
  sweep_from: string | null;
  due_ms: number;
}

const pendingOf = (row: PendingRow): PendingRun => ({
  runId: row.run_id,
  scope: {userId: row.user_id, appId: row.app_id},
  mode: row.mode,
  streams: row.streams,
  askedBy: row.asked_by,
  sweepFrom: row.sweep_from,
  dueMs: row.due_ms,
});

/**
 * Statement that asks for one run. A scope has one pending run at most: those that coincide become one, which does what
 * each was to do, as soon as the first was to begin.
 */
const ASK = `insert into clarifai_sync.pending_runs as p (user_id, app_id, mode, streams, asked_by, due_at)
  values ($1, $2, $3, $4, $5, clock_timestamp() + $6 * interval '1 ms')
  on conflict (user_id, app_id) do update set
    mode = case when 'full' in (p.mode, excluded.mode) then 'full' else 'incremental' end,
    streams = case when p.streams is null or excluded.streams is null then null
      else array(select distinct unnest(p.streams || excluded.streams) order by 1) end,
    asked_by = case when p.mode = 'incremental' and excluded.mode = 'full' then excluded.asked_by else p.asked_by end,
    -- A full reading that is asked for anew carries on none: it begins with what there is now.
    sweep_from = case when excluded.mode = 'incremental' then p.sweep_from end,
    due_at = least(p.due_at, excluded.due_at)
  returning ${COLUMNS}`;

const valuesOf = ({scope, mode, streams, askedBy, delayMs}: RunWish): unknown[] => [
  scope.userId,
  scope.appId,
  mode,
  streams,
  askedBy,
  delayMs,
];

/** Asks for a run; it becomes one with what is pending already. */
export async function askForRun({database}: Pick<Store, 'database'>, wish: RunWish): Promise<PendingRun> {
  const [row] = await database.query<PendingRow>(ASK, valuesOf(wish));
  return pendingOf(row as PendingRow);
}

/** What a schedule asks for at one of its times. */
export interface DueWishes {
  readonly schedule: string;
  /** Epoch ms. */
  readonly dueMs: number;
  readonly wishes: readonly RunWish[];
}

/**
 * Asks for what schedules ask for, each time of each once: one that has been seen to, by whomever, asks for nothing.
 * Those of one call become one run of each scope. Gives what is pending now for those who asked. May be repeated.
 */
export async function askOnSchedule(
  {database}: Pick<Store, 'database'>,
  due: readonly DueWishes[],
): Promise<PendingRun[]> {
  return await database.transaction(async (client) => {
    const pending = new Map<string, PendingRun>();
    // In one order for all, so that two processes which do the same wait for one another and not both.
    for (const {schedule, dueMs, wishes} of [...due].sort((one, two) => (one.schedule < two.schedule ? -1 : 1))) {
      const seen = await client.query(
        `insert into clarifai_sync.schedules as s (name, fired_at) values ($1, to_timestamp($2::float8 / 1000))
         on conflict (name) do update set fired_at = excluded.fired_at where s.fired_at < excluded.fired_at`,
        [schedule, dueMs],
      );
      if (seen.rowCount !== 1) continue;
      for (const wish of wishes) {
        const asked = pendingOf((await client.query(ASK, valuesOf(wish))).rows[0] as PendingRow);
        pending.set(asked.runId, asked);
      }
    }
    return [...pending.values()];
  });
}

/** Up to when each schedule has been seen to, epoch ms; one that is new counts from now on, one that is gone is forgotten. */
export async function noteSchedules(
  {database}: Pick<Store, 'database'>,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  await database.query(
    `insert into clarifai_sync.schedules (name, fired_at) select unnest($1::text[]), clock_timestamp()
     on conflict do nothing`,
    [names],
  );
  await database.query('delete from clarifai_sync.schedules where not (name = any ($1))', [names]);
  const rows = await database.query<{name: string; ms: number}>(
    'select name, (extract(epoch from fired_at) * 1000)::float8 as ms from clarifai_sync.schedules',
  );
  return new Map(rows.map(({name, ms}) => [name, ms]));
}

/** The pending run of a scope if it is due by now; null when there is none. */
export async function dueRun({database}: Pick<Store, 'database'>, scope: Scope): Promise<PendingRun | null> {
  const [row] = await database.query<PendingRow>(
    `select ${COLUMNS} from clarifai_sync.pending_runs where user_id = $1 and app_id = $2 and due_at <= clock_timestamp()`,
    [scope.userId, scope.appId],
  );
  return row === undefined ? null : pendingOf(row);
}

/** Every pending run, the first due first. */
export async function pendingRuns({database}: Pick<Store, 'database'>): Promise<PendingRun[]> {
  const rows = await database.query<PendingRow>(
    `select ${COLUMNS} from clarifai_sync.pending_runs order by due_at, user_id, app_id`,
  );
  return rows.map(pendingOf);
}

/** Takes back what nobody shall begin any more. Nothing happens when it has begun, or asks for something else by now. */
export async function dropPending({database}: Pick<Store, 'database'>, pending: PendingRun): Promise<void> {
  await database.query(DROP_PENDING, dropValues(pending));
}

/** Removes a pending run as it was read; no row when it has been taken or has changed since. */
export const DROP_PENDING = `delete from clarifai_sync.pending_runs
  where run_id = $1 and mode = $2 and streams is not distinct from $3::text[] and sweep_from is not distinct from $4::bigint returning 1`;

export const dropValues = ({runId, mode, streams, sweepFrom}: PendingRun): unknown[] => [
  runId,
  mode,
  streams,
  sweepFrom,
];
