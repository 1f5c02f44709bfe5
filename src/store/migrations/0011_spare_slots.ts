import type {MigrationBuilder} from 'node-pg-migrate';

/** Slots of the budget that were reserved and then not used. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
-- For whoever asks next, in any process; without WAL, as clarifai_sync.rate_slots.
create unlogged table clarifai_sync.spare_slots (
  credential text not null,
  at_ms double precision not null
);

-- Until when nobody on the credential sends: a slot within a pause cannot be given back.
alter table clarifai_sync.rate_slots add column paused_ms double precision not null default 0;
`);
}

/** There is no way back: an older version of the program refuses a newer store. */
export const down = false;
