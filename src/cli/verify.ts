import type {Config} from '../config/config.ts';
import {EXIT_CODES, UsageError} from '../core/errors.ts';
import {scopeKind, scopeName, type Scope} from '../core/scope.ts';
import {driftMessage} from '../jobs/message.ts';
import {beginVerify, runEnded, verifyStream, type StreamVerdict} from '../jobs/verify.ts';
import {verifySink, type SinkVerdict} from '../jobs/verify-sinks.ts';
import type {ApiClient} from '../source/client.ts';
import {noteDrift} from '../store/drift.ts';
import type {Store} from '../store/ledger.ts';
import {streamsRead, syncedScopes} from '../store/row-counts.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import {rulesOf, type Context} from './context.ts';
import {wholeNumber} from './number-flag.ts';
import {openApi, openSlots} from './open-parts.ts';
import {NOTHING_SYNCED, storeToRead} from './read-store.ts';
import {appOf, resolveScopes, selectedStreams} from './selection.ts';
import {driftOf, verdictDocument, verdictLines, type ScopeVerdict} from './verify-text.ts';

export interface VerifyFlags {
  readonly app?: readonly string[];
  readonly stream?: readonly string[];
  readonly sample?: string;
  readonly full?: boolean;
  readonly json?: boolean;
}

const DEFAULT_SAMPLE = 100;

/**
 * Compares source, store and sinks, app by app. Writes nothing but what it found, into the ledger. Exit code 6 when
 * something differs, 5 when something could not be compared.
 */
export async function verify(context: Context, flags: VerifyFlags): Promise<number> {
  if (flags.full === true && flags.sample !== undefined) {
    throw new UsageError('--sample and --full: expected one of them, found both');
  }
  const sample = flags.full === true ? null : (wholeNumber('--sample', flags.sample) ?? DEFAULT_SAMPLE);
  const named = flags.stream?.map(streamNamed) ?? null;
  const apps = flags.app?.map(appOf) ?? null;
  const config = await context.config(apps === null ? ['pat', 'apps'] : ['pat']);
  const {out, logger, signal, now} = context.surroundings;
  const startedMs = now();
  const store = await storeToRead(context, config);
  if (store === null) throw new UsageError(NOTHING_SYNCED);
  const client = openApi(context, config, undefined, await openSlots(context, config, store));
  const deps = {store, client, rules: rulesOf(config), log: logger.log};
  const sinks = await context.sinks(config);
  const verdicts: ScopeVerdict[] = [];
  for (const {scope, streams} of await chosen(context, config, store, client, apps ?? config.apps, named)) {
    const found: StreamVerdict[] = [];
    const start = await beginVerify(deps, scope, startedMs, signal);
    for (const stream of streams) found.push(await verifyStream(deps, scope, stream, {sample, start}, signal));
    const only = named === null ? null : new Set(named.map(({name}) => name));
    const inSinks: SinkVerdict[] = [];
    for (const sink of sinks.values()) {
      inSinks.push(await verifySink(store, scope, sink, only, () => runEnded(deps, scope, signal), signal));
    }
    const verdict = {scope, streams: found, sinks: inSinks};
    verdicts.push(verdict);
    await keep(config, store, verdict);
    if (flags.json !== true) for (const line of verdictLines(verdict)) out(line);
  }
  const hasDrift = verdicts.some((each) => driftOf(each).length > 0);
  if (flags.json === true) out(JSON.stringify({drift: hasDrift, apps: verdicts.map(verdictDocument)}));
  if (hasDrift) return EXIT_CODES.drift;
  const isUnread = verdicts.some((each) => [...each.streams, ...each.sinks].some(({unread}) => unread !== null));
  return isUnread ? EXIT_CODES.partial : EXIT_CODES.ok;
}

interface Chosen {
  readonly scope: Scope;
  readonly streams: readonly Stream[];
}

/** Streams that were read in full at least once, of the apps and their users, and of what is the same for everybody. */
async function chosen(
  context: Context,
  config: Config,
  store: Store,
  client: ApiClient,
  wanted: readonly Scope[],
  named: readonly Stream[] | null,
): Promise<readonly Chosen[]> {
  const {apps, users} = await resolveScopes(client, wanted, context.surroundings.signal);
  const synced = new Set((await syncedScopes(store)).map(scopeName));
  for (const app of apps) {
    if (!synced.has(scopeName(app)))
      throw new UsageError(`${scopeName(app)} was never synced here: see "clarifai-sync status"`);
  }
  const scopes = [...apps, ...users.map((userId): Scope => ({userId, appId: ''})), {userId: '', appId: ''}];
  const found: Chosen[] = [];
  for (const scope of scopes.filter((each) => synced.has(scopeName(each)))) {
    const read = await streamsRead(store, scope);
    const streams = (named ?? selectedStreams(config)).filter(
      ({name, scope: kind}) => kind === scopeKind(scope) && read.has(name),
    );
    if (streams.length > 0) found.push({scope, streams});
  }
  const missing = (named ?? []).filter((stream) => !found.some(({streams}) => streams.includes(stream)));
  if (missing.length > 0) {
    const names = missing.map(({name}) => name).join(', ');
    throw new UsageError(`--stream: ${names} was never read in full here: see "clarifai-sync status"`);
  }
  return found;
}

/** What was looked at and found well is forgotten; what differs is kept, and told where it is news. */
async function keep({notify}: Config, store: Store, verdict: ScopeVerdict): Promise<void> {
  const found = driftOf(verdict);
  const looked = [
    ...verdict.streams.filter(({unread}) => unread === null).map(({stream}) => ({stream, place: 'source'})),
    ...verdict.sinks.flatMap(({sink, streams}) => streams.map(({stream}) => ({stream, place: `sink:${sink}`}))),
  ];
  const isWanted = notify?.on.includes('drift') === true;
  await noteDrift(store, verdict.scope, looked, found, isWanted ? driftMessage(verdict.scope, found) : null);
}
