import {UsageError} from '../../core/errors.ts';
import {instantText} from '../instant.ts';
import {hash32, seedFrom} from '../random.ts';
import {RESOURCES} from './all-resources.ts';
import {drawOf, type Json, type Resource, type ResourceCounts} from './resource.ts';

/** A living record with its whole key. */
export interface Kept {
  readonly key: readonly string[];
  readonly record: Json;
}

/** Records of an app that other tables hold and that resources lie under: by name of the stream. */
export type OtherParents = Readonly<
  Record<
    string,
    {readonly keys: () => Iterable<readonly string[]>; readonly record: (key: readonly string[]) => Json | null}
  >
>;

export interface TablesPlace {
  readonly userId: string;
  readonly appId: string;
  readonly seed: number;
  /** When the first record was made, microseconds. */
  readonly startUs: number;
  readonly counts: ResourceCounts;
  readonly nowUs: () => number;
  readonly others: OtherParents;
}

const BY_NAME = new Map(RESOURCES.map((resource) => [resource.name, resource]));

/** The resource of that name. Throws UsageError. */
export function resourceNamed(name: string): Resource {
  const resource = BY_NAME.get(name);
  if (resource === undefined) throw new UsageError(`the simulator has no records '${name}'`);
  return resource;
}

/** Records of the declared resources of an app, or of a user and everybody. Those under a parent are made when looked at. */
export class ResourceTables {
  readonly place: TablesPlace;
  readonly #lists = new Map<string, Kept[]>();
  #added = 0;

  constructor(place: TablesPlace) {
    this.place = place;
  }

  /** The resource of that name. Throws UsageError. */
  named(name: string): Resource {
    return resourceNamed(name);
  }

  /** Does this parent live? */
  hasParent(resource: Resource, parentKey: readonly string[]): boolean {
    return resource.parent === undefined || this.#parent(resource.parent, parentKey) !== null;
  }

  /** Living records under one parent, in the order of their making. */
  under(resource: Resource, parentKey: readonly string[]): readonly Kept[] {
    if (!this.hasParent(resource, parentKey)) return [];
    if (resource.derive !== undefined) return this.#derived(resource, parentKey);
    return this.#listOf(resource, parentKey);
  }

  /** All living records of a resource. */
  *all(resource: Resource): Generator<Kept> {
    if (resource.parent === undefined) yield* this.under(resource, []);
    else for (const key of this.keys(resource.parent)) yield* this.under(resource, key);
  }

  /** Keys of all living records of a resource or of another table. */
  *keys(name: string): Generator<readonly string[]> {
    const other = this.place.others[name];
    if (other !== undefined) yield* other.keys();
    else for (const {key} of this.all(resourceNamed(name))) yield key;
  }

  find(resource: Resource, key: readonly string[]): Kept | undefined {
    const parentKey = this.#parentKeyOf(resource, key);
    return this.under(resource, parentKey).find((kept) => isSame(kept.key, key));
  }

  /** The record as the API gives it. */
  shown(resource: Resource, {record, key}: Kept): Json {
    return resource.show === undefined ? record : resource.show(record, key, this);
  }

  /** Adds a record, made like the others, with these members instead of its own. Gives its key. */
  add(name: string, parentKey: readonly string[], fields: Json): readonly string[] {
    const resource = resourceNamed(name);
    if (!this.hasParent(resource, parentKey)) throw new UsageError(`no ${resource.parent} '${parentKey.join('/')}'`);
    const list = this.#listOf(resource, parentKey);
    const now = instantText(this.place.nowUs());
    const n = 10_000 + this.#added++;
    const made = this.#make(resource, parentKey, n, list.length + 1);
    const record = {...made, ...stampsOf(made, now, true), ...fields};
    const key = [...parentKey, ...ownKey(resource, record)];
    if (list.some((kept) => isSame(kept.key, key))) throw new UsageError(`'${key.join('/')}' exists already`);
    list.push({key, record});
    return key;
  }

