import type pg from 'pg';
import {keyNames, type Stream} from '../streams/stream.ts';
import {keyText, type Flat} from './group.ts';
import {arrayText, ident} from './quote.ts';
import type {Writer} from './writer.ts';

/**
 * Finds the records of a group whose key is another record's by accident: by repair it became the same as the key of a
 * living row that stems from another original, or as that of another record of the group (contract, section 4: rejected,
 * not merged). A row belongs to the record that it was made from until it is marked deleted; whose key it is when
 * neither has a row, nothing tells. Notes whom the keys of the others belong to from now on.
 * @param unstorable records that will not be written anyhow
 * @returns numbers of the records that collide
 */
export async function settleKeyOwners(
  client: pg.ClientBase,
  schema: string,
  stream: Stream,
  writer: Writer,
  flat: Flat,
  unstorable: ReadonlySet<number>,
): Promise<ReadonlySet<number>> {
  if (flat.entries.length === 0) return new Set();
  if (flat.originals.size === 0 && !(await hasRepairedKeys(client, stream, writer))) return new Set();
  const rows = await ownersOf(client, schema, stream, writer, flat);
  const byKey = new Map<string, number[]>();
  for (let n = 0; n < flat.entries.length; n++) {
    const isConcerned = flat.originals.has(n) || rows[n]?.original !== null;
    if (isConcerned && !unstorable.has(n)) byKey.set(keyText(flat.keys, n), []);
  }
  for (let n = 0; n < flat.entries.length; n++) byKey.get(keyText(flat.keys, n))?.push(n);
  const collided = new Set<number>();
  for (const members of byKey.values()) {
    const first = members[0] as number;
    const {isAlive, original: owner} = rows[first] as Owner;
    const originals = new Set(members.map((n) => flat.originals.get(n) ?? null));
    if (isAlive || originals.size > 1) {
      for (const n of members) if (!isAlive || (flat.originals.get(n) ?? null) !== owner) collided.add(n);
    } else await noteOwner(client, stream, writer, flat, first);
  }
  return collided;
}

/** What is known of the row under a record's key. `original`: digest of the key that it was repaired from; null: of itself. */
interface Owner {
  readonly isAlive: boolean;
  readonly original: string | null;
}

async function hasRepairedKeys(client: pg.ClientBase, stream: Stream, writer: Writer): Promise<boolean> {
  const found = await client.query(
    'select 1 from clarifai_sync.repaired_keys where scope_id = $1 and stream = $2 limit 1',
    [writer.scopeId, stream.name],
  );
  return found.rows.length > 0;
}

async function ownersOf(
  client: pg.ClientBase,
  schema: string,
  stream: Stream,
  {scopeId, scope}: Writer,
  flat: Flat,
): Promise<Owner[]> {
  const names = keyNames(stream);
  const parts = names.map((_, p) => `u.k${p}`);
  const found = await client.query<{alive: boolean; original: string | null}>(
    `select t._sync_row is not null as alive, o.original
     from unnest(${names.map((_, p) => `$${p + 5}::text[]`).join(', ')}) with ordinality u(${names.map((_, p) => `k${p}`).join(', ')}, n)
     left join lateral (select _sync_row from ${ident(schema, stream.name)} t where t.user_id = $3 and t.app_id = $4
       and t._sync_deleted_at is null and ${names.map((name, p) => `t.${ident(name)} = u.k${p}`).join(' and ')} limit 1) t on true
     left join clarifai_sync.repaired_keys o on o.scope_id = $1 and o.stream = $2 and o.key = array[${parts.join(', ')}]
     order by u.n`,
    [scopeId, stream.name, scope.userId, scope.appId, ...flat.keys.map((part) => arrayText(part))],
  );
  return found.rows.map((row) => ({isAlive: row.alive, original: row.original}));
}

/** From now on the key is that of record n. */
async function noteOwner(
  client: pg.ClientBase,
  stream: Stream,
  {scopeId}: Writer,
  flat: Flat,
  n: number,
): Promise<void> {
  const key = flat.keys.map((part) => part[n] as string);
  const original = flat.originals.get(n);
  if (original === undefined) {
    await client.query('delete from clarifai_sync.repaired_keys where scope_id = $1 and stream = $2 and key = $3', [
      scopeId,
      stream.name,
      key,
    ]);
  } else {
    await client.query(
      `insert into clarifai_sync.repaired_keys (scope_id, stream, key, original) values ($1, $2, $3, $4)
       on conflict (scope_id, stream, key) do update set original = excluded.original`,
      [scopeId, stream.name, key, original],
    );
  }
}
