import type {MigrationBuilder} from 'node-pg-migrate';

/** What the service keeps beside the runs: runs that are asked for, schedules, the credential's slots. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
-- Runs that are asked for and have not begun: one of a scope, whoever asks (design, section 3).
create table clarifai_sync.pending_runs (
  user_id text collate "C" not null,
  app_id text collate "C" not null,
  -- The id that the run will have.
  run_id uuid not null default gen_random_uuid(),
  mode text not null check (mode in ('full', 'incremental')),
  -- By name; null: those of the configuration.
  streams text[],
  asked_by text not null,
  due_at timestamptz not null,
  asked_at timestamptz not null default clock_timestamp(),
  primary key (user_id, app_id)
);

-- Up to which moment each schedule has been seen to, whatever the queue remembers.
create table clarifai_sync.schedules (
  name text primary key,
  fired_at timestamptz not null
);

-- When a credential may send its next request; without WAL: what is lost in a crash is outlasted (store/rate-slots.ts).
create unlogged table clarifai_sync.rate_slots (
  credential text primary key,
  free_ms double precision not null,
  at_ms double precision not null
);

-- The last sign of life of whoever works on the task: a request, a commit.
alter table clarifai_sync.tasks add column signed_at timestamptz;

alter table clarifai_sync.runs add column asked_by text not null default 'sync';
`);
}

/** There is no way back: an older version of the program refuses a newer store. */
export const down = false;
