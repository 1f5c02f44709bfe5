import {setTimeout as sleep} from 'node:timers/promises';
import type {Config} from '../config/config.ts';
import {UsageError} from '../core/errors.ts';
import {scopeKind, type Scope} from '../core/scope.ts';
import {mountBoard} from '../http/board.ts';
import {readiness} from '../http/readiness.ts';
import {startHttp, type HttpServer} from '../http/server.ts';
import {shared} from '../http/shared.ts';
import type {JobDeps, Progress} from '../jobs/deps.ts';
import type {RunOptions} from '../store/ledger.ts';
import type {ApiClient} from '../source/client.ts';
import {streamNamed, withParents} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import {deliverNotifications, type NotifierParts} from '../workers/notifier.ts';
import {askNow, nextRuns} from '../workers/ask-now.ts';
import type {Plan} from '../workers/run-driver.ts';
import type {QueueBackend} from '../workers/queue-backend.ts';
import {RunQueue} from '../workers/run-queue.ts';
import {SLICE_MS, startService, type Service} from '../workers/service.ts';
import {TaskQueue} from '../workers/task-queue.ts';
import {Metrics} from '../telemetry/metrics.ts';
import {rulesOf, type Context} from './context.ts';
import {openApi, openSlots} from './open-parts.ts';
import {openQueue} from './open-queue.ts';
import {resolveScopes, selectedStreams} from './selection.ts';

export interface StartFlags {
  readonly roles?: string;
}

const ROLES = ['scheduler', 'worker', 'http'] as const;
type Role = (typeof ROLES)[number];

/** The service, until it is told to end: then what is open is committed, and the code is 0 (contract, section 7). */
export async function start(context: Context, flags: StartFlags): Promise<number> {
  const {signal} = context.surroundings;
  try {
    await serveUntilTold(context, rolesOf(flags.roles));
  } catch (error) {
    // Told to end before it had begun: nothing was open.
    if (!signal.aborted || error !== signal.reason) throw error;
  }
  return 0;
}

async function serveUntilTold(context: Context, roles: ReadonlySet<Role>): Promise<void> {
  const config = await context.config(['pat', 'apps']);
  const {logger, signal, now} = context.surroundings;
  const {log} = logger;

  const store = await context.store(config);
  const metrics = new Metrics();
  const client = openApi(context, config, metrics, await openSlots(context, config, store));
  const backend = await openQueue(context, config, store);
  const sinks = await context.sinks(config);
  const plan = planOf(config, client, now);
  // Here and now: a credential that is refused is told whoever starts the service.
  if (roles.has('scheduler') || roles.has('http')) await plan.scopes(signal);
  const onProgress = (progress: Progress): void => {
    if (progress.kind === 'committed') metrics.committed(progress.durationMs);
  };
  const deps = {store, client, sinks, rules: rulesOf(config), log, onProgress};
  const queues = {tasks: new TaskQueue(backend), runs: new RunQueue(backend)};
  for (const queue of [queues.tasks, queues.runs]) context.defer(() => closeSoon(queue));
  let service: Service | null = null;
  const stuck = (): string | null => service?.stuck() ?? null;
  // First of all, since the port may be taken: then nothing has begun.
  const http = roles.has('http')
    ? await serve(context, config, {deps, backend, plan, stuck, metrics, ...queues})
    : null;
  const {stallMs, drainTimeoutMs, retainRunsMs} = config.run;
  service = startService({
    deps,
    ...queues,
    plan,
    schedules: config.schedules,
    isScheduler: roles.has('scheduler'),
    isWorker: roles.has('worker'),
    stallMs,
    sliceMs: SLICE_MS,
    drainTimeoutMs,
    retainRunsMs,
    now,
    random: Math.random,
  });
  const notifying = notifyUntil(config, {store, log, now}, signal);
  log.info({roles: [...roles].join(','), queue: backend.kind, url: http?.url ?? null}, 'service was started');
  await aborted(signal);
  log.info({}, 'service ends: open pages are committed');
  const [isDrained] = await Promise.all([service.close(), http?.close(), notifying]);
  if (!isDrained) log.warn({}, 'not all work ended in time: others go on when its leases run out');
}

