import type pg from 'pg';
import type {PreparedReject} from '../core/prepared.ts';
import type {Scope} from '../core/scope.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import {NO_HASH} from './compare-sql.ts';
import {flatten, keyOf, keyText, type Flat, type Group} from './group.ts';
import {settleKeyOwners} from './key-owners.ts';
import {arrayText} from './quote.ts';
import {recordIdentity} from './reject-identity.ts';
import type {StreamSql} from './stream-sql.ts';
import {rejectOf, RowLines, writeRows, type Differing} from './write-rows.ts';
import type {Writer} from './writer.ts';

/** Marks of what a pass sees are made along with the compare; null outside of a pass. */
export interface MarkFor {
  readonly passId: string;
  /** Rows numbered higher came after the pass had begun and cannot be found missing. */
  readonly lastRow: string;
}

export interface WriteCounts {
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  /** Living rows more than before: those inserted, and those that were marked deleted and live again. */
  readonly moreLiving: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly repaired: number;
  /** Readings of rows that the pass can find missing. */
  readonly knownRead: number;
  /** Rejected records whose key cannot be read. */
  readonly keylessRejects: number;
  readonly rejects: readonly PreparedReject[];
  /** Keys of rows that were marked deleted and live again. */
  readonly returned: readonly (readonly string[])[];
  /** Identities (reject-identity.ts) of the records that are stored, whether they had to be written or not. */
  readonly storedIdentities: () => string[];
  /** The same of those that were written. */
  readonly writtenIdentities: () => string[];
}

/** A key longer than this does not fit an index entry of Postgres (2,704 bytes), some room for the rest left. */
const MAX_KEY_BYTES = 2_500;

/**
 * Writes the records of a group that differ from the rows, within the caller's transaction: compare, COPY into staging,
 * one guarded statement. Where nothing was stored before, COPY goes straight into the table, which is a third cheaper
 * (facts-speed.md, section 5). A record that Postgres refuses is found and left out, the others are written.
 * @param isEmpty nothing of this scope is in the table yet, so that there is nothing to compare with
 */
export async function writeGroup(
  client: pg.ClientBase,
  stream: Stream,
  schema: string,
  sql: StreamSql,
  writer: Writer,
  group: Group,
  marks: MarkFor | null,
  isEmpty: boolean,
): Promise<WriteCounts> {
  const flat = flatten(group.pages, keyNames(stream).length);
  // Records of the group that cannot be stored, by number, and why.
  const refused = new Map<number, PreparedReject>();
  for (const n of keysTooLong(flat, writer.scope)) {
    refused.set(n, rejectOf(flat, n, 'store_refused', 'its key is too long for an index'));
  }
  const collided = await settleKeyOwners(client, schema, stream, writer, flat, new Set(refused.keys()));
  for (const n of collided) refused.set(n, rejectOf(flat, n, 'key_collision', COLLIDED));

  const compared = isEmpty ? allFresh(flat) : await compare(client, sql, writer, flat, collided, marks);
  const differing = compared.differing.filter((d) => !flat.superseded.has(d.n) && !refused.has(d.n));
  const rows = new RowLines(flat, writer);
  const {inserted, updated} = await writeRows(client, sql, writer, rows, differing, isEmpty, refused);
  const identity = (n: number): string => recordIdentity(keyOf(flat, n), flat.originals.get(n));
  const known = flat.rejects.filter((reject) => reject.kind === 'rejected');
  const repairs = [...repairedKeys(flat, collided), ...rows.repairs(refused)];
  const rejected = [...known, ...refused.values()];
  const read = flat.entries.length + known.length;
  return {
    read,
    inserted,
    updated,
    moreLiving: inserted + differing.filter(({n, isGone}) => isGone && !refused.has(n)).length,
    unchanged: read - rejected.length - inserted - updated,
    rejected: rejected.length,
    repaired: new Set(repairs.map(({key, digest}) => JSON.stringify([key, digest]))).size,
    knownRead: compared.knownRead,
    keylessRejects: rejected.filter((reject) => reject.key === null).length,
    rejects: [...rejected, ...repairs],
    returned: differing.filter((d) => d.isGone).map(({n}) => keyOf(flat, n)),
    storedIdentities: () => flat.entries.flatMap((_, n) => (refused.has(n) ? [] : [identity(n)])),
    writtenIdentities: () => differing.flatMap(({n}) => (refused.has(n) ? [] : [identity(n)])),
  };
}

