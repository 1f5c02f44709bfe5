import {createHash} from 'node:crypto';
import type pg from 'pg';
import {CATALOGUE} from '../streams/catalogue.ts';
import {VIEWS} from '../streams/views.ts';
import {historyTable} from './history.ts';
import {SYNC_COLUMNS} from './tables.ts';

/**
 * Digest of what the tables and views of the schema are to be, and of what is there. As long as it is the one that was
 * noted when all had been made, nothing is missing and nothing has to be made: looking at each of some hundred tables
 * and views took a run that finds nothing changed a tenth of its time, and defined every view anew.
 */
export async function madeDigest(client: pg.ClientBase, schema: string, history: boolean): Promise<string> {
  const {rows} = await client.query<{found: string}>(
    `select coalesce(string_agg(concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid::regtype::text), ',' order by c.relname, a.attnum), '') as found
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relname = any ($2) and a.attnum > 0 and not a.attisdropped`,
    [schema, NAMES],
  );
  const wanted = JSON.stringify({catalogue: CATALOGUE, views: VIEWS, columns: SYNC_COLUMNS, history});
  return createHash('sha256')
    .update(wanted)
    .update(rows[0]?.found ?? '')
    .digest('hex');
}

const NAMES = [
  ...CATALOGUE.flatMap((stream) => [stream.name, `${stream.name}_current`, historyTable(stream)]),
  ...VIEWS.map(({name}) => name),
];
