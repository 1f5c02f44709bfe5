import type {MigrationBuilder} from 'node-pg-migrate';

/**
 * Living rows of a stream, kept by every commit that changes their number, so that a run with nothing changed need not
 * count them; null: not counted yet (store/counts.ts).
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql('alter table clarifai_sync.stream_states add column live_rows bigint');
}

/** There is no way back: an older version of the program refuses a newer store. */
export const down = false;
