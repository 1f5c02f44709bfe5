import type {PreparedPage, PreparedReject} from '../core/prepared.ts';

/** Pages that are committed together, in the order in which they were read. */
export interface Group {
  readonly pages: readonly PreparedPage[];
  /** For streams with a `sign`: what each record of these pages shows of what lies below it. */
  readonly signs: readonly {readonly key: readonly string[]; readonly value: string}[];
}

/** One record of a group: where it is, and what to write of it. */
export interface Entry {
  readonly page: PreparedPage;
  readonly index: number;
}

/** The records of a group in one row, as the compare statement takes them. */
export interface Flat {
  readonly entries: readonly Entry[];
  /** `keys[p][n]`: part p of the key of record n. */
  readonly keys: readonly (readonly string[])[];
  readonly hashes: readonly string[];
  /** Digest of the key that a record's was repaired from; those whose key was not repaired are not in it. */
  readonly originals: ReadonlyMap<number, string>;
  /** Records that another record of the same key in this group takes the place of. */
  readonly superseded: ReadonlySet<number>;
  readonly rejects: readonly PreparedReject[];
}

/**
 * Lays the pages of a group side by side. Of two records with one key the newer `modified_at` counts, and where that
 * does not tell, the one that was read later (invariant 7).
 */
export function flatten(pages: readonly PreparedPage[], keyParts: number): Flat {
  const entries: Entry[] = [];
  const hashes: string[] = [];
  const keys: string[][] = Array.from({length: keyParts}, () => []);
  const originals = new Map<number, string>();
  const rejects: PreparedReject[] = [];
  for (const page of pages) {
    for (let index = 0; index < page.count; index++) {
      const original = page.originalKey(index);
      if (original !== null) originals.set(entries.length, original);
      entries.push({page, index});
      hashes.push(page.hashes[index] as string);
      for (let part = 0; part < keyParts; part++) keys[part]?.push(page.keys[part]?.[index] as string);
    }
    rejects.push(...page.rejects);
  }
  return {entries, keys, hashes, originals, superseded: findSuperseded(entries, keys, originals), rejects};
}

/** No key holds a NUL character after repair, so joining by one cannot make two keys the same. */
export const keyText = (keys: readonly (readonly string[])[], n: number): string =>
  keys.length === 1 ? (keys[0]?.[n] as string) : keys.map((part) => part[n] as string).join('\u0000');

/** Records whose keys became the same by repair do not take each other's place: see key-owners.ts. */
function findSuperseded(
  entries: readonly Entry[],
  keys: readonly (readonly string[])[],
  originals: ReadonlyMap<number, string>,
): Set<number> {
  const superseded = new Set<number>();
  // Keys that are the same have the same last part: where no two have, as in nearly all groups, no key is put together.
  if (new Set(keys.at(-1)).size === entries.length) return superseded;
  const newest = new Map<string, number>();
  for (let n = 0; n < entries.length; n++) {
    const original = originals.get(n);
    const key = original === undefined ? keyText(keys, n) : `${keyText(keys, n)}\u0000\u0000${original}`;
    const other = newest.get(key);
    if (other === undefined) {
      newest.set(key, n);
      continue;
    }
    const loser = isOlder(entries[n] as Entry, entries[other] as Entry) ? n : other;
    superseded.add(loser);
    if (loser === other) newest.set(key, n);
  }
  return superseded;
}

function isOlder(entry: Entry, than: Entry): boolean {
  const ours = entry.page.modified(entry.index);
  const theirs = than.page.modified(than.index);
  return ours !== null && theirs !== null && ours < theirs;
}

/** The key of record n. */
export const keyOf = (flat: Flat, n: number): string[] => flat.keys.map((part) => part[n] as string);
