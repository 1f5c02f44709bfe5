import type {IncomingMessage, ServerResponse} from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Answer} from './answer.ts';
import {encodeAnswer, failure} from './answer.ts';
import type {ApiRequest} from './api-request.ts';
import {member} from './api-request.ts';
import type {SimulatorClock} from './clock.ts';
import {alterPage, faultAnswer, throttled} from './fault-answers.ts';
import type {Fault, Faults} from './faults.ts';
import type {PageCache} from './page-cache.ts';
import {hash32, hex8} from './random.ts';
import type {Realm} from './routes.ts';
import {route} from './routes.ts';
import {send} from './send.ts';
import type {Settings} from './settings.ts';
import type {Traffic} from './traffic.ts';

/** What the API needs to answer. */
export interface ApiDeps {
  readonly realm: Realm;
  readonly pat: string;
  readonly clock: SimulatorClock;
  readonly settings: Settings;
  readonly faults: Faults;
  readonly traffic: Traffic;
  /** null: every page is written out anew. */
  readonly pages: PageCache | null;
  /** Called before each request that is to be answered with data: the place for changes under way. */
  readonly onRequest: () => void;
}

/** Answers one request of the API, as the faults, the limit and the credential have it. */
export async function answerApi(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
  deps: ApiDeps,
): Promise<void> {
  const {settings, traffic, clock} = deps;
  const parsed = parseRequest(request, body);
  const entry = traffic.arrive({
    method: parsed.method,
    path: parsed.path,
    query: parsed.query.toString(),
    atMs: clock.nowMs(),
  });
  // Settled before the wait, in order of arrival, as the real limit is.
  const admitted = traffic.admit(settings.requestsPerSecond);
  const count = traffic.arrived;
  if (settings.latencyMs > 0) await sleep(settings.latencyMs);
  const fault = admitted ? deps.faults.take(`${parsed.method} ${request.url ?? ''}`, perPageOf(parsed)) : null;
  if (fault?.kind === 'hang') return;
  if (fault?.kind === 'reset') {
    request.socket.resetAndDestroy();
    return;
  }
  const prefix = request.headers['x-clarifai-request-id-prefix'];
  const reqId = `${typeof prefix === 'string' ? prefix : ''}${hex8(hash32(0x51, count))}${hex8(count)}`;
  const headers: Record<string, string> = {
    date: new Date(clock.nowMs()).toUTCString(),
    ...faultHeaders(fault, request.url ?? ''),
  };
  const plain = plainFault(fault);
  if (plain !== null) {
    entry.status = plain.http;
    await send(
      request,
      response,
      {...plain, headers: {...headers, 'content-type': plain.contentType}},
      {gzip: false, fault},
    );
    return;
  }
  if (!admitted && settings.retryAfterSeconds !== null) headers['retry-after'] = String(settings.retryAfterSeconds);
  const answer = admitted ? answerOf(request, parsed, fault, deps) : throttled(settings.requestsPerSecond);
  const encoded = encodeAnswer(alterPage(answer, fault), reqId);
  entry.status = encoded.http;
  await send(request, response, {...encoded, headers}, {gzip: settings.gzip, fault});
}

function answerOf(request: IncomingMessage, parsed: ApiRequest, fault: Fault | null, deps: ApiDeps): Answer {
  if (fault?.kind === 'revoke') deps.settings.credentialRevoked = true;
  const refused = credentialRefusal(request.headers.authorization, deps);
  if (refused !== null) return refused;
  const failed = fault === null ? null : faultAnswer(fault);
  if (failed !== null) return failed;
  deps.onRequest();
  for (const world of deps.realm.worlds.values()) world.countRequest();
  const asked = fault?.kind === 'smaller-pages' ? withSmallerPages(parsed, fault.limit) : parsed;
  if (deps.pages === null || asked.method !== 'GET' || fault !== null) return route(deps.realm, asked);
  return deps.pages.answer(request.url ?? '', () => route(deps.realm, asked));
}

function credentialRefusal(header: string | undefined, {pat, settings}: ApiDeps): Answer | null {
  const given = /^(?:Key|Bearer) (.+)$/.exec(header ?? '')?.[1];
  if (given === undefined) return failure(401, 11008, 'Invalid API key or Invalid API key/application pair');
  if (given !== pat || settings.credentialRevoked) return failure(401, 11009, 'API key not found');
  return null;
}

interface PlainAnswer {
  readonly http: number;
  readonly body: Buffer;
  readonly contentType: string;
}

const htmlPage = (http: number): PlainAnswer => ({
  http,
  body: Buffer.from(`<html><body><h1>${http}</h1></body></html>`),
  contentType: 'text/html',
});

/** Answers that are not in Clarifai's envelope. */
function plainFault(fault: Fault | null): PlainAnswer | null {
  switch (fault?.kind) {
    case 'http-error':
      return htmlPage(fault.http);
    case 'html-200':
      return htmlPage(200);
    case 'gateway-error': {
      const body = JSON.stringify({code: fault.grpcCode, message: 'the gateway failed', details: []});
      return {http: fault.http, body: Buffer.from(body), contentType: 'application/json'};
    }
    case 'bare-404':
      return {http: 404, body: Buffer.from('404 page not found\n'), contentType: 'text/plain'};
    default:
      return null;
  }
}

function faultHeaders(fault: Fault | null, url: string): Record<string, string> {
  if (fault?.kind === 'redirect') return {location: fault.location.replace('{path}', url)};
  if (fault?.kind === 'throttle' && fault.retryAfterSeconds !== undefined)
    return {'retry-after': String(fault.retryAfterSeconds)};
  return {};
}

function parseRequest(request: IncomingMessage, body: string): ApiRequest {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  return {method: request.method ?? 'GET', path, query, body: parseBody(body)};
}

function parseBody(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    // Endpoints that need a body refuse one that is missing, which says as much.
    return undefined;
  }
}

/** The same request for pages of no more than `limit` records. */
function withSmallerPages(request: ApiRequest, limit: number): ApiRequest {
  const perPage = Math.min(perPageOf(request), limit);
  const query = new URLSearchParams(request.query);
  query.set('per_page', String(perPage));
  const pagination = member(request.body, 'pagination');
  if (typeof pagination !== 'object') return {...request, query};
  return {...request, query, body: {...(request.body as object), pagination: {...pagination, per_page: perPage}}};
}

function perPageOf(request: ApiRequest): number {
  const inBody = member(member(request.body, 'pagination'), 'per_page');
  return Number(inBody ?? request.query.get('per_page') ?? 128);
}
