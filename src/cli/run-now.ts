import type {Config} from '../config/config.ts';
import {EXIT_CODES, messageOf, SyncError} from '../core/errors.ts';
import {causeOf, exitCodeOfRuns, judgeBeside} from '../core/outcome.ts';
import {scopeKind, scopeName, type Scope} from '../core/scope.ts';
import type {RunRequest} from '../jobs/begin-run.ts';
import {tellNotBegun} from '../jobs/message.ts';
import {purgesDue} from '../jobs/purge-requests.ts';
import type {ApiClient} from '../source/client.ts';
import type {RunMode, Store} from '../store/ledger.ts';
import {pruneRuns} from '../store/runs.ts';
import type {Stream} from '../streams/stream.ts';
import {deliverDue} from '../workers/notifier.ts';
import {syncNow, type Synced} from '../workers/sync-now.ts';
import type {Tasks} from '../workers/tasks.ts';
import {TasksHere} from '../workers/tasks-here.ts';
import {load} from './commands.ts';
import type {Context} from './context.ts';
import {rulesOf} from './context.ts';
import {openApi, openSlots} from './open-parts.ts';
import {openProgress, type ProgressView} from './progress.ts';
import {runJson, runLines} from './run-text.ts';
import {resolveScopes, selectedStreams} from './selection.ts';
import type {SyncFlags} from './sync.ts';

const DELIVER_WITHIN_MS = 5_000;

/** What `sync` was asked for, by names that were looked up. */
export interface SyncWish {
  /** null: those of the configuration. */
  readonly apps: readonly Scope[] | null;
  /** Parents included; null: those of the configuration. */
  readonly streams: readonly Stream[] | null;
  readonly flags: SyncFlags;
}

/** Brings each app up to date once, in a store that is being opened, and tells what came of it. Gives the exit code. */
export async function syncWhatIsWanted(
  context: Context,
  config: Config,
  opening: Promise<Store>,
  {apps, streams, flags}: SyncWish,
): Promise<number> {
  const {signal} = context.surroundings;
  const opened = await openForRuns(context, config, opening);
  const {store, client} = opened;
  const wanted = apps ?? config.apps;
  const scopes = await resolveScopes(client, wanted, signal).catch((error: unknown) =>
    failBefore(context, config, store, wanted, error),
  );
  const requests = requestsOf(scopes, streams ?? selectedStreams(config), streams !== null, flags, config);
  return await runAndTell(context, config, opened, requests, flags.json === true);
}

/** What runs in this process need. */
export interface OpenedForRuns {
  readonly store: Store;
  readonly client: ApiClient;
  readonly tasks: Tasks;
  readonly progress: ProgressView;
}

export async function openForRuns(
  context: Context,
  config: Config,
  opening: Promise<Store> = context.store(config),
): Promise<OpenedForRuns> {
  const store = await opening;
  const progress = openProgress(context.surroundings);
  context.defer(() => progress.close());
  const client = openApi(context, config, progress, await openSlots(context, config, store));
  const tasks = await openTasks(context, config, store);
  context.defer(() => tasks.close());
  return {store, client, tasks, progress};
}

/** In Redis, where workers elsewhere share in them; else nobody but this process needs to know. */
async function openTasks(context: Context, config: Config, store: Store): Promise<Tasks> {
  if (config.queueUrl === null) return new TasksHere();
  return await (await load.queue()).openTaskQueue(context, config, store);
}

/** Does the runs, to their ends, sends what they have to tell, and prints them. Gives the exit code. */
export async function runAndTell(
  context: Context,
  config: Config,
  {store, client, tasks, progress}: OpenedForRuns,
  requests: readonly RunRequest[],
  isJson: boolean,
): Promise<number> {
  const {logger, signal, now} = context.surroundings;
  const sinks = await context.sinks(config);
  const deps = {store, client, sinks, rules: rulesOf(config), log: logger.log, onProgress: progress.onProgress};
  const {stallMs, drainTimeoutMs, retainRunsMs} = config.run;
  const synced = await syncNow({deps, tasks, stallMs, drainTimeoutMs, now}, requests, signal);
  // What is old enough goes after each run; one that is active elsewhere does it itself.
  const scopes = requests.filter(({options}) => options.purgesBefore === undefined).map(({scope}) => scope);
  const due = signal.aborted ? [] : await purgesDue(deps, scopes, now(), optionsOf(config));
  const purged = due.length === 0 ? [] : await syncNow({deps, tasks, stallMs, drainTimeoutMs, now}, due, signal);
  for (const each of purged) {
    if ('error' in each) logger.log.warn({err: each.error}, 'rows that are old enough were not purged');
  }
  await deliver(context, config, store);
  await pruneRuns(store, retainRunsMs);
  await progress.close();
  print(context, synced, isJson);
  const isThrough = synced.some((each) => scopeKind(each.request.scope) === 'app' && isAppThrough(each));
  return exitCodeOfRuns(synced.map((each) => exitCodeOf(each, isThrough)));
}

