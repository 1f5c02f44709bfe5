import {mayDelete} from '../core/deletion-guard.ts';
import {
  bury,
  candidateCount,
  candidateCounts,
  candidates,
  cascade,
  closeRun,
  hasBuried,
  hasDeleted,
  liveCount,
  noteHeldBack,
} from '../store/candidates.ts';
import {compareCounts, LASTING_RUNS} from '../store/counts.ts';
import {earlyEnd} from '../store/runs.ts';
import type {HeldTask} from '../store/tasks.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {prove, type ProofBudget} from './prove.ts';

/** Rows taken up at once; a verdict for each is committed before the next are. */
const CANDIDATES_AT_ONCE = 5_000;

/**
 * Ends a run: proves what its passes missed, marks it deleted, takes the children of what is deleted along, and closes
 * the run. One that ends early asks the source nothing more; what it missed waits for a later run. May be repeated.
 */
export async function seal(deps: JobDeps, task: HeldTask, signal: AbortSignal): Promise<void> {
  const streams = CATALOGUE.filter((stream) => task.options.streams.includes(stream.name));
  const {replays, purgesBefore} = task.options;
  const hasRead = replays !== true && purgesBefore === undefined;
  if (hasRead && (await earlyEnd(deps.store, task.runId)) === null) {
    const budget: ProofBudget = {left: deps.rules.proofRequests};
    const missing = await candidateCounts(deps.store, task);
    for (const stream of streams) await proveStream(deps, task, stream, missing.get(stream.name) ?? 0, budget, signal);
  }
  // Every stream of the scope, asked for in this run or not: the children of what was deleted are gone too.
  const scoped = CATALOGUE.filter((stream) => streams.some((each) => each.scope === stream.scope));
  const mayCascade = task.mode === 'full' || (await hasDeleted(deps.store, task));
  // Kept: that no row of a parent is deleted is only seen by looking at all of them.
  const buried: Buried = new Map();
  for (const stream of mayCascade ? scoped : []) await cascadeInto(deps, task, stream, streams, buried);
  await compareWithSource(deps, task);
  await closeRun(deps.store, task);
}

/** A difference that lasts makes the next incremental run a full one (begin-run.ts). */
async function compareWithSource({store, log}: JobDeps, task: HeldTask): Promise<void> {
  const counts = await compareCounts(store, task);
  if (counts === null || counts.source === counts.mirror) return;
  const {source, mirror, runs} = counts;
  if (runs < LASTING_RUNS) log.info({stream: 'inputs', source, mirror}, 'counts differed');
  else log.warn({stream: 'inputs', source, mirror, runs}, 'counts differ and nothing moves: a full run is due');
}

async function proveStream(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  missing: number,
  budget: ProofBudget,
  signal: AbortSignal,
): Promise<void> {
  const {store, rules, log} = deps;
  if (missing === 0) return;
  const live = await liveCount(store, task, stream);
  if (!mayDelete(missing, live, rules.maxDeleteRatio) && !task.options.allowMassDelete) {
    log.warn({stream: stream.name, missing, live}, 'deletions were held back');
    await noteHeldBack(store, task, stream, missing, 0);
    return;
  }
  for (let seen = 0; seen < missing;) {
    const missed = await candidates(store, task, stream, CANDIDATES_AT_ONCE);
    const before = missed.length;
    if (before === 0) break;
    let settled = 0;
    for await (const verdict of prove(deps, task, stream, missed, budget, signal)) {
      settled += verdict.gone.length + verdict.alive.length;
      const deleted = await bury(store, task, stream, verdict);
      log.debug({stream: stream.name, deleted, alive: verdict.alive.length}, 'deletions were proved');
    }
    seen += before;
    if (settled < before) break;
  }
  await noteHeldBack(store, task, stream, 0, await candidateCount(store, task, stream));
}

/** Of each parent, whether it has rows whose deletion can take children along, once that was looked at. */
type Buried = Map<string, boolean>;

/** In a full run children of every deleted parent, else of those that were deleted in this run. */
async function cascadeInto(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  read: readonly Stream[],
  buried: Buried,
): Promise<void> {
  const all = task.mode === 'full';
  const parents = [...(stream.under === undefined ? [] : [stream.under]), ...(stream.cascade ?? [])];
  for (const {stream: parent} of parents) {
    if (!read.some((each) => each.name === parent)) continue;
    const isBuried = buried.get(parent) ?? (await hasBuried(deps.store, task, parent, all));
    buried.set(parent, isBuried);
    if (!isBuried) continue;
    await cascade(deps.store, task, stream, parent, all);
    buried.delete(stream.name);
  }
}
