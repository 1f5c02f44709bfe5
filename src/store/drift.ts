import type pg from 'pg';
import type {Scope} from '../core/scope.ts';
import type {Store} from './ledger.ts';
import {noteDriftFound, type MessageText} from './notifications.ts';

/** What differs of a stream, at the source or in a sink. */
export interface Drift {
  /** Empty for what concerns a sink as a whole. */
  readonly stream: string;
  /** `source`, or `sink:` and its name. */
  readonly place: string;
  readonly records: number;
  /** The first of them, as sentences. */
  readonly examples: readonly string[];
}

/** What was looked at: of these, what is not found to differ is well now. */
export interface Looked {
  readonly stream: string;
  readonly place: string;
}

/**
 * Keeps what `verify` found of a scope, and forgets what it looked at and found well. A message is noted in the same
 * transaction where something differs that did not before.
 * @param message null: none is wanted
 */
export async function noteDrift(
  store: Store,
  scope: Scope,
  looked: readonly Looked[],
  found: readonly Drift[],
  message: MessageText | null,
): Promise<void> {
  await store.database.transaction(async (client) => {
    const scopes = await client.query<{scope_id: number}>(
      'select scope_id from clarifai_sync.scopes where user_id = $1 and app_id = $2',
      [scope.userId, scope.appId],
    );
    const scopeId = scopes.rows[0]?.scope_id;
    if (scopeId === undefined) return;
    for (const {stream, place} of looked) {
      if (found.some((each) => each.stream === stream && each.place === place)) continue;
      await client.query('delete from clarifai_sync.drift where scope_id = $1 and stream = $2 and place = $3', [
        scopeId,
        stream,
        place,
      ]);
    }
    let isNews = false;
    for (const drift of found) isNews = (await keep(client, scopeId, drift)) || isNews;
    if (isNews && message !== null) await noteDriftFound(client, scope, message);
  });
}

/** Gives whether it did not differ before. */
async function keep(client: pg.ClientBase, scopeId: number, drift: Drift): Promise<boolean> {
  const {rows} = await client.query<{is_new: boolean}>(
    `insert into clarifai_sync.drift as d (scope_id, stream, place, records, examples) values ($1, $2, $3, $4, $5)
     on conflict (scope_id, stream, place) do update set records = excluded.records, examples = excluded.examples,
       verified_at = clock_timestamp() returning xmax = 0 as is_new`,
    [scopeId, drift.stream, drift.place, drift.records, JSON.stringify(drift.examples)],
  );
  return rows[0]?.is_new === true;
}

/** What is known to differ, of all scopes. */
export async function knownDrift({
  database,
}: Pick<Store, 'database'>): Promise<(Drift & {scope: Scope; foundAt: Date})[]> {
  const rows = await database.query<{
    user_id: string;
    app_id: string;
    stream: string;
    place: string;
    records: number;
    examples: string[];
    found_at: Date;
  }>(
    `select user_id, app_id, stream, place, records::float8 as records, examples, found_at
     from clarifai_sync.drift join clarifai_sync.scopes using (scope_id) order by 1, 2, 3, 4`,
  );
  return rows.map(({user_id: userId, app_id: appId, found_at: foundAt, ...drift}) => {
    return {scope: {userId, appId}, foundAt, ...drift};
  });
}
