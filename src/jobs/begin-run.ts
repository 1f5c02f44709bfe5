import {scopeKind, type Scope} from '../core/scope.ts';
import type {ApiClient} from '../source/client.ts';
import {needsFullRun, noteFullForCount} from '../store/counts.ts';
import type {Run, RunMode, RunOptions, Store} from '../store/ledger.ts';
import {takeUpRun, unfinishedRun, type TakenUp} from '../store/driving.ts';
import type {PendingRun} from '../store/pending-runs.ts';
import {openRun, type Beginning} from '../store/runs.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import {lookAtApp} from './look-at-app.ts';

/** A run as somebody asked for it. */
export interface RunRequest {
  readonly scope: Scope;
  readonly mode: RunMode;
  readonly options: RunOptions;
  /** What the ledger has of it where it was asked for before; left out: it is asked for now. */
  readonly pending?: PendingRun;
}

export interface Begun {
  readonly run: Run;
  /** An earlier run of the scope was left unfinished: it is carried on, and may be other than what was asked for. */
  readonly isTakenUp: boolean;
  /** That one had been ended early by what its own process met: it says nothing of what is asked for now. */
  readonly hadEnded: boolean;
}

/**
 * Begins a run of a scope, or takes up the one that a process has left. Asks the source for the app first: a run of an
 * app that does not exist is never opened, and the marker has to be known before anything is read. An incremental run
 * becomes a full one where the count of inputs has differed for too long.
 * @throws AppUnknownError, RunActiveError
 */
export async function beginRun(
  store: Store,
  client: ApiClient,
  request: RunRequest,
  settleMs: number,
  signal: AbortSignal,
): Promise<Begun> {
  const {scope, mode, options} = request;
  const justLeft = await takeUpIfFresh(store, scope, settleMs);
  if (justLeft !== null) return {...justLeft, isTakenUp: true};
  // A purge asks the source nothing, and is done also where there is none any more.
  const isPurge = options.purgesBefore !== undefined;
  const beginning = isPurge ? NOTHING_SAID : await beginningOf(client, scope, signal);
  const left = await takeUpRun(store, scope, beginning, settleMs);
  if (left !== null) return {...left, isTakenUp: true};
  const streams = CATALOGUE.filter(
    (stream) => stream.scope === scopeKind(scope) && options.streams.includes(stream.name),
  );
  const isForCounts =
    mode === 'incremental' && options.replays !== true && !isPurge && (await mustCountAnew(store, request, beginning));
  const opened = isForCounts ? 'full' : mode;
  const run = await openRun(store, scope, opened, options, streams, beginning, settleMs, request.pending);
  if (isForCounts) await noteFullForCount(store, run.scopeId);
  return {run, isTakenUp: false, hadEnded: false};
}

/**
 * A run that was left a moment ago (a drain, a crash) goes on where it stands, without asking anything: what it read is
 * as new as the source's own search is, which may lag by `settleMs`. After that it is no news any more.
 */
async function takeUpIfFresh(store: Store, scope: Scope, settleMs: number): Promise<TakenUp | null> {
  const left = await unfinishedRun(store, scope, settleMs);
  return left === null || !left.isLeft || left.isStale ? null : await takeUpRun(store, scope, null, settleMs);
}

/** Has the source had more or fewer inputs than the mirror for some runs now, while nothing moved? Once a day at most. */
async function mustCountAnew(store: Store, {scope, options}: RunRequest, {marker}: Beginning): Promise<boolean> {
  return marker !== null && options.streams.includes('inputs') && (await needsFullRun(store, scope, marker));
}

/** Does a run that was taken up bring all that is asked for now? */
export function covers(run: Run, {mode, options}: RunRequest): boolean {
  const hasStreams = options.streams.every((name) => run.options.streams.includes(name));
  const hasMode = run.mode === 'full' || mode === 'incremental';
  const hasSinks = options.sinks.every((name) => run.options.sinks.includes(name));
  const hasLeave =
    (run.options.allowMassDelete || !options.allowMassDelete) && (run.options.takeOver || !options.takeOver);
  if ((run.options.replays ?? false) !== (options.replays ?? false)) return false;
  if (run.options.purgesBefore !== options.purgesBefore) return false;
  return hasStreams && hasMode && hasSinks && hasLeave && (run.options.wantsSnapshot || !options.wantsSnapshot);
}

const NOTHING_SAID: Beginning = {marker: null, sourceTimeMs: null};

async function beginningOf(client: ApiClient, scope: Scope, signal: AbortSignal): Promise<Beginning> {
  if (scopeKind(scope) !== 'app') return {marker: null, sourceTimeMs: null};
  const {marker, records} = await lookAtApp(client, scope, signal);
  return {marker, sourceTimeMs: records.dateMs};
}
