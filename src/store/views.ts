import {createHash} from 'node:crypto';
import type pg from 'pg';
import {VIEWS, type View} from '../streams/views.ts';
import {ident, literal} from './quote.ts';

/**
 * Makes the flat companions as the catalogue has them now. A view that is there as it should be is left alone, so that
 * opening the store takes no lock on it; columns are only ever added at the end. May be repeated.
 */
export async function ensureViews(client: pg.ClientBase, schema: string): Promise<void> {
  const found = await client.query<{name: string; comment: string | null}>(
    `select c.relname as name, obj_description(c.oid, 'pg_class') as comment from pg_class c
     join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = any ($2) and c.relkind = 'v'`,
    [schema, VIEWS.map(({name}) => name)],
  );
  const comments = new Map(found.rows.map(({name, comment}) => [name, comment]));
  for (const view of VIEWS) {
    const text = viewSql(view, schema);
    const comment = `${view.doc} (definition ${createHash('sha256').update(text).digest('hex').slice(0, 12)})`;
    if (comments.get(view.name) === comment) continue;
    const columns = view.columns.map(({name, doc}) =>
      commentSql(`column ${ident(schema, view.name)}.${ident(name)}`, doc),
    );
    await client.query([text, commentSql(`view ${ident(schema, view.name)}`, comment), ...columns].join(';\n'));
  }
}

function viewSql({name, of, columns, joins = '', where = 'true'}: View, schema: string): string {
  const list = columns.map((column) => `${castOf(column)} as ${ident(column.name)}`).join(',\n  ');
  return `create or replace view ${ident(schema, name)} as select\n  ${list}
from ${ident(schema, of)} t ${joins} where t._sync_deleted_at is null and ${where}`;
}

/** A column's type is that which is documented, whatever its expression would give. */
const castOf = ({sql, type}: View['columns'][number]): string => `(${sql})::${type}`;

const commentSql = (what: string, doc: string): string => `comment on ${what} is ${literal(doc)}`;
