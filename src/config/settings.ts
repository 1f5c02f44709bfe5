import type {KeyPath, Problem} from './problem.ts';

/** What was written, before anything is known of its meaning, and where each value came from. */
export interface Settings {
  /** The file's keys and values as plain objects and lists; keys without a value are left out. */
  readonly tree: Tree;
  /** Where to look for what is at a path, or around it. */
  readonly originOf: (path: KeyPath) => string | null;
  /** By place: the variable that was named there and is not set. */
  readonly unset: ReadonlyMap<string, string>;
  /** Places whose text came from the environment, and whether it must not be shown. */
  readonly filled: ReadonlyMap<string, {readonly isSecret: boolean}>;
  readonly problems: readonly Problem[];
}

/** A mapping of the file. */
export type Tree = Readonly<Record<string, unknown>>;

/** A path as the key of a map. */
export const placeOf = (path: KeyPath): string => JSON.stringify(path);

/** The value at a path; undefined when there is none, whatever is on the way. */
export function valueAt(tree: unknown, path: KeyPath): unknown {
  let value = tree;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** The mappings of a list with their paths; empty when there is no list there. */
export function mappingsAt(tree: unknown, path: KeyPath): {path: KeyPath; mapping: Tree}[] {
  const list = valueAt(tree, path);
  if (!Array.isArray(list)) return [];
  return list.flatMap((mapping: unknown, i) => (isMapping(mapping) ? [{path: [...path, i], mapping}] : []));
}

/** A copy of the tree with a value at the path; mappings on the way are made where there are none. */
export function withValue(tree: Tree, path: KeyPath, value: unknown): Tree {
  const [part, ...rest] = path;
  if (part === undefined) return tree;
  const here: unknown = Array.isArray(tree) ? [...(tree as unknown[])] : {...tree};
  const child = valueAt(tree, [part]);
  const filled =
    rest.length === 0 ? value : withValue((isMapping(child) || Array.isArray(child) ? child : {}) as Tree, rest, value);
  return Object.assign(here as object, {[part]: filled});
}

/** Whether a value is a mapping, not a list and not a plain value. */
export function isMapping(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
