import type {Answer} from './answer.ts';
import {gone, notOffered, page} from './answer.ts';
import type {ApiRequest} from './api-request.ts';
import type {AppWorld} from './app-world.ts';
import type {ResourceTables} from './resources/resource-tables.ts';
import {serveResource} from './resources/serve-resources.ts';
import {getAnnotation, listAnnotations} from './serve-annotations.ts';
import {listDatasets, serveDataset} from './serve-datasets.ts';
import {getInput, inputCounts, listInputs, streamInputs} from './serve-inputs.ts';
import {getApp, getUser, listApps, resourceCounts} from './serve-owners.ts';
import {searchAnnotations} from './serve-search.ts';
import type {Settings} from './settings.ts';
import {serveBulkOperations, serveConcepts} from './serve-small.ts';

/** The user whose token it is, and that user's apps. */
export interface Realm {
  readonly userId: string;
  readonly worlds: ReadonlyMap<string, AppWorld>;
  /** What belongs to the user and to everybody. */
  readonly shared: ResourceTables;
  readonly settings: Settings;
}

/** Answers a request of the API, in either form of its path. */
export function route(realm: Realm, request: ApiRequest): Answer {
  const segments = segmentsOf(request.path);
  if (segments === null || segments[0] !== 'v2') return notOffered(request.path);
  const long = segments[1] === 'users' && segments[2] !== undefined;
  const userId = long ? (segments[2] as string) : (request.query.get('user_app_id.user_id') ?? 'me');
  const rest = segments.slice(long ? 3 : 1);
  // What is the same for everybody; the app that a request names there only authorises it.
  const forAll = long ? null : serveResource('global', realm.shared, realm.settings, request, rest);
  if (forAll !== null) return forAll;
  if (userId !== 'me' && userId !== realm.userId) return gone(`User '${userId}'`);
  return (long ? userLevel(realm, request, rest) : shortForm(realm, request, rest)) ?? notOffered(request.path);
}

/** Below /v2/users/{user_id}. */
function userLevel(realm: Realm, request: ApiRequest, rest: readonly string[]): Answer | null {
  const worlds = [...realm.worlds.values()];
  const [what, appId, ...below] = rest;
  if (what === undefined) return isGet(request) ? getUser(realm.userId) : null;
  if (what === 'datasets' && appId === undefined && isGet(request)) return listDatasets(worlds, request);
  const shared = serveResource('user', realm.shared, realm.settings, request, rest);
  if (shared !== null) return shared;
  if (what !== 'apps') return null;
  if (appId === undefined) return isGet(request) ? listApps(worlds, request) : null;
  const world = realm.worlds.get(appId);
  if (below.length === 0) return isGet(request) ? getApp(world, appId) : null;
  return world === undefined ? gone(`App '${appId}'`) : appLevel(world, request, below);
}

/** Below /v2, the app being named in the query. */
function shortForm(realm: Realm, request: ApiRequest, rest: readonly string[]): Answer | null {
  if (rest[0] === 'apps') {
    if (rest.length === 1) return isGet(request) ? page('apps', []) : null;
    return userLevel(realm, request, rest);
  }
  const appId = request.query.get('user_app_id.app_id') ?? bodyAppId(request);
  if (appId === null) return null;
  const world = realm.worlds.get(appId);
  return world === undefined ? gone(`App '${appId}'`) : appLevel(world, request, rest);
}

function appLevel(world: AppWorld, request: ApiRequest, rest: readonly string[]): Answer | null {
  const [what, ...below] = rest;
  if (what === 'annotations' && below[0] === 'searches' && below.length === 1) {
    return request.method === 'POST' ? searchAnnotations(world, request) : null;
  }
  if (!isGet(request)) return null;
  const declared = serveResource('app', world.resources, world.settings, request, rest);
  if (declared !== null) return declared;
  switch (what) {
    case 'inputs':
      return inputsLevel(world, request, below);
    case 'annotations':
      return below.length === 0 ? listAnnotations(world, request) : null;
    case 'datasets':
      return below.length === 0 ? listDatasets([world], request) : serveDataset(world, request, below);
    case 'bulk_operations':
      return serveBulkOperations(world, request, below);
    case 'concepts':
      return serveConcepts(world, request, below);
    case 'resource_counts':
      return below.length === 0 ? resourceCounts(world) : null;
    default:
      return null;
  }
}

function inputsLevel(world: AppWorld, request: ApiRequest, below: readonly string[]): Answer | null {
  const [id, annotations, annotationId, ...more] = below;
  if (id === undefined) return listInputs(world, request);
  if (annotations === undefined) {
    if (id === 'stream') return streamInputs(world, request);
    return id === 'status' ? inputCounts(world) : getInput(world, id);
  }
  if (annotations !== 'annotations' || annotationId === undefined || more.length > 0) return null;
  return getAnnotation(world, id, annotationId);
}

function isGet(request: ApiRequest): boolean {
  return request.method === 'GET';
}

function bodyAppId(request: ApiRequest): string | null {
  const ids = (request.body as {user_app_id?: {app_id?: unknown}} | undefined)?.user_app_id;
  return typeof ids?.app_id === 'string' ? ids.app_id : null;
}

/** Decoded segments of a path; null when one cannot be decoded. */
function segmentsOf(path: string): string[] | null {
  try {
    return path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent);
  } catch {
    // A malformed escape names nothing that there is.
    return null;
  }
}