/** How runs are done by this configuration, whatever they do. */
export const optionsOf = (config: Config) => ({
  sinks: config.sinks.map((sink) => sink.name),
  isStoreSink: config.store.kind === 'url' && config.store.sinkName !== null,
});

/** Tells of a failure that came before the apps' owner was known, under the names that they were asked for by. */
async function failBefore(
  context: Context,
  config: Config,
  store: Store,
  apps: readonly Scope[],
  error: unknown,
): Promise<never> {
  const {notifyOn} = rulesOf(config);
  if (!context.surroundings.signal.aborted) {
    for (const scope of apps) await tellNotBegun(store, notifyOn, scope, error);
    await deliver(context, config, store);
  }
  throw error;
}

/** Sends what is due, for a few seconds: what does not get through is left to the next run, or to the service. */
async function deliver({surroundings}: Context, {notify}: Config, store: Store): Promise<void> {
  if (notify === null) return;
  const {logger, now, signal} = surroundings;
  const webhook = {url: notify.webhook, secret: notify.secret};
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DELIVER_WITHIN_MS)]);
  await deliverDue({store, webhook, log: logger.log, now}, limit).catch((error: unknown) => {
    logger.log.warn({err: error}, 'notifications were not sent');
  });
}

/** One run for each app, one for each user whose own streams are wanted, and one for what is the same for everybody. */
function requestsOf(
  {apps, users: userIds}: {readonly apps: readonly Scope[]; readonly users: readonly string[]},
  streams: readonly Stream[],
  isNamed: boolean,
  flags: SyncFlags,
  config: Config,
): RunRequest[] {
  const users = userIds.map((userId): Scope => ({userId, appId: ''}));
  const everybody: Scope = {userId: '', appId: ''};
  const mode: RunMode = flags.full === true ? 'full' : 'incremental';
  return [...apps, ...users, everybody].flatMap((scope) => {
    const names = streams.filter((stream) => stream.scope === scopeKind(scope)).map((stream) => stream.name);
    const options = {
      streams: names,
      named: isNamed,
      allowMassDelete: flags.allowMassDelete === true,
      ...optionsOf(config),
      wantsSnapshot: flags.snapshot === true,
      takeOver: flags.takeOver === true,
    };
    return names.length === 0 ? [] : [{scope, mode, options}];
  });
}

const isAppThrough = (synced: Synced): boolean =>
  'verdict' in synced && (synced.verdict.outcome === 'succeeded' || synced.verdict.outcome === 'partial');

/** @param isThrough the run of some app got through, with which those of users and of everybody are judged */
function exitCodeOf(synced: Synced, isThrough: boolean): number {
  if ('verdict' in synced) {
    const {report, verdict, request} = synced;
    if (scopeKind(request.scope) === 'app' || !isThrough) return EXIT_CODES[verdict.exit];
    const isRefused = report.streams.some(({failure}) => failure?.cause === 'credential');
    return EXIT_CODES[judgeBeside(verdict, report.failure !== null || isRefused).exit];
  }
  return synced.error instanceof SyncError ? EXIT_CODES[synced.error.exit] : EXIT_CODES.unexpected;
}

/** Results of apps; what was read for their users is told with the first app of each. */
function print({surroundings}: Context, synced: readonly Synced[], isJson: boolean): void {
  const {out, err, logger} = surroundings;
  for (const each of synced) {
    if (!('error' in each)) continue;
    const {error} = each;
    if (!(error instanceof SyncError)) logger.log.error({err: error}, 'run failed unexpectedly');
    err(`clarifai-sync: ${scopeName(each.request.scope)}: ${messageOf(error)}\n`);
    logger.log.debug({cause: causeOf(error)}, 'run did not begin');
  }
  const done = synced.filter((each) => 'report' in each);
  if (isJson) {
    const documents = runJson(done);
    const isOne = synced.filter((each) => scopeKind(each.request.scope) === 'app').length <= 1;
    if (documents.length > 0) out(JSON.stringify(isOne ? documents[0] : documents));
    return;
  }
  for (const line of done.flatMap(({report}) => runLines(report))) out(line);
}
