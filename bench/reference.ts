import {once} from 'node:events';
import {finished} from 'node:stream/promises';
import pg from 'pg';
import {from as copyFrom} from 'pg-copy-streams';
import {ident} from '../src/store/quote.ts';
import {allKeys, ensureTable, sqlType} from '../src/store/tables.ts';
import {keyNames, type Stream} from '../src/streams/stream.ts';
import type {FormattedStream} from './formatted.ts';

const SCHEMA = 'reference';

/**
 * The reference of every case that writes: COPY of records that are formatted already into temporary staging, one
 * guarded statement into the very tables that the service makes, a checkpoint, one transaction a page, one connection.
 * Gives the seconds from the first `begin` to the last `commit`.
 */
export async function loadReference(databaseUrl: string, formatted: readonly FormattedStream[]): Promise<number> {
  const client = new pg.Client({connectionString: databaseUrl});
  await client.connect();
  try {
    await client.query(`create schema ${SCHEMA}`);
    await client.query(`create table ${SCHEMA}.checkpoints (stream text primary key, page int not null)`);
    for (const {stream} of formatted) {
      await ensureTable(client, SCHEMA, stream);
      await client.query(stagingOf(stream));
    }
    const startedMs = performance.now();
    for (const each of formatted) await loadStream(client, each);
    return (performance.now() - startedMs) / 1000;
  } finally {
    await client.end();
  }
}

async function loadStream(client: pg.Client, {stream, pages}: FormattedStream): Promise<void> {
  const copy = `copy staging_${stream.name} from stdin`;
  const merge = mergeOf(stream);
  for (const [n, page] of pages.entries()) {
    await client.query('begin');
    const sink = client.query(copyFrom(copy));
    const done = finished(sink);
    if (!sink.write(page)) await once(sink, 'drain');
    sink.end();
    await done;
    await client.query(merge);
    await client.query(
      `insert into ${SCHEMA}.checkpoints values ($1, $2) on conflict (stream) do update set page = excluded.page`,
      [stream.name, n],
    );
    await client.query('commit');
  }
}

function stagingOf(stream: Stream): string {
  const columns = [
    ...keyNames(stream).map((name) => `${ident(name)} text collate "C"`),
    ...stream.shape.columns.map((column) => `${ident(column.name)} ${sqlType(column)}`),
    'raw jsonb',
    'hash bytea',
    'n bigint',
  ];
  return `create temp table staging_${stream.name} (${columns.join(', ')}) on commit delete rows`;
}

function mergeOf(stream: Stream): string {
  const own = [...keyNames(stream), ...stream.shape.columns.map(({name}) => name), 'raw'].map((name) => ident(name));
  const written = [
    ...own.slice(keyNames(stream).length),
    '_sync_run_id',
    '_sync_sequence',
    '_sync_hash',
    '_sync_changed_at',
  ];
  return (
    `insert into ${ident(SCHEMA, stream.name)} as t (user_id, app_id, ${own.join(', ')}, _sync_hash, _sync_row, ` +
    `_sync_run_id, _sync_sequence, _sync_first_sequence, _sync_first_seen_at, _sync_changed_at) ` +
    `select 'u', 'a', ${own.join(', ')}, hash, n, '00000000-0000-4000-8000-000000000000', 1, 1, now(), now() ` +
    `from staging_${stream.name} on conflict (${allKeys(stream)
      .map((key) => ident(key))
      .join(', ')}) do update set ` +
    `${written.map((name) => `${name} = excluded.${name}`).join(', ')} ` +
    `where t._sync_hash is distinct from excluded._sync_hash`
  );
}
