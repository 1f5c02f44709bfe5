import type {Store} from '../store/ledger.ts';
import {pendingRuns} from '../store/pending-runs.ts';
import {recentWork} from '../store/recent-work.ts';
import {runHistory} from '../store/run-history.ts';
import {reportRuns} from '../store/run-reports.ts';
import {sinkPositions} from '../store/sink-positions.ts';
import {nextRunDocument, sinkDocument, type NextRun} from '../store/status-document.ts';
import {reportStatus} from '../store/status.ts';
import type {BudgetUse} from './budget-use.ts';
import {pendingOfApi, scopeOfApi} from './documents.ts';

export interface OverviewParts {
  readonly store: Pick<Store, 'database'>;
  readonly nextRuns: () => Promise<readonly NextRun[]>;
  /** Requests per second of the credential that are used at most; 0 for no limit. */
  readonly requestsPerSecond: number;
  /** Where Bull Board is mounted; null: it is not. */
  readonly queuesPath: string | null;
  readonly now: () => number;
}

/** Runs in the chart of an app. */
const PAST_RUNS = 40;
/** The run under way, and the last one that ended. */
const LAST_RUNS = 2;
const MANY = 1_000;

/** All that the page shows, and `/api/streams` gives. */
export async function overview(parts: OverviewParts, budget: BudgetUse) {
  const {store, now} = parts;
  const [statuses, reports, past, sinks, work, nextRuns, pending] = await Promise.all([
    reportStatus(store),
    reportRuns(store, {perScope: LAST_RUNS, limit: MANY}),
    runHistory(store, PAST_RUNS),
    sinkPositions(store),
    recentWork(store, 60),
    parts.nextRuns(),
    pendingRuns(store),
  ]);
  budget.look(work, now());
  return {
    now: new Date(now()).toISOString(),
    scopes: statuses.map((status) => scopeOfApi(status, reports, past)),
    sinks: sinks.map(sinkDocument),
    budget: {requests_per_second: parts.requestsPerSecond, used_per_second: budget.perSecond()},
    next_runs: nextRuns.map(nextRunDocument),
    pending_runs: pending.map(pendingOfApi),
    queues: parts.queuesPath,
  };
}
