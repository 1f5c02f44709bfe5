import {scopeName, type Scope} from '../core/scope.ts';
import type {Stream} from '../streams/stream.ts';
import {RunActiveError} from './errors.ts';
import type {Store} from './ledger.ts';
import {isDeadSql} from './presence.ts';

/**
 * Forgets how far the reading of a stream is: cursors, markers, passes and what they missed, signs, watermark, what the
 * search does not show. The next run reads all of it and compares; rows stay, and that it was read before is not
 * forgotten, so that a refusal is still a failure. May be repeated.
 * @returns false when the scope was never synced
 * @throws RunActiveError while a run of the scope is active
 */
export async function forgetReading(
  {database}: Pick<Store, 'database'>,
  scope: Scope,
  stream: Stream,
): Promise<boolean> {
  return await database.transaction(async (client) => {
    const scopes = await client.query<{scope_id: number}>(
      'select scope_id from clarifai_sync.scopes where user_id = $1 and app_id = $2 for update',
      [scope.userId, scope.appId],
    );
    const scopeId = scopes.rows[0]?.scope_id;
    if (scopeId === undefined) return false;
    const runs = await client.query<{run_id: string; dead: boolean}>(
      `select run_id, coalesce(driver_until < clock_timestamp(), true) or ${isDeadSql('driver')} as dead
       from clarifai_sync.runs where scope_id = $1 and state <> 'finished' for update`,
      [scopeId],
    );
    for (const {run_id: runId, dead} of runs.rows) {
      if (!dead) throw new RunActiveError(`a run of ${scopeName(scope)} is active: wait for it, then reset`);
      // A run that was left unfinished will be taken up: it must not think that it has read this.
      await client.query(
        `update clarifai_sync.tasks set pass_done = false where run_id = $1 and kind = 'crawl' and stream = $2`,
        [runId, stream.name],
      );
    }
    for (const table of FORGOTTEN) {
      await client.query(`delete from clarifai_sync.${table} where scope_id = $1 and stream = $2`, [
        scopeId,
        stream.name,
      ]);
    }
    await client.query(
      `update clarifai_sync.stream_states set request_hash = '', watermark = null, watermark_settled = false,
         search_gaps = null, refused_at = null where scope_id = $1 and stream = $2`,
      [scopeId, stream.name],
    );
    return true;
  });
}

/** Tables of the ledger that hold how far a reading is; seen marks go with their pass. */
const FORGOTTEN = ['checkpoints', 'markers', 'passes', 'candidates', 'parent_reads', 'signs'] as const;
