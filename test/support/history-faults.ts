import {streamNamed} from '../../src/streams/catalogue.ts';
import {keyNames} from '../../src/streams/stream.ts';
import type {SyncHarness} from './sync-harness.ts';

/** Versions of a record follow each other without gap, overlap or repetition, and the last one is the row. */
export async function historyFaults(harness: SyncHarness, streams: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of streams) {
    const keys = [...new Set(['user_id', 'app_id', ...keyNames(streamNamed(name))])].join(', ');
    const rows = await harness.query<{key: string}>(
      `with v as (select *, lead(_sync_valid_from) over w as next_from, lag(_sync_hash) over w as last_hash, lag(_sync_op) over w as last_op
           from clarifai.${name}_history window w as (partition by ${keys} order by _sync_version)),
         wrong as (select ${keys} from v where _sync_valid_to is distinct from next_from
             or (last_op is null) <> (_sync_op = 'insert') or (_sync_op <> 'delete' and last_op <> 'delete' and last_hash = _sync_hash)
           union select ${keys} from clarifai.${name} t where not exists (select 1 from clarifai.${name}_history h
             where (${keys.replaceAll(/(\w+)/g, 'h.$1')}) = (${keys.replaceAll(/(\w+)/g, 't.$1')}) and h._sync_valid_to is null
               and h._sync_hash = t._sync_hash and h._sync_deleted_at is not distinct from t._sync_deleted_at))
       select concat_ws('/', ${keys}) as key from wrong`,
    );
    found.push(...rows.map(({key}) => `${name} ${key}: its versions are not exact`));
  }
  return found;
}