  /** Edits members of a record; null takes one away. */
  edit(name: string, key: readonly string[], fields: Json): void {
    const {list, at} = this.#place(name, key);
    const {record} = list[at] as Kept;
    const edited = {...record, ...stampsOf(record, instantText(this.place.nowUs()), false), ...fields};
    list[at] = {key, record: Object.fromEntries(Object.entries(edited).filter(([, value]) => value !== null))};
  }

  remove(name: string, key: readonly string[]): void {
    const {list, at} = this.#place(name, key);
    list.splice(at, 1);
  }

  #place(name: string, key: readonly string[]): {list: Kept[]; at: number} {
    const resource = resourceNamed(name);
    if (resource.make === undefined) throw new UsageError(`${name} follows from other records`);
    const list = this.#listOf(resource, this.#parentKeyOf(resource, key));
    const at = list.findIndex((kept) => isSame(kept.key, key));
    if (at < 0) throw new UsageError(`no ${name} '${key.join('/')}'`);
    return {list, at};
  }

  #parentKeyOf(resource: Resource, key: readonly string[]): readonly string[] {
    return key.slice(0, keyLength(resource.parent));
  }

  #parent(name: string, key: readonly string[]): Json | null {
    const other = this.place.others[name];
    if (other !== undefined) return other.record(key);
    return this.find(resourceNamed(name), key)?.record ?? null;
  }

  #derived(resource: Resource, parentKey: readonly string[]): readonly Kept[] {
    const records = resource.derive?.(this, parentKey) ?? [];
    return records.map((record) => ({key: [...parentKey, ...ownKey(resource, record)], record}));
  }

  /** Made at the first look; a parent that is not ready has none, and gets them once it is. */
  #listOf(resource: Resource, parentKey: readonly string[]): Kept[] {
    const parent = resource.parent === undefined ? {} : this.#parent(resource.parent, parentKey);
    if (parent === null || (resource.isUnder !== undefined && !resource.isUnder(parent))) return [];
    const name = JSON.stringify([resource.name, ...parentKey]);
    let list = this.#lists.get(name);
    if (list === undefined) {
      const count = this.place.counts[resource.name] ?? 0;
      list = Array.from({length: count}, (_, n) => {
        const record = this.#make(resource, parentKey, n, count);
        return {key: [...parentKey, ...ownKey(resource, record)], record};
      });
      this.#lists.set(name, list);
    }
    return list;
  }

  #make(resource: Resource, parentKey: readonly string[], n: number, count: number): Json {
    if (resource.make === undefined) throw new UsageError(`${resource.name} follows from other records`);
    const {userId, appId, startUs} = this.place;
    const seed = hash32(this.place.seed, seedFrom(JSON.stringify([resource.name, ...parentKey])));
    const parent = resource.parent === undefined ? {} : (this.#parent(resource.parent, parentKey) ?? {});
    return resource.make(drawOf({seed, startUs, userId, appId}, n, count, parentKey, parent));
  }
}

/** Parts of the key of a resource, or of a table of the app. */
function keyLength(name: string | undefined): number {
  if (name === undefined) return 0;
  const known: Readonly<Record<string, number>> = {concepts: 1, datasets: 1, dataset_versions: 2};
  return known[name] ?? keyLength(resourceNamed(name).parent) + 1;
}

function ownKey(resource: Resource, record: Json): readonly string[] {
  return resource.keyOf === undefined ? [String(record['id'])] : resource.keyOf(record);
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((part, i) => part === b[i]);

/** The stamps that a record has, moved to now; only an added one was created now. */
function stampsOf(record: Json, now: string, isNew: boolean): Json {
  const names = ['modified_at', 'last_modified_at', ...(isNew ? ['created_at'] : [])];
  return Object.fromEntries(names.filter((name) => name in record).map((name) => [name, now]));
}
