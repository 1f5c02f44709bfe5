import type {Simulator} from '../../src/simulator/simulator.ts';

export interface Asked {
  readonly http: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  readonly code: number | undefined;
}

/** Asks the API for something below the app, or for a whole path that begins with /v2. */
export async function ask(simulator: Simulator, path: string, init: RequestInit = {}): Promise<Asked> {
  const whole = path.startsWith('/v2') ? path : `/v2/users/me/apps/${simulator.appId}${path}`;
  const headers = {authorization: `Key ${simulator.pat}`, ...(init.headers as Record<string, string> | undefined)};
  const response = await fetch(simulator.url + whole, {...init, headers, redirect: 'manual'});
  const body = (await response.json()) as Record<string, unknown>;
  return {
    http: response.status,
    headers: response.headers,
    body,
    code: (body['status'] as {code?: number} | undefined)?.code,
  };
}

/** All records of a numbered list, read to its empty page. */
export async function askAll(
  simulator: Simulator,
  path: string,
  field: string,
  perPage: number,
): Promise<Record<string, unknown>[]> {
  const all: Record<string, unknown>[] = [];
  for (let page = 1; ; page++) {
    const {body} = await ask(simulator, `${path}${path.includes('?') ? '&' : '?'}per_page=${perPage}&page=${page}`);
    const records = (body[field] ?? []) as Record<string, unknown>[];
    if (records.length === 0) return all;
    all.push(...records);
  }
}

/** Ids of the records of one answer. */
export function idsOf(asked: Asked, field: string): string[] {
  return ((asked.body[field] ?? []) as {id: string}[]).map((record) => record.id);
}

/** Asks for annotations that were changed in a window. */
export async function search(
  simulator: Simulator,
  range: {start_time: string; end_time: string},
  pagination: {page: number; per_page: number},
): Promise<Asked> {
  const body = {searches: [{query: {filters: [{last_updated_time_range: range}]}}], pagination};
  return await ask(simulator, '/annotations/searches', {method: 'POST', body: JSON.stringify(body)});
}
