import type pg from 'pg';
import type {Path} from '../core/shape.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import type {StreamOverlay} from '../streams/overlay.ts';
import type {Stream} from '../streams/stream.ts';
import {historyTable} from './history.ts';
import {ident, literal} from './quote.ts';
import {sqlType} from './tables.ts';

const NONE: StreamOverlay = {redact: [], exclude: []};

/**
 * Takes places out of what is stored that were not taken out when it was stored: of rows, versions and what is listed as
 * rejected, in place. The rows get the number of their scope's next run, so that sinks are given them anew; what was
 * published before goes with the next snapshot, as after a purge. A place that is no longer redacted, or is excluded,
 * changes nothing here: values are compared, not only hashes. May be repeated.
 */
export async function applyOverlays(
  client: pg.ClientBase,
  schema: string,
  overlays: ReadonlyMap<string, StreamOverlay>,
): Promise<void> {
  const found = await client.query<{stream: string; redact: Path[]; exclude: Path[]}>(
    'select stream, redact, exclude from clarifai_sync.stream_settings',
  );
  const known = new Map(found.rows.map(({stream, redact, exclude}) => [stream, {redact, exclude}]));
  for (const stream of CATALOGUE) {
    const before = known.get(stream.name) ?? NONE;
    const overlay = overlays.get(stream.name) ?? NONE;
    if (JSON.stringify(overlay) === JSON.stringify(before)) continue;
    const fresh = overlay.redact.filter((path) => !before.redact.some((known) => isSame(known, path)));
    if (fresh.length > 0) await redactStored(client, schema, stream, fresh);
    await client.query(
      `insert into clarifai_sync.stream_settings (stream, redact, exclude) values ($1, $2, $3)
       on conflict (stream) do update set redact = excluded.redact, exclude = excluded.exclude`,
      [stream.name, JSON.stringify(overlay.redact), JSON.stringify(overlay.exclude)],
    );
  }
}

const isSame = (one: Path, other: Path): boolean => JSON.stringify(one) === JSON.stringify(other);

async function redactStored(
  client: pg.ClientBase,
  schema: string,
  stream: Stream,
  paths: readonly Path[],
): Promise<void> {
  const without = paths.reduce((value, path) => `clarifai_sync.without(${value}, ${pathText(path)})`, 't.raw');
  const columns = stream.shape.columns.flatMap((column): string[] => {
    if (paths.some((path) => covers(path, column.path))) return [`${ident(column.name)} = null`];
    // A column of JSON may hold the place.
    if (column.type !== 'json' || !paths.some((path) => covers(column.path, path))) return [];
    return [`${ident(column.name)} = (${without} #> ${pathText(column.path)})::${sqlType(column)}`];
  });
  const next = `(select s.last_sequence + 1 from clarifai_sync.scopes s where s.user_id = t.user_id and s.app_id = t.app_id)`;
  const tables = [stream.name, historyTable(stream)];
  for (const name of tables) {
    const table = ident(schema, name);
    const there = await client.query<{there: boolean}>('select to_regclass($1) is not null as there', [table]);
    if (there.rows[0]?.there !== true) continue;
    await client.query(`lock table ${table} in share row exclusive mode`);
    await client.query(
      `with changed as (update ${table} t set ${['raw = ' + without, ...columns, `_sync_sequence = coalesce(${next}, t._sync_sequence)`].join(', ')}
         where t.raw is distinct from ${without} returning t.user_id, t.app_id, t._sync_sequence)
       insert into clarifai_sync.purges (scope_id, sequence, stream, deleted_before, up_to_sequence)
       select distinct s.scope_id, c._sync_sequence, '', '0001-01-01T00:00:00Z'::timestamptz, 0 from changed c
         join clarifai_sync.scopes s using (user_id, app_id) on conflict do nothing`,
    );
  }
  await client.query(
    `update clarifai_sync.rejects set raw = null, detail = 'not kept: a place of the stream was redacted since' where stream = $1`,
    [stream.name],
  );
}

const pathText = (path: Path): string => `array[${path.map(literal).join(', ')}]::text[]`;

const covers = (outer: Path, inner: Path): boolean =>
  outer.length <= inner.length && outer.every((part, i) => part === '*' || inner[i] === '*' || part === inner[i]);
