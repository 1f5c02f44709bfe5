import {gone, page, type Answer} from '../answer.ts';
import {isFailure, pageOf, type ApiRequest} from '../api-request.ts';
import type {RecordText} from '../record.ts';
import type {Settings} from '../settings.ts';
import {RESOURCES} from './all-resources.ts';
import {drawOf, type Json, type Resource} from './resource.ts';
import type {Kept, ResourceTables} from './resource-tables.ts';

/** What was asked for: a list under a parent, or one record of it. */
interface Asked {
  readonly resource: Resource;
  readonly parentKey: readonly string[];
  /** Own part of the key; null for the list. */
  readonly own: string | null;
}

/** Answers a GET below an app, a user or `/v2`; null when none of the declared resources is meant. */
export function serveResource(
  scope: Resource['scope'],
  tables: ResourceTables,
  settings: Settings,
  request: ApiRequest,
  rest: readonly string[],
): Answer | null {
  const asked = askedFor(scope, rest);
  if (asked === null || request.method !== 'GET') return null;
  const {resource, parentKey, own} = asked;
  if (settings.notOffered.includes(resource.name)) return null;
  if (!tables.hasParent(resource, parentKey)) return gone(`${resource.parent} '${parentKey.join('/')}'`);
  if (own !== null) return one(resource, tables, [...parentKey, own], request);
  return list(resource, tables, settings, request, parentKey);
}

/** Fixed words before names: `models/types` is no model called types. */
function askedFor(scope: Resource['scope'], rest: readonly string[]): Asked | null {
  let found: Asked | null = null;
  for (const resource of RESOURCES) {
    if (resource.scope !== scope || resource.path === null) continue;
    const parts = resource.path.split('/');
    const isOne = rest.length === parts.length + 1 && resource.one !== undefined;
    if (rest.length !== parts.length && !isOne) continue;
    if (!parts.every((part, i) => part.startsWith('{') || part === rest[i])) continue;
    const parentKey = rest.filter((_, i) => parts[i]?.startsWith('{') === true);
    const asked = {resource, parentKey, own: isOne ? (rest.at(-1) ?? '') : null};
    if (!isOne) return asked;
    found ??= asked;
  }
  return found;
}

function one(resource: Resource, tables: ResourceTables, key: readonly string[], {query}: ApiRequest): Answer {
  const kept = tables.find(resource, key);
  if (kept === undefined) return gone(`${resource.one} '${key.join('/')}'`);
  const shown = tables.shown(resource, kept);
  const record = resource.showOne === undefined ? shown : resource.showOne(shown, query);
  return {kind: 'object', members: [`"${resource.one}":`, JSON.stringify(record)]};
}

function list(
  resource: Resource,
  tables: ResourceTables,
  settings: Settings,
  {query}: ApiRequest,
  parentKey: readonly string[],
): Answer {
  const {isSingle = false, omitEmpty = false, lead = '', hidden, hasBookmarks} = resource;
  const isBookmarks = query.get('bookmark') === 'true';
  const kept = tables
    .under(resource, parentKey)
    .filter(({record}) => hidden === undefined || query.get(hidden.param) === 'true' || !hidden.is(record))
    .filter(({record}) => hasBookmarks !== true || isBookmarks === 'bookmark_origin' in record);
  const texts = [...foreign(resource, tables, isBookmarks), ...kept.map((each) => recordText(resource, tables, each))];
  if (isSingle) return page(resource.field, texts, {omitEmpty, lead});
  const wanted = pageOf(query, settings);
  if (isFailure(wanted)) return wanted;
  return page(resource.field, texts.slice(wanted.offset, wanted.offset + wanted.perPage), {omitEmpty, lead});
}

/** A record as the list gives it. */
export function recordText(resource: Resource, tables: ResourceTables, kept: Kept): RecordText {
  const shown = tables.shown(resource, kept);
  return JSON.stringify(resource.plainMember === undefined ? shown : shown[resource.plainMember]);
}

function foreign(resource: Resource, {place}: ResourceTables, isBookmarks: boolean): RecordText[] {
  if (resource.foreign === undefined || isBookmarks || (place.counts[resource.name] ?? 0) === 0) return [];
  const record: Json = resource.foreign(drawOf(place, 0, 1, [], {}));
  return [JSON.stringify(record)];
}
