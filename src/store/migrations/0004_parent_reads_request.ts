import type {MigrationBuilder} from 'node-pg-migrate';

/**
 * With which request the children of each parent were last read: a first reading that was interrupted goes on with the
 * parents that it has not been through, and a new catalogue begins anew.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`alter table clarifai_sync.parent_reads add column request_hash text not null default ''`);
}

/** There is no way back: an older version of the program refuses a newer store. */
export const down = false;
