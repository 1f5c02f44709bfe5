import type {Config} from '../config/config.ts';
import {EXIT_CODES, messageOf, SyncError} from '../core/errors.ts';
import {exitCodeOfRuns} from '../core/outcome.ts';
import {scopeName, type Scope} from '../core/scope.ts';
import {lookAtApp} from '../jobs/look-at-app.ts';
import {tryStreams} from '../jobs/try-streams.ts';
import {whoAmI} from '../source/calls.ts';
import type {ApiClient} from '../source/client.ts';
import {hasTransactionPooler, probeWriting, serverVersion} from '../store/diagnose.ts';
import type {Store} from '../store/ledger.ts';
import type {Context, Surroundings} from './context.ts';
import {openApi} from './open-parts.ts';
import {openQueue} from './open-queue.ts';
import {resolveApps, scopeFor, selectedStreams} from './selection.ts';

/**
 * Tries everything that a sync needs, one line each, and goes on behind what failed as far as it can be tried. Reads a
 * record at most of each stream; what it writes into the store it removes. Gives the exit code of what failed.
 */
export async function check(context: Context): Promise<number> {
  const report = new Report(context.surroundings);
  const config = await report.attempt('config', async () => {
    const found = await context.config(['pat', 'apps']);
    return {line: found.file ?? 'from the environment alone', value: found};
  });
  if (config === null) return report.exitCode();
  await checkSource(context, config, report);
  const store = await checkStore(context, config, report);
  const sinks = await report.attempt('sink', async () => ({line: null, value: await context.sinks(config)}));
  for (const [name, sink] of sinks ?? []) {
    await report.attempt('sink', async () => {
      const found = await sink.check(context.surroundings.signal, store?.storeId);
      return {line: [name, ...found].join(', '), value: true};
    });
  }
  return report.exitCode();
}

async function checkSource(context: Context, config: Config, report: Report): Promise<void> {
  const {signal} = context.surroundings;
  const client = openApi(context, config);
  const me = await report.attempt('credential', async () => {
    const userId = await whoAmI(client, signal);
    return {line: `of user ${userId}, at ${config.source.baseUrl}`, value: userId};
  });
  if (me === null) return;
  const apps = await report.attempt('apps', async () => {
    const found = await resolveApps(client, config.apps, signal);
    return {line: found.length === 0 ? 'there is none' : null, value: found};
  });
  for (const app of apps ?? []) await checkApp(client, config, app, report, signal);
}

async function checkApp(
  client: ApiClient,
  config: Config,
  app: Scope,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const isThere = await report.attempt('app', async () => {
    const {marker, counts} = await lookAtApp(client, app, signal);
    const inputs = counts['inputs'] === undefined ? '' : `${counts['inputs']} inputs, `;
    const told = marker === null ? 'no revision marker: every run reads more' : 'with revision marker';
    return {line: `${scopeName(app)}, ${inputs}${told}`, value: true};
  });
  if (isThere === null) return;
  await report.attempt('streams', async () => {
    const streams = selectedStreams(config);
    const scopeOf = (stream: (typeof streams)[number]): Scope => scopeFor(stream, app);
    const tried = await tryStreams(client, scopeOf, streams, config.run.maxRecordBytes, signal);
    for (const each of tried) {
      if (each.kind === 'refused') report.failed('streams', `${each.stream} of ${scopeName(app)}`, each.error);
      if (each.kind === 'not offered') {
        report.warned('streams', `${each.stream} of ${scopeName(app)}: the API does not offer it to this credential`);
      }
    }
    const readable = tried.filter(({kind}) => kind === 'readable').length;
    const untried = tried.filter(({kind}) => kind === 'not tried').map(({stream}) => stream);
    const rest =
      untried.length === 0 ? '' : `; not tried, since nothing is there that they lie under: ${untried.join(', ')}`;
    return {
      line: `${readable} of ${streams.length} selected streams of ${scopeName(app)} can be read${rest}`,
      value: true,
    };
  });
}

/** Gives the store; null where it cannot be opened. */
async function checkStore(context: Context, config: Config, report: Report): Promise<Store | null> {
  const store = await report.attempt('store', async () => {
    const opened = await context.store(config);
    await probeWriting(opened);
    const where = config.store.kind === 'embedded' ? `, embedded in ${config.store.dataDir}` : '';
    return {line: `PostgreSQL ${await serverVersion(opened)}, schema ${opened.schema}${where}`, value: opened};
  });
  if (store === null) return null;
  const isPooled = await report.attempt('sessions', async () => {
    if (!(await hasTransactionPooler(store.database.connection))) return {line: 'of the server itself', value: false};
    return {line: null, value: true};
  });
  if (isPooled === true) {
    report.warned(
      'sessions',
      'a pooler in transaction mode is in between: use the server itself, or a pool in session mode; a process that died is noticed late else, and queued tasks wait',
    );
  }
  await report.attempt('queue', async () => {
    const queue = await openQueue(context, config, store);
    return {line: queue.kind === 'redis' ? 'in Redis' : 'in the store', value: true};
  });
  return store;
}

/** Lines of what was tried, and the exit codes of what failed. */
class Report {
  readonly #surroundings: Surroundings;
  readonly #codes: number[] = [];

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Tells what came of one thing that is tried; null when it failed. A line of null tells nothing. */
  async attempt<Value>(name: string, work: () => Promise<{line: string | null; value: Value}>): Promise<Value | null> {
    try {
      const {line, value} = await work();
      if (line !== null) this.#tell('ok', name, line);
      return value;
    } catch (error) {
      this.#surroundings.signal.throwIfAborted();
      this.failed(name, null, error);
      return null;
    }
  }

  failed(name: string, what: string | null, error: unknown): void {
    // Only the store is reached by others' code: what is not ours there is the driver's.
    const isOurs = error instanceof SyncError;
    if (!isOurs) this.#surroundings.logger.log.debug({err: error}, 'check failed unexpectedly');
    this.#codes.push(EXIT_CODES[isOurs ? error.exit : name === 'queue' ? 'store' : 'unexpected']);
    this.#tell('FAIL', name, `${what === null ? '' : `${what}: `}${messageOf(error)}`);
  }

  warned(name: string, line: string): void {
    this.#tell('warn', name, line);
  }

  exitCode(): number {
    return exitCodeOfRuns(this.#codes);
  }

  #tell(verdict: 'ok' | 'warn' | 'FAIL', name: string, line: string): void {
    this.#surroundings.out(`${verdict.padEnd(4)} ${name.padEnd(10)} ${line}`);
  }
}
