import type {MigrationBuilder} from 'node-pg-migrate';

/** What `verify` found, what was purged, and with which redactions and exclusions each stream's rows were stored. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
-- What was found to differ, until it is found no more: a row for each stream and place. Status, metric and notifications
-- tell it from here.
create table clarifai_sync.drift (
  scope_id integer not null references clarifai_sync.scopes,
  -- Empty for what concerns a sink as a whole.
  stream text not null,
  -- 'source', or 'sink:' and its name.
  place text not null,
  records bigint not null check (records > 0),
  -- The first of them, as sentences.
  examples jsonb not null,
  found_at timestamptz not null default clock_timestamp(),
  verified_at timestamptz not null default clock_timestamp(),
  primary key (scope_id, stream, place)
);

-- Rows that were removed for good, by the run that did it; sinks remove the same: those marked deleted before a moment,
-- as far as every sink had been given them.
create table clarifai_sync.purges (
  scope_id integer not null references clarifai_sync.scopes,
  sequence bigint not null,
  -- Empty where no row was removed and places were redacted: the rows are given to sinks anew, older objects go.
  stream text not null,
  deleted_before timestamptz not null,
  up_to_sequence bigint not null,
  rows bigint not null default 0,
  primary key (scope_id, sequence, stream)
);

-- Places that the settings have taken out of a stream's rows, or left out of their hashes, when they were stored last.
create table clarifai_sync.stream_settings (
  stream text primary key,
  redact jsonb not null,
  exclude jsonb not null
);
`);
}

/** There is no way back: an older version of the program refuses a newer store. */
export const down = false;
