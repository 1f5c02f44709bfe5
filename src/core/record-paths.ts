import {assert} from './errors.ts';
import type {Path, RecordShape} from './shape.ts';

const QUOTE = 0x22;
const TABLE_SIZE = 64;

/** A place that a shape speaks of, or the way to one. Read only after `pathsOf` has made it. */
export class PathNode {
  /** Children by name; `table` finds the first candidate by a hash of the name, `next` the others of that hash. */
  readonly names: Buffer[] = [];
  readonly children: PathNode[] = [];
  readonly next: number[] = [];
  readonly table = new Int16Array(TABLE_SIZE).fill(-1);
  /** Stands for array elements, and for members that are not named; null when no path has `*` here. */
  star: PathNode | null = null;
  /** Where the span of this value is kept; -1 when nobody reads it. */
  slot = -1;
  /** Slots of this place and of all below it are `firstSlot` to `endSlot - 1`. */
  firstSlot = 0;
  endSlot = 0;
  redact = false;
  volatile = false;
  /** For an object that is compared by its id: the node of that member. */
  idOnly: PathNode | null = null;
  /** Is there anything to find inside this value? */
  isBranch = false;

  /** Node of the member whose undecoded name is at `start` to `end - 1`; null when the shape does not speak of it. */
  find(bytes: Buffer, start: number, end: number): PathNode | null {
    const length = end - start;
    for (let k = this.table[bucketOf(bytes, start, end)]!; k !== -1; k = this.next[k]!) {
      const name = this.names[k]!;
      if (name.length !== length) continue;
      let same = 0;
      while (same < length && name[same] === bytes[start + same]) same++;
      if (same === length) return this.children[k]!;
    }
    return this.star;
  }

  add(text: string, child: PathNode): void {
    const name = Buffer.from(text);
    const bucket = bucketOf(name, 0, name.length);
    this.next.push(this.table[bucket]!);
    this.table[bucket] = this.names.length;
    this.names.push(name);
    this.children.push(child);
  }
}

/** A shape made ready for scanning: all its paths in one tree, so that one pass over a record finds them all. */
export interface RecordPaths {
  readonly root: PathNode;
  readonly slotCount: number;
  /** Slot of each key part; -1 for parts that come from the parent, or from one of several places. */
  readonly keySlots: readonly number[];
  /** For parts that come from one of several places: the slot of each; empty for all others. */
  readonly choiceSlots: readonly (readonly number[])[];
  /** Slots of what says whose the record is; null where the shape does not ask. */
  readonly ownerSlots: {readonly userId: number; readonly appId: number; readonly unless: number} | null;
  /** Slot of each column; -1 for one inside a redacted place, which the record must be taken not to have. */
  readonly columnSlots: readonly number[];
  /** Slot of `modifiedAt`; -1 when the record does not say. */
  readonly modifiedSlot: number;
  readonly hasRedactions: boolean;
}

const compiled = new WeakMap<RecordShape, RecordPaths>();

/** The tree of a shape's paths, made once per shape. A key, column or modifiedAt path with `*` is a BugError. */
export function pathsOf(shape: RecordShape): RecordPaths {
  let paths = compiled.get(shape);
  if (paths === undefined) {
    paths = compile(shape);
    compiled.set(shape, paths);
  }
  return paths;
}

type Use = 'read' | 'redact' | 'volatile' | 'idOnly' | 'id';

interface Rest {
  readonly path: Path;
  readonly use: Use;
  /** Told the slot, for `read`. */
  readonly tell?: (slot: number) => void;
}

function compile(shape: RecordShape): RecordPaths {
  const keySlots = shape.key.map(() => -1);
  const choiceSlots = shape.key.map((part) => (part.from === 'choice' ? part.choices.map(() => -1) : []));
  const ownerSlots = {userId: -1, appId: -1, unless: -1};
  const columnSlots = shape.columns.map(() => -1);
  let modifiedSlot = -1;
  const read = (path: Path, tell: (slot: number) => void): Rest => {
    assert(path.length > 0 && !path.includes('*'), 'a key or column path names members only', {path: path.join('.')});
    return {path, use: 'read', tell};
  };
  const all: Rest[] = [];
  shape.key.forEach((part, p) => {
    if (part.from === 'record') all.push(read(part.path, (slot) => (keySlots[p] = slot)));
    if (part.from !== 'choice') return;
    part.choices.forEach(({path}, c) => all.push(read(path, (slot) => (choiceSlots[p]![c] = slot))));
  });
  if (shape.owner !== undefined) {
    all.push(read(shape.owner.userId, (slot) => (ownerSlots.userId = slot)));
    all.push(read(shape.owner.appId, (slot) => (ownerSlots.appId = slot)));
    all.push(read(shape.owner.unless, (slot) => (ownerSlots.unless = slot)));
  }
  shape.columns.forEach((column, c) => {
    const isRedacted = shape.redact.some((path) => isAtOrAround(path, column.path));
    if (!isRedacted) all.push(read(column.path, (slot) => (columnSlots[c] = slot)));
  });
  if (shape.modifiedAt !== null) all.push(read(shape.modifiedAt, (slot) => (modifiedSlot = slot)));
  for (const path of shape.redact) all.push({path, use: 'redact'});
  for (const path of shape.volatile) all.push({path, use: 'volatile'});
  for (const path of shape.byIdOnly) all.push({path, use: 'idOnly'});
  const slots = {count: 0};
  const root = build(all, slots);
  return {
    root,
    slotCount: slots.count,
    keySlots,
    choiceSlots,
    ownerSlots: shape.owner === undefined ? null : ownerSlots,
    columnSlots,
    modifiedSlot,
    hasRedactions: shape.redact.length > 0,
  };
}

// `*` goes on beside every name, so that a member both named and starred does what both say. Slots are numbered from
// the outside in, which makes those below a node one range.
function build(rests: readonly Rest[], slots: {count: number}): PathNode {
  const node = new PathNode();
  node.firstSlot = slots.count;
  const own = rests.filter((rest) => rest.path.length === 0);
  const below = rests.filter((rest) => rest.path.length > 0);
  for (const rest of own) {
    if (rest.use === 'redact') node.redact = true;
    if (rest.use === 'volatile') node.volatile = true;
    if (rest.use === 'idOnly') below.push({path: ['id'], use: 'id'});
    if (rest.use === 'read') {
      if (node.slot === -1) node.slot = slots.count++;
      rest.tell?.(node.slot);
    }
  }
  const step = (rest: Rest): Rest => ({...rest, path: rest.path.slice(1)});
  const starred = below.filter((rest) => rest.path[0] === '*');
  if (starred.length > 0) node.star = build(starred.map(step), slots);
  for (const name of new Set(below.map((rest) => rest.path[0]!))) {
    if (name === '*') continue;
    const named = below.filter((rest) => rest.path[0] === name || rest.path[0] === '*');
    const child = build(named.map(step), slots);
    node.add(name, child);
    if (name === 'id' && own.some((rest) => rest.use === 'idOnly')) node.idOnly = child;
  }
  node.endSlot = slots.count;
  node.isBranch = below.length > 0;
  return node;
}

function isAtOrAround(outer: Path, inner: Path): boolean {
  return outer.length <= inner.length && outer.every((name, k) => name === '*' || name === inner[k]);
}

function bucketOf(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  const first = length === 0 ? QUOTE : bytes[start]!;
  const last = length === 0 ? QUOTE : bytes[end - 1]!;
  return (length * 7 + first * 3 + last) & (TABLE_SIZE - 1);
}
