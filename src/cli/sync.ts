import type {Config} from '../config/config.ts';
import {EXIT_CODES, messageOf, SyncError} from '../core/errors.ts';
import {causeOf, exitCodeOfRuns} from '../core/outcome.ts';
import {scopeKind, scopeName, type Scope} from '../core/scope.ts';
import type {RunRequest} from '../jobs/begin-run.ts';
import type {RunMode} from '../store/ledger.ts';
import {pruneRuns} from '../store/runs.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import {syncNow, type Synced} from '../workers/sync-now.ts';
import {TaskQueue} from '../workers/task-queue.ts';
import type {Context} from './context.ts';
import {rulesOf} from './context.ts';
import {openProgress} from './progress.ts';
import {runJson, runLines} from './run-text.ts';
import {appOf, resolveApps, selectedStreams} from './selection.ts';

export interface SyncFlags {
  readonly app?: readonly string[];
  readonly stream?: readonly string[];
  readonly full?: boolean;
  readonly json?: boolean;
  readonly allowMassDelete?: boolean;
  readonly snapshot?: boolean;
  readonly takeOver?: boolean;
}

/** Brings each app up to date once, now, and tells what came of it. Gives the exit code. */
export async function sync(context: Context, flags: SyncFlags): Promise<number> {
  const named = flags.stream?.map((name) => streamNamed(name)) ?? null;
  const apps = flags.app?.map(appOf) ?? null;
  const config = await context.config(apps === null ? ['pat', 'apps'] : ['pat']);
  const {logger, signal, now} = context.surroundings;

  const store = await context.store(config);
  const progress = openProgress(context.surroundings);
  context.defer(() => progress.close());
  const client = context.client(config, progress);
  const queue = await TaskQueue.open(store.database.connection, (error) =>
    logger.log.debug({err: error}, 'queue reported an error'),
  );
  context.defer(() => queue.close());

  const scopes = await resolveApps(client, apps ?? config.apps, signal);
  const requests = requestsOf(scopes, named ?? selectedStreams(config), named !== null, flags, config);
  const sinks = await context.sinks(config);
  const deps = {store, client, sinks, rules: rulesOf(config), log: logger.log, onProgress: progress.onProgress};
  const {stallMs, drainTimeoutMs, retainRunsMs} = config.run;
  const synced = await syncNow({deps, queue, stallMs, drainTimeoutMs, now}, requests, signal);
  await pruneRuns(store, retainRunsMs);
  await progress.close();
  print(context, synced, flags.json === true);
  return exitCodeOfRuns(synced.map(exitCodeOf));
}

/** One run for each app, and one for each user whose own streams are wanted. */
function requestsOf(
  apps: readonly Scope[],
  streams: readonly Stream[],
  isNamed: boolean,
  flags: SyncFlags,
  config: Config,
): RunRequest[] {
  const users = [...new Set(apps.map((app) => app.userId))].map((userId): Scope => ({userId, appId: ''}));
  const mode: RunMode = flags.full === true ? 'full' : 'incremental';
  return [...apps, ...users].flatMap((scope) => {
    const names = streams.filter((stream) => stream.scope === scopeKind(scope)).map((stream) => stream.name);
    const options = {
      streams: names,
      named: isNamed,
      allowMassDelete: flags.allowMassDelete === true,
      sinks: config.sinks.map((sink) => sink.name),
      isStoreSink: config.store.kind === 'url' && config.store.sinkName !== null,
      wantsSnapshot: flags.snapshot === true,
      takeOver: flags.takeOver === true,
    };
    return names.length === 0 ? [] : [{scope, mode, options}];
  });
}

function exitCodeOf(synced: Synced): number {
  if ('verdict' in synced) return EXIT_CODES[synced.verdict.exit];
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
