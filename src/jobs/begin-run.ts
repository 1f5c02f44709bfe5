import {scopeKind, type Scope} from '../core/scope.ts';
import type {ApiClient} from '../source/client.ts';
import {needsFullRun, noteFullForCount} from '../store/counts.ts';
import type {Run, RunMode, RunOptions, Store} from '../store/ledger.ts';
import {openRun, takeUpRun, type Beginning} from '../store/runs.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import {lookAtApp} from './look-at-app.ts';

/** A run as somebody asked for it. */
export interface RunRequest {
  readonly scope: Scope;
  readonly mode: RunMode;
  readonly options: RunOptions;
}

export interface Begun {
  readonly run: Run;
  /** An earlier run of the scope was left unfinished: it is carried on, and may be other than what was asked for. */
  readonly isTakenUp: boolean;
}

/**
 * Begins a run of a scope, or takes up the one that a dead process left. Asks the source for the app first: a run of an
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
  const beginning = await beginningOf(client, scope, signal);
  const left = await takeUpRun(store, scope, beginning, settleMs);
  if (left !== null) return {run: left, isTakenUp: true};
  const streams = CATALOGUE.filter(
    (stream) => stream.scope === scopeKind(scope) && options.streams.includes(stream.name),
  );
  const isForCounts = mode === 'incremental' && (await mustCountAnew(store, request, beginning));
  const run = await openRun(store, scope, isForCounts ? 'full' : mode, options, streams, beginning, settleMs);
  if (isForCounts) await noteFullForCount(store, run.scopeId);
  return {run, isTakenUp: false};
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
  return hasStreams && hasMode && hasSinks && hasLeave && (run.options.wantsSnapshot || !options.wantsSnapshot);
}

async function beginningOf(client: ApiClient, scope: Scope, signal: AbortSignal): Promise<Beginning> {
  if (scopeKind(scope) !== 'app') return {marker: null, sourceTimeMs: null};
  const {marker, records} = await lookAtApp(client, scope, signal);
  return {marker, sourceTimeMs: records.dateMs};
}
