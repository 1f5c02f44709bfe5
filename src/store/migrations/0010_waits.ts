import type {MigrationBuilder} from 'node-pg-migrate';

/** How long the requests of a run have waited. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
-- For slots of the budget, pauses included, and before calls were tried again: the sum over all requests, ms.
alter table clarifai_sync.runs add column waited_ms bigint not null default 0;
`);
}

/** There is no way back: an older version of the program refuses a newer store. */
export const down = false;
