import type {MigrationBuilder} from 'node-pg-migrate';

/** What the service needs to try tasks again that the store failed, and to have full runs make way for fresh work. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
-- Attempts of the task that ended because the store was away or could not commit for a while.
alter table clarifai_sync.tasks add column store_failures integer not null default 0;

-- What is fresh is behind this attempt of the task: it reads all there is.
alter table clarifai_sync.tasks add column sweeping boolean not null default false;

-- The run with which the full reading began that this run carries on; null: it begins one of its own.
alter table clarifai_sync.runs add column sweep_from bigint;
alter table clarifai_sync.pending_runs add column sweep_from bigint;
`);
}

/** There is no way back: an older version of the program refuses a newer store. */
export const down = false;
