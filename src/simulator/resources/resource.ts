import {instantText} from '../instant.ts';
import {hash32, hex8} from '../random.ts';
import type {ResourceTables} from './resource-tables.ts';

/** A record of one of the resources below, as JSON has it. */
export type Json = {readonly [name: string]: unknown};

/** What a record is made of. The same seed gives the same. */
export interface Draw {
  /** Number of the record under its parent. */
  readonly n: number;
  /** How many there are under this parent at the beginning. */
  readonly count: number;
  /** Scattered number of the record. */
  readonly h: number;
  /** 32 hex digits. */
  readonly id: string;
  readonly userId: string;
  readonly appId: string;
  /** Key of the parent; empty without one. */
  readonly parentKey: readonly string[];
  /** The parent itself; empty without one. */
  readonly parent: Json;
  /** RFC 3339; a record is modified an hour after it was created. */
  readonly createdAt: string;
  readonly modifiedAt: string;
}

/** One list of the API that is simulated from a declaration alone. */
export interface Resource {
  /** Name of the stream. */
  readonly name: string;
  readonly scope: 'app' | 'user' | 'global';
  /** Below the app, the user or `/v2`, with `{…}` for each part of the parent's key; null where no list has it. */
  readonly path: string | null;
  /** Array of the list. */
  readonly field: string;
  /** Member of the answer to a GET of one record; left out where there is no such GET. */
  readonly one?: string;
  /** The list is given in one answer. */
  readonly isSingle?: true;
  /** The array is left out when it is empty. */
  readonly omitEmpty?: true;
  /** Members before the array, as JSON text that ends in a comma. */
  readonly lead?: string;
  /** Resource, or table of the app, that it lies under. */
  readonly parent?: string;
  /** Has this parent any? Left out: each has. */
  readonly isUnder?: (parent: Json) => boolean;
  /** A record, seeded or added. Left out for what follows from other records (`derive`). */
  readonly make?: (draw: Draw) => Json;
  readonly derive?: (tables: ResourceTables, parentKey: readonly string[]) => readonly Json[];
  /** Its own part of the key; left out: `id`. */
  readonly keyOf?: (record: Json) => readonly string[];
  /** The list gives either the bookmarked ones or the others. */
  readonly hasBookmarks?: true;
  /** Left out of the list unless this parameter is `true`. */
  readonly hidden?: {readonly param: string; readonly is: (record: Json) => boolean};
  /** Records of other apps that come with the list. */
  readonly foreign?: (draw: Draw) => Json;
  /** The record as it is given: with its newest version, say. */
  readonly show?: (record: Json, key: readonly string[], tables: ResourceTables) => Json;
  /** What a GET of one record adds for the parameters given. */
  readonly showOne?: (record: Json, query: URLSearchParams) => Json;
  /** Gives plain values instead of records: those under this name. */
  readonly plainMember?: string;
}

/** How many of each there are under each parent, by name of the stream; none of what is not named. */
export type ResourceCounts = Readonly<Record<string, number>>;

const HOUR_US = 3_600_000_000;

/** What the n-th record of a resource under a parent is made of. */
export function drawOf(
  place: {readonly seed: number; readonly startUs: number; readonly userId: string; readonly appId: string},
  n: number,
  count: number,
  parentKey: readonly string[],
  parent: Json,
): Draw {
  const h = hash32(place.seed, n);
  const createdUs = place.startUs + n * 7 * HOUR_US + (h % 1_000_000);
  return {
    n,
    count,
    h,
    id: hex8(h) + hex8(hash32(h, 1)) + hex8(hash32(h, 2)) + hex8(hash32(h, 3)),
    userId: place.userId,
    appId: place.appId,
    parentKey,
    parent,
    createdAt: instantText(createdUs),
    modifiedAt: instantText(createdUs + HOUR_US),
  };
}

/** A member of a record that is text; '' where there is none. */
export function textOf(record: Json, ...path: readonly string[]): string {
  let at: unknown = record;
  for (const name of path) at = typeof at === 'object' && at !== null ? (at as Json)[name] : undefined;
  return typeof at === 'string' ? at : '';
}

/** Status code of a record; 0 where it has none. */
export function statusOf(record: Json): number {
  const code = (record['status'] as Json | undefined)?.['code'];
  return typeof code === 'number' ? code : 0;
}
