import type {Config} from '../config/config.ts';
import {EXIT_CODES, UsageError} from '../core/errors.ts';
import {comparableInstant} from '../core/instant.ts';
import {scopeKind, scopeName, type Scope} from '../core/scope.ts';
import type {RunRequest} from '../jobs/begin-run.ts';
import {purgeRequests} from '../jobs/purge-requests.ts';
import {purgeableCount} from '../store/purge.ts';
import {syncedScopes} from '../store/row-counts.ts';
import type {Store} from '../store/ledger.ts';
import {CATALOGUE, streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {Context} from './context.ts';
import {openApi} from './open-parts.ts';
import {NOTHING_SYNCED, storeToRead} from './read-store.ts';
import {appOf, resolveApps} from './selection.ts';
import {openForRuns, optionsOf, runAndTell} from './run-now.ts';

export interface PurgeFlags {
  readonly deletedBefore?: string;
  readonly app?: readonly string[];
  readonly stream?: readonly string[];
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Removes for good what is marked deleted, after asking; a run for each scope that has any. Gives the exit code. */
export async function purge(context: Context, flags: PurgeFlags): Promise<number> {
  const {out, ask, signal, now} = context.surroundings;
  if (flags.yes !== true && ask === undefined) {
    throw new UsageError('purge asks before it removes, and there is no terminal to ask on: add --yes');
  }
  const before = momentOf(flags.deletedBefore, now());
  const streams = flags.stream?.map(streamNamed) ?? CATALOGUE;
  const named = flags.app?.map(appOf) ?? null;
  const config = await context.config(['pat']);
  const store = await storeToRead(context, config);
  if (store === null) throw new UsageError(NOTHING_SYNCED);
  const isMe = named?.some(({userId}) => userId === 'me') === true;
  const apps = named !== null && isMe ? await resolveApps(openApi(context, config), named, signal) : named;
  const requests = await purgeRequests(store, await scopesOf(store, apps), streams, before, optionsOf(config));
  const rows = await countAll(store, requests);
  if (rows === 0) {
    out(flags.json === true ? '[]' : `no row is marked deleted before ${before}`);
    return EXIT_CODES.ok;
  }
  if (flags.yes !== true && ask !== undefined) {
    const answer = await ask(
      `Remove ${rows} rows marked deleted before ${before}, and their history, for good? [y/N] `,
    );
    if (!/^y(es)?$/i.test(answer)) {
      out('nothing was changed');
      return EXIT_CODES.ok;
    }
  }
  const opened = await openForRuns(context, config);
  const code = await runAndTell(context, config, opened, requests, flags.json === true);
  return await tell(context, config, opened.store, requests, rows, code);
}

/** Says what came of it; a row that a sink has not been given yet stays, which is not all that was asked for. */
async function tell(
  {surroundings: {err}}: Context,
  config: Config,
  store: Store,
  requests: readonly RunRequest[],
  rows: number,
  code: number,
): Promise<number> {
  const left = await countAll(store, requests);
  err(`${rows - left} of ${rows} rows were removed for good\n`);
  if (left > 0)
    err(`${left} rows stay: a sink has not been given them yet; see "clarifai-sync status", and purge again\n`);
  const lakes = config.sinks.filter(({kind}) => kind === 's3').map(({name}) => name);
  if (rows > left && lakes.length > 0) {
    err(
      `objects of ${lakes.join(', ')} that hold them go with the next snapshot: "clarifai-sync sync --snapshot" makes one\n`,
    );
  }
  return code === EXIT_CODES.ok && left > 0 ? EXIT_CODES.partial : code;
}

/** A date (midnight UTC) or a time; now where none is given. Throws UsageError. */
function momentOf(text: string | undefined, nowMs: number): string {
  if (text === undefined) return new Date(nowMs).toISOString();
  const [, day] = /^(\d{4}-\d{2}-\d{2})(?:[T ]|$)/.exec(text) ?? [];
  // Date.parse takes the 31st of February for a day in March.
  const ms = day !== undefined && comparableInstant(`${day}T00:00:00Z`) !== null ? Date.parse(text) : NaN;
  if (Number.isNaN(ms)) {
    throw new UsageError(
      `--deleted-before: expected a date such as 2024-05-31, or a time such as 2024-05-31T12:00:00Z, found "${text}"`,
    );
  }
  return new Date(ms).toISOString();
}

async function scopesOf(store: Store, apps: readonly Scope[] | null): Promise<readonly Scope[]> {
  const synced = await syncedScopes(store);
  for (const app of apps ?? []) {
    if (!synced.some((scope) => scopeName(scope) === scopeName(app))) {
      throw new UsageError(`${scopeName(app)} was never synced here: see "clarifai-sync status"`);
    }
  }
  return synced.filter((scope) => apps === null || apps.some((app) => scopeName(app) === scopeName(scope)));
}

async function countAll(store: Store, requests: readonly RunRequest[]): Promise<number> {
  let rows = 0;
  for (const {scope, options} of requests) {
    const kind = scopeKind(scope);
    const streams: readonly Stream[] = options.streams.map(streamNamed).filter((stream) => stream.scope === kind);
    for (const stream of streams) rows += await purgeableCount(store, scope, stream, options.purgesBefore ?? '');
  }
  return rows;
}
