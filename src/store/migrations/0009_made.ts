import type {MigrationBuilder} from 'node-pg-migrate';

/** What the streams' tables were made from, and as what they stood afterwards. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
-- Digest of the catalogue and of the tables' columns (made-digest.ts). While it still holds, opening the store makes nothing.
alter table clarifai_sync.store add column made text;
`);
}

/** There is no way back: an older version of the program refuses a newer store. */
export const down = false;
