/**
 * Which records of a page have the same key by accident: equal after repair, but not before. All records of such a
 * key are named, repaired or not, since nothing says whose key it is. Records that were equal before are one record.
 * @param keys `keys[p][i]` is part p of record i's key, repaired
 * @param before record i's key as it was, or null when it was not repaired
 */
export function collisionsOf(
  keys: readonly (readonly string[])[],
  before: (i: number) => readonly string[] | null,
): ReadonlySet<number> {
  const count = keys[0]?.length ?? 0;
  const keyOf = (i: number): string => JSON.stringify(keys.map((part) => part[i]!));
  const repaired = new Set<string>();
  for (let i = 0; i < count; i++) if (before(i) !== null) repaired.add(keyOf(i));

  const groups = new Map<string, {readonly members: number[]; readonly originals: Set<string>}>();
  for (let i = 0; i < count; i++) {
    const key = keyOf(i);
    if (!repaired.has(key)) continue;
    const group = groups.get(key) ?? {members: [], originals: new Set()};
    groups.set(key, group);
    group.members.push(i);
    const original = before(i);
    group.originals.add(original === null ? key : JSON.stringify(original));
  }
  const collided = new Set<number>();
  for (const {members, originals} of groups.values()) {
    if (originals.size > 1) for (const i of members) collided.add(i);
  }
  return collided;
}
