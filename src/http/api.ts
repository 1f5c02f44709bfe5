import type {FastifyInstance} from 'fastify';
import type {Store} from '../store/ledger.ts';
import {pendingRuns} from '../store/pending-runs.ts';
import {reportRuns} from '../store/run-reports.ts';
import {BudgetUse} from './budget-use.ts';
import {pendingOfApi, runOfApi} from './documents.ts';
import {RefusedRequest} from './errors.ts';
import {overview, type OverviewParts} from './overview.ts';
import type {AskedRun} from '../workers/ask-now.ts';
import {askedRun} from './run-request.ts';
import {shared} from './shared.ts';

export interface ApiParts extends Omit<OverviewParts, 'queuesPath'> {
  readonly store: Pick<Store, 'database'>;
  /** Asks for a run; `active` while one of the scope is active or already waiting. An app nobody knows: UsageError. */
  readonly askForRun: (request: AskedRun) => Promise<{readonly runId: string} | 'active'>;
}

const RUN_ID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 200;
/** However many pages are open, the ledger is asked this often, ms. */
const LOOK_EVERY_MS = 900;

/** `/api/…`: what the status page shows, and asking for a run. */
export function addApi(app: FastifyInstance, parts: ApiParts, queuesPath: string | null): void {
  const {store, askForRun, now} = parts;
  const budget = new BudgetUse();
  const look = shared(() => overview({...parts, queuesPath}, budget), LOOK_EVERY_MS, now);
  app.addHook('onSend', async (request, reply) => {
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });

  app.get('/api/streams', look);

  app.get<{Querystring: Record<string, unknown>}>('/api/runs', async ({query}) => {
    const {limit, before} = pageOf(query);
    const reports = await reportRuns(store, {limit: limit + 1, ...(before === null ? {} : {before})});
    const runs = reports.slice(0, limit).map(runOfApi);
    return {runs, next_before: reports.length > limit ? (runs.at(-1)?.run_id ?? null) : null};
  });

  app.get<{Params: {id: string}}>('/api/runs/:id', async ({params}) => {
    const [report] = RUN_ID.test(params.id) ? await reportRuns(store, {runId: params.id, limit: 1}) : [];
    if (report !== undefined) return runOfApi(report);
    // Asked for, and not begun yet: it will have this id.
    const pending = (await pendingRuns(store)).find(({runId}) => runId === params.id.toLowerCase());
    if (pending === undefined) throw new RefusedRequest(404, 'no run has this id');
    return pendingOfApi(pending);
  });

  app.post('/api/runs', async ({body}, reply) => {
    if (body === undefined) throw new RefusedRequest(415, 'expected Content-Type: application/json and a body');
    const asked = await askForRun(askedRun(body));
    if (asked === 'active') throw new RefusedRequest(409, 'a run of this app is active or waiting already');
    return reply.code(202).send({run_id: asked.runId});
  });
}

/** Throws RefusedRequest 400. */
function pageOf({limit = String(DEFAULT_LIMIT), before = null, ...others}: Record<string, unknown>) {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new RefusedRequest(400, `${unknown}: expected limit or before`);
  if (typeof limit !== 'string' || !/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAX_LIMIT) {
    throw new RefusedRequest(400, `limit: expected a whole number from 1 to ${MAX_LIMIT}`);
  }
  if (before !== null && (typeof before !== 'string' || !RUN_ID.test(before))) {
    throw new RefusedRequest(400, 'before: expected the id of a run');
  }
  return {limit: Number(limit), before};
}
