import {assert} from '../core/errors.ts';
import type {Scope} from '../core/scope.ts';
import {SourceGoneError, SourceRefusedError} from '../core/source-errors.ts';
import {parsed} from '../core/parsed.ts';
import type {Answer, ApiClient} from './client.ts';
import {numberedPages} from './numbered-pages.ts';
import {recordsOf, type SourceRecords} from './pages.ts';
import type {PathParams, Query} from './paths.ts';

/** What GetApp tells of an app. */
export interface AppAnswer {
  /** The app's own record, alone in the bytes of the answer. */
  readonly records: SourceRecords;
  /** Changes when inputs, annotations or memberships do; for equality only. null: unknown, which proves nothing. */
  readonly marker: string | null;
  /** All digits, as the API wrote it; null when absent. */
  readonly modifiedAt: string | null;
  /** Totals by name (`inputs`, `datasets`, …); a name that is absent is zero or unknown. */
  readonly counts: Readonly<Record<string, number>>;
}

/** What the API is asked for in one request: values of each repeated parameter, all arrays of one length. */
export type RepeatedKeys = Readonly<Record<string, readonly string[]>>;

/** Most ids in one request: what Clarifai's own clients send (clarifai-api.md, section 3.3). */
export const MAX_IDS = 128;

const APP = '/v2/users/{user_id}/apps/{app_id}';

/** The real user id of the credential's owner: what `me` stands for. */
export async function whoAmI(client: ApiClient, signal: AbortSignal): Promise<string> {
  const template = '/v2/users/me';
  const answer = await client.get(template, {}, {}, {records: {field: 'user'}}, signal);
  const id = textOf(onlyRecord(answer, template)['id']);
  if (id === null) throw unreadable(template, answer, 'the user has no id');
  return id;
}

/** The app with its marker and counts; only GetApp has the marker, no list does. Throws SourceGoneError if there is none. */
export async function getApp(client: ApiClient, scope: Scope, signal: AbortSignal): Promise<AppAnswer> {
  const query = {additional_fields: ['counts']};
  const answer = await client.get(APP, paramsOf(scope), query, {records: {field: 'app'}}, signal);
  const app = onlyRecord(answer, APP);
  const extra = objectOf(app['extra_info']);
  const counts = Object.entries(objectOf(extra['counts'])).map(([name, count]) => [name, Number(count)] as const);
  return {
    records: recordsOf(answer),
    marker: textOf(extra['search_revision_marker']),
    modifiedAt: textOf(app['modified_at']),
    counts: Object.fromEntries(counts.filter(([, count]) => Number.isFinite(count))),
  };
}

/** Ids of all apps of a user. The list may shift under the reader: an app that it shows twice is given once. */
export async function listAppIds(client: ApiClient, userId: string, signal: AbortSignal): Promise<readonly string[]> {
  const template = '/v2/users/{user_id}/apps';
  const call = {method: 'GET', template, params: {user_id: userId}, records: {field: 'apps'}} as const;
  const ids = new Set<string>();
  for await (const {bytes, spans} of numberedPages(client, call, {from: null, pageSize: APPS_AT_ONCE}, signal)) {
    for (let i = 0; i < spans.length; i += 2) {
      const app = objectOf(parsed(bytes.toString('utf8', spans[i], spans[i + 1])));
      const id = textOf(app['id']);
      if (id !== null) ids.add(id);
    }
  }
  return [...ids];
}

const APPS_AT_ONCE = 1_000;

/** How many inputs the app holds, in whatever state; null when the answer does not say. */
export async function inputCounts(client: ApiClient, scope: Scope, signal: AbortSignal): Promise<number | null> {
  const template = `${APP}/inputs/status`;
  const answer = await client.get(template, paramsOf(scope), {}, {records: {field: 'counts'}}, signal);
  if (answer.spans.length === 0) return null;
  const counts = onlyRecord(answer, template);
  // The four reindex counters count the same inputs again.
  const parts = ['processed', 'to_process', 'errors', 'processing'].map((name) => Number(counts[name] ?? 0));
  const total = parts.reduce((sum, count) => sum + count, 0);
  return Number.isFinite(total) ? total : null;
}

/**
 * The inputs with these ids. Whether unknown ids are left out or make the answer an error is not documented, so a
 * SourceGoneError may mean any of them. Order is not that of `ids`.
 * @param ids 1 to 128; see `keyBatches`
 */
export async function inputsByIds(client: ApiClient, scope: Scope, ids: readonly string[], signal: AbortSignal) {
  return await listByKeys(client, {template: `${APP}/inputs`, params: paramsOf(scope), field: 'inputs'}, {ids}, signal);
}

/** The list in which keys are asked for. */
export interface KeyedList {
  readonly template: string;
  readonly params: PathParams;
  readonly field: string;
  readonly query?: Query;
  /** Records to ask for; left out, as many as there are keys. More where one key can name several records. */
  readonly perPage?: number;
}

/** What a list holds of the given keys, in one request: its first page. */
export async function listByKeys(
  client: ApiClient,
  list: KeyedList,
  keys: RepeatedKeys,
  signal: AbortSignal,
): Promise<SourceRecords> {
  const lengths = Object.values(keys).map((values) => values.length);
  const count = lengths[0] ?? 0;
  assert(count > 0 && count <= MAX_IDS, `between 1 and ${MAX_IDS} keys can be asked for at once`, {keys: count});
  assert(
    lengths.every((length) => length === count),
    'every part of the keys is given for each of them',
  );
  const query = {...list.query, ...keys, page: 1, per_page: list.perPage ?? count};
  return recordsOf(await client.get(list.template, list.params, query, {records: {field: list.field}}, signal));
}

/** Is the record at this path there? Gone is only what the API itself calls not existing, never a 404 alone. */
export async function recordExists(
  client: ApiClient,
  template: string,
  params: PathParams,
  signal: AbortSignal,
): Promise<'alive' | 'gone'> {
  try {
    await client.get(template, params, {}, {}, signal);
    return 'alive';
  } catch (error) {
    if (error instanceof SourceGoneError) return 'gone';
    throw error;
  }
}

const paramsOf = ({userId, appId}: Scope): PathParams => ({user_id: userId, app_id: appId});

function onlyRecord(answer: Answer, template: string): Readonly<Record<string, unknown>> {
  if (answer.spans.length !== 2) throw unreadable(template, answer, 'it does not hold the one object that it is about');
  try {
    return objectOf(JSON.parse(answer.bytes.toString('utf8', answer.spans[0], answer.spans[1])));
  } catch (cause) {
    throw unreadable(template, answer, 'what it is about is not JSON', cause);
  }
}

const unreadable = (template: string, answer: Answer, found: string, cause?: unknown) =>
  new SourceRefusedError(`GET ${template}: the answer cannot be read, ${found}`, {
    context: {template, http_status: answer.httpStatus, req_id: answer.status.reqId},
    cause,
  });

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