/** A queue whose Redis is away never closes. */
async function closeSoon(queue: {close(): Promise<void>}): Promise<void> {
  await Promise.race([queue.close(), sleep(CLOSE_MS, undefined, {ref: false})]);
}

const CLOSE_MS = 1_000;

/** What the HTTP side shows and asks. */
interface Served {
  readonly deps: JobDeps;
  readonly backend: QueueBackend;
  readonly plan: Plan;
  readonly stuck: () => string | null;
  readonly tasks: TaskQueue;
  readonly runs: RunQueue;
  readonly metrics: Metrics;
}

async function serve(context: Context, config: Config, served: Served): Promise<HttpServer> {
  const {deps, backend, plan, stuck, tasks, runs, metrics} = served;
  const {logger, now, signal} = context.surroundings;
  const {store, sinks} = deps;
  const {requestsPerSecond, headroom} = config.source;
  return await startHttp({
    config: config.http,
    log: logger.log,
    now,
    store,
    metrics,
    requestsPerSecond: requestsPerSecond * (1 - headroom),
    health: {
      stuck,
      unready: readiness({
        store: () => store.database.query('select 1'),
        queue: () => backend.ping(),
        sinks,
      }),
    },
    askForRun: (asked) => askNow(store, runs, plan, asked, signal),
    nextRuns: () => nextRuns(runs, plan, config.schedules),
    queueDepths: async () => [
      {queue: 'tasks', jobs: await tasks.counts()},
      {queue: 'runs', jobs: await runs.counts()},
    ],
    mount: (app) => mountBoard(app, [tasks.queue, runs.queue]),
  });
}

/** Sends messages where there is somewhere to send them, until the signal. */
async function notifyUntil(
  {notify}: Config,
  parts: Omit<NotifierParts, 'webhook'>,
  signal: AbortSignal,
): Promise<void> {
  if (notify === null) return;
  await deliverNotifications({...parts, webhook: {url: notify.webhook, secret: notify.secret}}, signal);
}

/** @throws UsageError for a role that does not exist */
function rolesOf(flag: string | undefined): ReadonlySet<Role> {
  if (flag === undefined) return new Set(ROLES);
  return new Set(
    flag.split(',').map((written) => {
      const role = ROLES.find((name) => name === written.trim());
      if (role === undefined) throw new UsageError(`--roles: expected some of ${ROLES.join(', ')}, found "${written}"`);
      return role;
    }),
  );
}

/** Which apps there are is asked for this often at most, ms. */
const RESOLVE_EVERY_MS = 60_000;

/** What the configuration has to be kept up to date: its apps, and what belongs to their users or to nobody. */
function planOf(config: Config, client: ApiClient, now: () => number): Plan {
  const streams = selectedStreams(config);
  const namesIn = (of: readonly Stream[], scope: Scope): string[] =>
    of.filter((stream) => stream.scope === scopeKind(scope)).map((stream) => stream.name);
  const namesOf = (scope: Scope): string[] => namesIn(streams, scope);
  let known: readonly Scope[] = [];
  const ask = async (signal: AbortSignal): Promise<readonly Scope[]> => {
    const {apps, users} = await resolveScopes(client, config.apps, signal);
    const scopes = [...apps, ...users.map((userId) => ({userId, appId: ''})), {userId: '', appId: ''}];
    return (known = scopes.filter((scope) => namesOf(scope).length > 0));
  };
  let signalOfAsking = new AbortController().signal;
  const askSometimes = shared(() => ask(signalOfAsking), RESOLVE_EVERY_MS, now);
  return {
    async scopes(signal) {
      signalOfAsking = signal;
      return await askSometimes();
    },
    known: () => known,
    optionsOf(scope, asked): RunOptions {
      return {
        streams: asked === null ? namesOf(scope) : namesIn(withParents(asked.map(streamNamed)), scope),
        named: false,
        allowMassDelete: false,
        sinks: config.sinks.map((sink) => sink.name),
        isStoreSink: config.store.kind === 'url' && config.store.sinkName !== null,
        wantsSnapshot: false,
        takeOver: false,
      };
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), {once: true});
  });
}