const COLLIDED =
  'by repair its key became the same as that of another record: of one that is stored, or that came along';

/** Repaired keys, which are listed as such at each reading; those of records that collide are listed as that. */
function repairedKeys(flat: Flat, collided: ReadonlySet<number>): PreparedReject[] {
  const lost = new Set([...collided].map((n) => flat.originals.get(n)));
  return flat.rejects.filter(({kind, digest}) => kind === 'repaired' && !lost.has(digest ?? ''));
}

interface Compared {
  readonly differing: readonly Differing[];
  readonly knownRead: number;
}

const allFresh = (flat: Flat): Compared => ({
  differing: flat.entries.map((_, n) => ({n, row: null, isGone: false})),
  knownRead: 0,
});

async function compare(
  client: pg.ClientBase,
  sql: StreamSql,
  writer: Writer,
  flat: Flat,
  collided: ReadonlySet<number>,
  marks: MarkFor | null,
): Promise<Compared> {
  if (flat.entries.length === 0 && flat.rejects.every((reject) => reject.key === null)) {
    return {differing: [], knownRead: 0};
  }
  // What collides with a stored row is another record: that row is neither like it nor seen by it.
  const asked = collided.size === 0 ? null : flat.entries.flatMap((_, n) => (collided.has(n) ? [] : [n]));
  const askedOf = (values: readonly string[]) => (asked === null ? values : asked.map((n) => values[n] as string));
  const seenOnly = marks === null ? [] : keysSeen(flat.rejects);
  const keys = flat.keys.map((part, p) => arrayText([...askedOf(part), ...seenOnly.map((key) => key[p] as string)]));
  const hashes = `\\x${askedOf(flat.hashes).join('')}${NO_HASH.repeat(seenOnly.length)}`;
  const found = await client.query<[number, string | null, boolean]>({
    text: sql.compare,
    values: [...keys, hashes, writer.scope.userId, writer.scope.appId, marks?.passId ?? null, marks?.lastRow ?? 0],
    rowMode: 'array',
  });
  const differing: Differing[] = [];
  let knownRead = 0;
  const count = asked?.length ?? flat.entries.length;
  for (const [i, row, isGone] of found.rows) {
    if (i === -1) knownRead = Number(row);
    else if (i < count) differing.push({n: asked === null ? i : (asked[i] as number), row, isGone});
  }
  return {differing, knownRead};
}

/**
 * A rejected record whose key can be read counts as seen (invariant 8): its key goes along with a hash that none has.
 * Records whose keys became the same by repair are one row at most: it is read once, whichever of them it is.
 */
function keysSeen(rejects: readonly PreparedReject[]): (readonly string[])[] {
  const keys = new Map<string, readonly string[]>();
  for (const [i, {kind, key, reason}] of rejects.entries()) {
    if (kind !== 'rejected' || key === null) continue;
    keys.set(reason === 'key_collision' ? JSON.stringify(key) : String(i), key);
  }
  return [...keys.values()];
}

function keysTooLong(flat: Flat, scope: Scope): Set<number> {
  const room = MAX_KEY_BYTES - Buffer.byteLength(scope.userId) - Buffer.byteLength(scope.appId);
  const tooLong = new Set<number>();
  for (let n = 0; n < flat.entries.length; n++) {
    let units = 0;
    for (const part of flat.keys) units += (part[n] as string).length;
    // A UTF-16 unit is at most three bytes of UTF-8: only what may be too long is counted in bytes.
    if (units * 3 > room && Buffer.byteLength(keyText(flat.keys, n)) > room) tooLong.add(n);
  }
  return tooLong;
}
