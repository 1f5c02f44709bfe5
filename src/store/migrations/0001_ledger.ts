import type {MigrationBuilder} from 'node-pg-migrate';

/**
 * The ledger (ARCHITECTURE.md, "The ledger"): runs, tasks, checkpoints, passes, seen marks, candidates, rejects. The
 * streams' own tables are not made here but from the catalogue (store/tables.ts), since they only ever grow.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
-- One row: who this store is. A sink notes the id and refuses another store (invariant 12).
create table clarifai_sync.store (
  only_row boolean primary key default true check (only_row),
  store_id uuid not null default gen_random_uuid(),
  table_schema text not null,
  -- Were versions kept by whoever opened the store last? If not, they have to be brought up to date.
  keeps_history boolean not null default false,
  created_at timestamptz not null default now()
);

-- One counter for all take-overs; it never goes back (invariant 11).
create sequence clarifai_sync.fence;
-- Names worker processes for their advisory lock; see store/presence.ts.
create sequence clarifai_sync.holder;

create table clarifai_sync.scopes (
  scope_id integer generated always as identity primary key,
  user_id text collate "C" not null,
  app_id text collate "C" not null,
  last_sequence bigint not null default 0,
  unique (user_id, app_id)
);

create table clarifai_sync.runs (
  run_id uuid primary key,
  scope_id integer not null references clarifai_sync.scopes,
  user_id text collate "C" not null,
  app_id text collate "C" not null,
  sequence bigint not null,
  mode text not null check (mode in ('full', 'incremental')),
  state text not null check (state in ('open', 'reading', 'sealing', 'closed', 'finished')),
  outcome text check (outcome in ('succeeded', 'partial', 'throttled', 'interrupted', 'failed')),
  -- What was asked for: streams by name, permissions given for this run alone.
  options jsonb not null,
  -- Why it ended early, if it did: the cause decides the outcome and stops what has not begun.
  error_code text,
  error text,
  error_cause text,
  marker text,
  marker_settled boolean not null default false,
  source_time timestamptz,
  -- The process that sees to it that the tasks are given out; see store/presence.ts.
  driver bigint,
  driver_until timestamptz,
  requests bigint not null default 0,
  throttled bigint not null default 0,
  started_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  finished_at timestamptz,
  unique (scope_id, sequence)
);
create unique index runs_active on clarifai_sync.runs (scope_id) where state <> 'finished';
create index runs_newest on clarifai_sync.runs (started_at desc);

create table clarifai_sync.stream_runs (
  run_id uuid not null references clarifai_sync.runs on delete cascade,
  stream text not null,
  strategy text not null,
  outcome text check (outcome in ('succeeded', 'skipped', 'unavailable', 'interrupted', 'failed')),
  pages bigint not null default 0,
  read bigint not null default 0,
  inserted bigint not null default 0,
  updated bigint not null default 0,
  deleted bigint not null default 0,
  unchanged bigint not null default 0,
  rejected bigint not null default 0,
  repaired bigint not null default 0,
  newly_rejected bigint not null default 0,
  held_back bigint not null default 0,
  unproved bigint not null default 0,
  source_count bigint,
  -- What the tables held to compare with source_count, rejected records included.
  mirror_count bigint,
  error_code text,
  error text,
  error_cause text,
  started_at timestamptz,
  finished_at timestamptz,
  primary key (run_id, stream)
);

create table clarifai_sync.tasks (
  task_id bigint generated always as identity primary key,
  run_id uuid not null references clarifai_sync.runs on delete cascade,
  kind text not null check (kind in ('crawl', 'seal', 'apply')),
  -- Of a crawl its stream, of an apply its sink.
  stream text not null,
  -- Streams of this run that must have been read first.
  after text[] not null default '{}',
  state text not null default 'waiting' check (state in ('waiting', 'working', 'done')),
  -- The full part is behind us: if the task is taken up again, only what is fresh is read.
  pass_done boolean not null default false,
  attempts integer not null default 0,
  fence bigint not null default 0,
  holder bigint,
  lease_until timestamptz,
  unique (run_id, kind, stream)
);

-- What came of giving a run to each sink. The sink's position is kept by the sink itself.
create table clarifai_sync.sink_runs (
  run_id uuid not null references clarifai_sync.runs on delete cascade,
  sink text not null,
  outcome text check (outcome in ('succeeded', 'interrupted', 'failed')),
  rows bigint not null default 0,
  previous_sequence bigint,
  error_code text,
  error text,
  error_cause text,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  primary key (run_id, sink)
);
-- Sinks that cannot be gone on from and must be filled anew.
create table clarifai_sync.sink_refills (
  sink text not null,
  scope_id integer not null references clarifai_sync.scopes,
  primary key (sink, scope_id)
);

-- What is known of a stream of a scope across runs.
create table clarifai_sync.stream_states (
  scope_id integer not null references clarifai_sync.scopes,
  stream text not null,
  -- Set once all of it has been read; a stream without is read in full.
  first_read_at timestamptz,
  last_read_at timestamptz,
  -- Request description that the readings were made with; another one means that all must be read again.
  request_hash text not null default '',
  watermark text,
  watermark_settled boolean not null default false,
  refused_at timestamptz,
  -- Kinds of records that the source's search does not show; null while that has not been looked at.
  search_gaps text[],
  -- Records at the source less those here, by the last comparison; with which marker, and in how many runs it has stood.
  count_gap bigint,
  count_marker text,
  count_runs integer not null default 0,
  -- When a run was last made a full one because the counts differed.
  full_for_count_at timestamptz,
  primary key (scope_id, stream)
);

-- A marker spares the next reading only if one that began settle after it was first seen has succeeded.
create table clarifai_sync.markers (
  scope_id integer not null references clarifai_sync.scopes,
  stream text not null,
  strategy text not null,
  marker text not null,
  settled boolean not null,
  stored_at timestamptz not null default clock_timestamp(),
  primary key (scope_id, stream, strategy)
);
create table clarifai_sync.marker_sightings (
  scope_id integer primary key references clarifai_sync.scopes,
  marker text not null,
  first_seen_at timestamptz not null
);

create table clarifai_sync.checkpoints (
  scope_id integer not null references clarifai_sync.scopes,
  stream text not null,
  strategy text not null,
  parent text[] not null default '{}',
  cursor text not null,
  run_id uuid not null,
  committed_at timestamptz not null default clock_timestamp(),
  primary key (scope_id, stream, strategy, parent)
);

-- A pass is one complete reading for the sake of deletions; it outlives runs (design, section 3).
create table clarifai_sync.passes (
  pass_id bigint generated always as identity primary key,
  scope_id integer not null references clarifai_sync.scopes,
  stream text not null,
  parent text[] not null default '{}',
  run_id uuid not null,
  request_hash text not null,
  marker text,
  marker_settled boolean not null default false,
  -- The source's own time at the start, as its Date header gave it.
  source_time timestamptz,
  started_at timestamptz not null default clock_timestamp(),
  -- Only rows up to this number can be found missing.
  last_row bigint not null,
  list_index integer not null default 0,
  cursor text,
  -- Readings of rows that were there before the pass; with as many distinct marks, none was read twice.
  known_read bigint not null default 0,
  keyless_rejects bigint not null default 0,
  unique (scope_id, stream, parent)
);

create table clarifai_sync.seen_marks (
  pass_id bigint not null references clarifai_sync.passes on delete cascade,
  block bigint not null,
  bits bit(4096) not null,
  primary key (pass_id, block)
);

-- Rows that a pass missed and that are not proved gone yet.
create table clarifai_sync.candidates (
  scope_id integer not null references clarifai_sync.scopes,
  stream text not null,
  parent text[] not null default '{}',
  key text[] not null,
  pass_id bigint not null,
  misses integer not null default 1,
  marker_proved boolean not null default false,
  clean boolean not null,
  primary key (scope_id, stream, key)
);

-- Records to be read again by their keys because another record told of them; where a key has fewer parts than the
-- stream's, all that lies under it.
create table clarifai_sync.wanted (
  scope_id integer not null references clarifai_sync.scopes,
  stream text not null,
  key text[] not null,
  noted_at timestamptz not null default clock_timestamp(),
  primary key (scope_id, stream, key)
);
-- When a record that will still change by itself was last asked for.
create table clarifai_sync.asks (
  scope_id integer not null references clarifai_sync.scopes,
  stream text not null,
  key text[] not null,
  asked_at timestamptz not null default clock_timestamp(),
  primary key (scope_id, stream, key)
);

-- When each parent's children were last read in full, and what told then whether they change.
create table clarifai_sync.parent_reads (
  scope_id integer not null references clarifai_sync.scopes,
  stream text not null,
  parent text[] not null,
  sequence bigint not null,
  marker text,
  read_at timestamptz not null default clock_timestamp(),
  primary key (scope_id, stream, parent)
);
create table clarifai_sync.signs (
  scope_id integer not null references clarifai_sync.scopes,
  stream text not null,
  key text[] not null,
  value text not null,
  sequence bigint not null,
  primary key (scope_id, stream, key)
);

create table clarifai_sync.rejects (
  reject_id bigint generated always as identity primary key,
  scope_id integer not null references clarifai_sync.scopes,
  user_id text collate "C" not null,
  app_id text collate "C" not null,
  stream text not null,
  kind text not null check (kind in ('rejected', 'repaired')),
  -- Under which parent it was read; empty for streams that have none.
  parent text[] not null default '{}',
  -- Tells the record from others (store/note-rejects.ts): one row per record and reason.
  identity text not null,
  key text[],
  reason text not null,
  detail text not null,
  raw bytea,
  first_run_id uuid not null,
  last_run_id uuid not null,
  first_seen_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  unique (scope_id, stream, kind, identity, reason)
);
create index rejects_open on clarifai_sync.rejects (scope_id, stream, kind) where resolved_at is null;

-- Rows whose key had to be repaired, and which key it was repaired from (a digest): another record with the same key is
-- not this one, and the API must not be asked for it by this key.
create table clarifai_sync.repaired_keys (
  scope_id integer not null references clarifai_sync.scopes,
  stream text not null,
  key text[] not null,
  original text not null,
  primary key (scope_id, stream, key)
);

-- modified_at in one comparable form, all nine digits; the twin of core/instant.ts for rows that are stored. Never raises:
-- what is no time, or one of no year from 1 to 9999, is null.
create function clarifai_sync.instant(value text) returns text immutable parallel safe language plpgsql as $$
declare
  zone text;
  moment timestamp;
begin
  if value is null or value !~ ('^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])[Tt]([01]\\d|2[0-3])(:[0-5]\\d){2}(\\.\\d+)?'
    || '([Zz]|[+-]([01]\\d|2[0-3]):[0-5]\\d)$') or left(value, 4) = '0000' then
    return null;
  end if;
  moment := make_date(left(value, 4)::int, substring(value from 6 for 2)::int, 1);
  if substring(value from 9 for 2)::int > extract(day from moment + interval '1 month' - interval '1 day') then
    return null;
  end if;
  moment := make_timestamp(left(value, 4)::int, substring(value from 6 for 2)::int, substring(value from 9 for 2)::int,
    substring(value from 12 for 2)::int, substring(value from 15 for 2)::int, substring(value from 18 for 2)::int);
  if upper(right(value, 1)) <> 'Z' then
    zone := right(value, 6);
    moment := moment - make_interval(hours => left(zone, 3)::int, mins => (left(zone, 1) || right(zone, 2))::int);
    if extract(year from moment) not between 1 and 9999 then
      return null;
    end if;
  end if;
  return to_char(moment, 'YYYY-MM-DD"T"HH24:MI:SS') || '.' || rpad(left(coalesce(substring(value from '\\.(\\d+)'), ''), 9), 9, '0');
end
$$;

-- A record without what may change by itself: the second, exact step of telling whether it changed.
create function clarifai_sync.without(value jsonb, path text[]) returns jsonb immutable parallel safe language plpgsql as $$
declare
  first text := path[1];
  rest text[] := path[2:];
begin
  if value is null or jsonb_typeof(value) not in ('object', 'array') then
    return value;
  end if;
  if first = '*' then
    if jsonb_typeof(value) = 'array' then
      return coalesce((select jsonb_agg(clarifai_sync.without(e, rest) order by n) from jsonb_array_elements(value) with ordinality x(e, n)), '[]');
    end if;
    return coalesce((select jsonb_object_agg(k, clarifai_sync.without(v, rest)) from jsonb_each(value) x(k, v)), '{}');
  end if;
  if jsonb_typeof(value) <> 'object' or not value ? first then
    return value;
  end if;
  if rest = '{}' then
    return value - first;
  end if;
  return jsonb_set(value, array[first], clarifai_sync.without(value -> first, rest));
end
$$;
`);
}

/** There is no way back: an older version of the program refuses a newer store. */
export const down = false;
