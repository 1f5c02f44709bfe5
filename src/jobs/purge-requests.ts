import {scopeKind, type Scope} from '../core/scope.ts';
import type {RunOptions, Store} from '../store/ledger.ts';
import {purgeableCount} from '../store/purge.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {RunRequest} from './begin-run.ts';
import type {JobDeps} from './deps.ts';

/** The same for what is old enough by the rules, after a run; none where rows stay for ever. */
export async function purgesDue(
  {store, rules}: Pick<JobDeps, 'store' | 'rules'>,
  scopes: readonly Scope[],
  nowMs: number,
  options: Pick<RunOptions, 'sinks' | 'isStoreSink'>,
): Promise<RunRequest[]> {
  if (rules.purgeAfterMs === null) return [];
  const before = new Date(nowMs - rules.purgeAfterMs).toISOString();
  return await purgeRequests(store, scopes, CATALOGUE, before, options);
}

/** Runs that remove for good what is marked deleted before a moment (ISO 8601): one for each scope that has any of it. */
export async function purgeRequests(
  store: Store,
  scopes: readonly Scope[],
  streams: readonly Stream[],
  deletedBefore: string,
  options: Pick<RunOptions, 'sinks' | 'isStoreSink'>,
): Promise<RunRequest[]> {
  const requests: RunRequest[] = [];
  for (const scope of scopes) {
    const names: string[] = [];
    for (const stream of streams.filter((each) => each.scope === scopeKind(scope))) {
      if ((await purgeableCount(store, scope, stream, deletedBefore)) > 0) names.push(stream.name);
    }
    if (names.length === 0) continue;
    const rest = {named: false, allowMassDelete: false, wantsSnapshot: false, takeOver: false};
    requests.push({
      scope,
      mode: 'incremental',
      options: {...options, ...rest, streams: names, purgesBefore: deletedBefore},
    });
  }
  return requests;
}
