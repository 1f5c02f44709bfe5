import helmet from '@fastify/helmet';
import Fastify, {type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest} from 'fastify';
import {UsageError, SyncError} from '../core/errors.ts';
import {StoreUnavailableError} from '../store/errors.ts';
import type {Log} from '../telemetry/log.ts';
import {addApi, type ApiParts} from './api.ts';
import {listenError, RefusedRequest} from './errors.ts';
import {checkHost, checkListening, checkOrigin, checkToken} from './guards.ts';
import {addPage} from './page/page.ts';
import {addProbes, type ProbeParts} from './probes.ts';
import {OUR_PAGES, QUEUE_PAGES} from './security-headers.ts';

/** What the HTTP side of the service is made of; opened by `start`. */
export interface HttpParts extends ApiParts, ProbeParts {
  readonly config: {readonly host: string; readonly port: number; readonly token: string | null};
  /** Mounts Bull Board under /queues; left out where there is none. */
  readonly mount?: (app: FastifyInstance) => Promise<void>;
}

export interface HttpServer {
  /** With the port that was taken; no trailing slash. */
  readonly url: string;
  /** Answers what is being asked, and ends. May be repeated. */
  close(): Promise<void>;
}

/** Asked for by machines that hold no token. */
const OPEN_PATHS = ['/livez', '/readyz', '/metrics'];
/** A kubelet asks for these by the address of the pod. */
const PROBES = ['/livez', '/readyz'];
const QUEUES = '/queues';

const LIMITS = {
  bodyLimit: 16_384,
  requestTimeout: 10_000,
  connectionTimeout: 30_000,
  keepAliveTimeout: 5_000,
  routerOptions: {maxParamLength: 100},
  http: {maxHeaderSize: 16_384},
} as const;
const MAX_CONNECTIONS = 200;

/**
 * Starts probes, metrics, JSON interface and status page.
 * @throws HttpListenError when the address cannot be had; UsageError for a token that is missing or too short
 */
export async function startHttp(parts: HttpParts): Promise<HttpServer> {
  const {host, port, token} = parts.config;
  checkListening(parts.config);
  // Idle connections of browsers would hold up the end for as long as they are kept.
  const app = Fastify({...LIMITS, forceCloseConnections: 'idle'});
  app.server.maxConnections = MAX_CONNECTIONS;
  app.removeContentTypeParser('text/plain');
  await app.register(helmet, {global: false});
  app.addHook('onRequest', async (request, reply) => {
    const path = pathOf(request);
    reply.helmet(isBelow(path, QUEUES) ? QUEUE_PAGES : OUR_PAGES);
    if (token === null && !PROBES.includes(path)) checkHost(request.headers);
    if (token !== null && !OPEN_PATHS.includes(path)) checkToken(request.headers, token);
    if (request.method !== 'GET' && request.method !== 'HEAD') checkOrigin(request.headers);
  });
  app.setErrorHandler((error, request, reply) => answerError(parts.log, error, request, reply));
  app.setNotFoundHandler((request, reply) => refuse(reply, 404, `nothing is at ${pathOf(request)}`));
  addProbes(app, parts);
  addApi(app, parts, parts.mount === undefined ? null : QUEUES);
  addPage(app);
  const {mount} = parts;
  if (mount !== undefined) await app.register(mount);
  try {
    const url = await app.listen({host, port});
    return {url: url.replace(/\/$/, ''), close: () => app.close()};
  } catch (error) {
    await app.close();
    throw listenError(error, host, port);
  }
}

const pathOf = ({url}: FastifyRequest): string => url.split('?', 1)[0] ?? '';
const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** One clear message, and never a stack: what nobody foresaw is in the log. */
function answerError(log: Log, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof RefusedRequest) return refuse(reply.headers(error.headers), error.status, error.message);
  if (error instanceof UsageError) return refuse(reply, 400, error.message, error.code);
  if (error instanceof StoreUnavailableError) return refuse(reply, 503, error.message, error.code);
  const {statusCode, code, message} = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return refuse(reply, 415, 'expected Content-Type: application/json');
  if (statusCode !== undefined && statusCode < 500) return refuse(reply, statusCode, message ?? 'refused');
  log.error({err: error, path: pathOf(request)}, 'request failed unexpectedly');
  return refuse(reply, 500, 'unexpected failure: see the log', error instanceof SyncError ? error.code : undefined);
}

function refuse(reply: FastifyReply, status: number, message: string, code?: string): FastifyReply {
  return reply.code(status).send({error: {...(code === undefined ? {} : {code}), message}});
}
