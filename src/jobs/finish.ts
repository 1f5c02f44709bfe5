import type {NotifyEvent} from '../core/notify.ts';
import {judgeRun, YIELDED, type RunBreak, type RunVerdict, type StreamEnd} from '../core/outcome.ts';
import type {Failure, Store} from '../store/ledger.ts';
import {reportRuns, type RunReport, type StreamRun} from '../store/run-reports.ts';
import {finishRun} from '../store/runs.ts';
import {runMessage} from './message.ts';

/** Codes of runs that a signal ended. */
export const INTERRUPTED = {SIGINT: 'SYNC_RUN_SIGINT', SIGTERM: 'SYNC_RUN_SIGTERM'} as const;

/**
 * Gives a closed run its outcome, and tells it together with what the run did. May be repeated.
 * @param notifyOn events that send a message
 */
export async function finish(
  store: Store,
  runId: string,
  notifyOn: readonly NotifyEvent[] = [],
): Promise<{report: RunReport; verdict: RunVerdict}> {
  const [before] = await reportRuns(store, {runId, limit: 1});
  if (before === undefined) throw new Error(`run ${runId} is not in the ledger`);
  const verdict = verdictOf(before);
  await finishRun(store, runId, verdict.outcome, {on: notifyOn, text: runMessage(before, verdict.outcome)});
  const [report] = await reportRuns(store, {runId, limit: 1});
  return {report: report ?? before, verdict};
}

/** What a run came to, by what the ledger holds of it. */
export function verdictOf(report: RunReport): RunVerdict {
  return judgeRun(report.streams.map(endOf), {
    newRejects: report.streams.reduce((sum, stream) => sum + stream.newlyRejected, 0),
    heldBack: report.streams.filter((stream) => stream.heldBack > 0).length,
    sinksBehind: report.sinks.filter(({outcome}) => outcome !== 'succeeded').length,
    sinksWritten:
      report.sinks.filter(({outcome}) => outcome === 'succeeded').length + (report.run.options.isStoreSink ? 1 : 0),
    endedBy: breakOf(report.failure),
  });
}

function endOf({outcome, failure}: StreamRun): StreamEnd {
  if (outcome === 'failed') return {outcome, cause: failure?.cause ?? 'unexpected'};
  return {outcome: outcome ?? 'interrupted'};
}

function breakOf(failure: Failure | null): RunBreak | null {
  if (failure === null) return null;
  if (failure.code === INTERRUPTED.SIGINT) return {kind: 'signal', signal: 'SIGINT'};
  if (failure.code === INTERRUPTED.SIGTERM) return {kind: 'signal', signal: 'SIGTERM'};
  if (failure.code === YIELDED) return {kind: 'yielded'};
  return {kind: 'error', cause: failure.cause};
}
