import type {FastifyInstance} from 'fastify';
import type {Store} from '../store/ledger.ts';
import type {Log} from '../telemetry/log.ts';
import type {Metrics} from '../telemetry/metrics.ts';
import {fillFromLedger, type QueueDepth} from './ledger-metrics.ts';
import {shared} from './shared.ts';

export interface ProbeParts {
  readonly health: {
    /** Why this process can make no progress any more; null: it can. */
    stuck(): string | null;
    /** What does not answer (store, queue, each sink by name); empty: ready. */
    unready(signal: AbortSignal): Promise<readonly {readonly name: string; readonly message: string}[]>;
  };
  readonly store: Pick<Store, 'database'>;
  /** Of this process; an observer of the API's client. What is of the ledger is added here. */
  readonly metrics: Metrics;
  readonly queueDepths: () => Promise<readonly QueueDepth[]>;
  readonly log: Log;
  /** Epoch ms. */
  readonly now: () => number;
}

/** What has not answered by then does not answer, ms: a probe waits no longer itself. */
const READY_WITHIN_MS = 3_000;
/** However many ask, sinks are looked at this often, ms. */
const LOOK_EVERY_MS = 1_000;

/** `/livez`, `/readyz`, `/metrics`. */
export function addProbes(app: FastifyInstance, parts: ProbeParts): void {
  const {health, metrics, now} = parts;
  fillFromLedger(metrics, parts.store, parts.queueDepths, parts.log, now);
  const unready = shared(() => lookAround(health), LOOK_EVERY_MS, now);
  app.get('/livez', async (_request, reply) => {
    const why = health.stuck();
    if (why === null) return {status: 'ok'};
    return reply.code(503).send({status: 'stuck', message: why});
  });
  app.get('/readyz', async (_request, reply) => {
    const missing = await unready();
    if (missing.length === 0) return {status: 'ok'};
    return reply.code(503).send({status: 'not ready', unready: missing});
  });
  app.get('/metrics', async (_request, reply) => {
    const {registry} = metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

async function lookAround(health: ProbeParts['health']): ReturnType<ProbeParts['health']['unready']> {
  const limit = AbortSignal.timeout(READY_WITHIN_MS);
  const late = new Promise<{name: string; message: string}[]>((resolve) => {
    const message = `no answer within ${READY_WITHIN_MS / 1000} s`;
    limit.addEventListener('abort', () => resolve([{name: 'service', message}]), {once: true});
  });
  return await Promise.race([health.unready(limit), late]);
}
