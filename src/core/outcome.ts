import type {ExitReason} from './errors.ts';
import {EXIT_CODES, SyncError} from './errors.ts';
import {SourceQuotaError, SourceScopeError, SourceThrottledError} from './source-errors.ts';

export type RunOutcome = 'succeeded' | 'partial' | 'throttled' | 'interrupted' | 'failed';
export type StreamOutcome = 'succeeded' | 'skipped' | 'unavailable' | 'interrupted' | 'failed';

/**
 * Why something failed, as far as outcome and exit code care. `throttled`: the credential's quota, or a limit that was
 * not to be waited out; `unavailable`: the API, or another temporary cause; `refused`: credential or scope.
 */
export type FailureCause = 'throttled' | 'unavailable' | 'credential' | 'scope' | 'store' | 'usage' | 'unexpected';

/** What a run knows of one of its streams at the end. */
export type StreamEnd =
  {readonly outcome: Exclude<StreamOutcome, 'failed'>} | {readonly outcome: 'failed'; readonly cause: FailureCause};

/** Code of a full run that made way for what is fresh: another run carries it on. */
export const YIELDED = 'SYNC_RUN_YIELDED';

/**
 * What ended a run before its streams were through: a signal, quota or maintenance, a credential that is refused, a
 * store that is gone, an app that does not exist, no progress. One stream that fails by itself ends nothing.
 */
export type RunBreak =
  | {readonly kind: 'signal'; readonly signal: 'SIGINT' | 'SIGTERM'}
  /** It made way for what is fresh, having done its own fresh work. */
  | {readonly kind: 'yielded'}
  | {readonly kind: 'error'; readonly cause: FailureCause};

/** What a run knows beside its streams at the end. */
export interface RunFacts {
  /** Records rejected in this run that were not rejected before. */
  readonly newRejects: number;
  /** Streams whose deletions a guard held back. */
  readonly heldBack: number;
  /** Sinks that did not get to the end of this run, and those that did; the store counts when it is a sink itself. */
  readonly sinksBehind: number;
  readonly sinksWritten: number;
  /** null: the run went to its end. */
  readonly endedBy: RunBreak | null;
}

/** What the contract's section 2 makes of a run: its outcome and the exit code of a `sync` of this run alone. */
export interface RunVerdict {
  readonly outcome: RunOutcome;
  readonly exit: ExitReason;
}

const EXIT_OF_CAUSE: Record<FailureCause, ExitReason> = {
  throttled: 'temporary',
  unavailable: 'temporary',
  credential: 'credential',
  scope: 'credential',
  store: 'store',
  usage: 'usage',
  unexpected: 'unexpected',
};

/** Which of several codes a command ends with: the first of these. A signal ended all that came after it. */
const EXIT_ORDER: readonly ExitReason[] = [
  'sigint',
  'sigterm',
  'unexpected',
  'usage',
  'credential',
  'store',
  'partial',
  'drift',
  'temporary',
  'ok',
];

/** Why this was thrown, as far as outcome and exit code care. What is not ours is unexpected. */
export function causeOf(error: unknown): FailureCause {
  if (error instanceof SourceQuotaError || error instanceof SourceThrottledError) return 'throttled';
  if (!(error instanceof SyncError)) return 'unexpected';
  switch (error.exit) {
    case 'temporary':
      return 'unavailable';
    case 'credential':
      return error instanceof SourceScopeError ? 'scope' : 'credential';
    case 'store':
    case 'usage':
      return error.exit;
    default:
      return 'unexpected';
  }
}

/**
 * Judges a run that is over. Streams that are unavailable (never offered to this credential) count neither way.
 * A stream that was interrupted although nothing ended the run counts as failed for an unexpected reason.
 */
export function judgeRun(streams: readonly StreamEnd[], facts: RunFacts): RunVerdict {
  const {endedBy} = facts;
  if (endedBy?.kind === 'signal') {
    return {outcome: 'interrupted', exit: endedBy.signal === 'SIGINT' ? 'sigint' : 'sigterm'};
  }
  if (endedBy?.kind === 'yielded') return judgeSlice(streams, facts);
  if (endedBy !== null) return verdictOf([endedBy.cause]);

  const causes = streams.flatMap((stream) => {
    if (stream.outcome === 'failed') return [stream.cause];
    return stream.outcome === 'interrupted' ? (['unexpected'] as const) : [];
  });
  const hasReached = streams.some(({outcome}) => outcome === 'succeeded' || outcome === 'skipped');
  // A refused credential fails the run, whatever was read before it was revoked.
  if (causes.includes('credential') || (causes.length > 0 && !hasReached)) return verdictOf(causes);

  const {newRejects, heldBack, sinksBehind, sinksWritten} = facts;
  if (sinksBehind > 0 && sinksWritten === 0) return {outcome: 'partial', exit: 'store'};
  const isPartial = causes.length > 0 || newRejects > 0 || heldBack > 0 || sinksBehind > 0;
  return isPartial ? {outcome: 'partial', exit: 'partial'} : {outcome: 'succeeded', exit: 'ok'};
}

/** A run that made way is interrupted, unless something went wrong in what it did: that is told. */
function judgeSlice(streams: readonly StreamEnd[], facts: RunFacts): RunVerdict {
  const ended = streams.filter(({outcome}) => outcome !== 'interrupted');
  const verdict = judgeRun(ended, {...facts, endedBy: null});
  return verdict.outcome === 'succeeded' ? {outcome: 'interrupted', exit: 'temporary'} : verdict;
}

/** The outcome of a run that is over. */
export function runOutcome(streams: readonly StreamEnd[], facts: RunFacts): RunOutcome {
  return judgeRun(streams, facts).outcome;
}

/** The exit code of a command that did this run alone. */
export function exitCodeOfRun(streams: readonly StreamEnd[], facts: RunFacts): number {
  return EXIT_CODES[judgeRun(streams, facts).exit];
}

/**
 * Judges a run of what is the user's or everybody's, beside an app's run that got through: streams that failed in it make it
 * partial, as they would have within the app's run.
 * @param isBroken the run was ended early, or its credential refused: then it is what it is
 */
export function judgeBeside(other: RunVerdict, isBroken: boolean): RunVerdict {
  return other.outcome === 'failed' && !isBroken ? {outcome: 'partial', exit: 'partial'} : other;
}

/** The exit code of a command that did several things, from the code of each; 0 when it did none. */
export function exitCodeOfRuns(codes: readonly number[]): number {
  const known = EXIT_ORDER.map((reason) => EXIT_CODES[reason]);
  if (codes.some((code) => !(known as readonly number[]).includes(code))) return EXIT_CODES.unexpected;
  return known.find((code) => codes.includes(code)) ?? EXIT_CODES.ok;
}

/** The run failed: for want of quota alone, or for the first of its causes in the order of the exit codes. */
function verdictOf(causes: readonly FailureCause[]): RunVerdict {
  if (causes.every((cause) => cause === 'throttled')) return {outcome: 'throttled', exit: 'temporary'};
  const exits = causes.map((cause) => EXIT_OF_CAUSE[cause]);
  return {outcome: 'failed', exit: EXIT_ORDER.find((reason) => exits.includes(reason)) ?? 'unexpected'};
}
