import {messageOf} from '../core/errors.ts';
import {scopeKind, type Scope} from '../core/scope.ts';
import type {Sink, SinkFindings, SinkStreamFindings} from '../sinks/sink.ts';
import {MirrorDigests} from '../store/digests.ts';
import type {Store} from '../store/ledger.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import {sinkTable} from './sink-tables.ts';

/** What one sink of a scope came to against the mirror. */
export interface SinkVerdict {
  readonly sink: string;
  readonly streams: readonly SinkStreamFindings[];
  /** Tables and parts that were looked at. */
  readonly checked: number;
  /** Why it could not be compared; null: it was. */
  readonly unread: string | null;
}

/**
 * Compares a sink with the mirror as it is at this moment. What differs is looked at a second time after `settled`, and
 * only what is found again counts: a run may have been given to the sink meanwhile.
 */
export async function verifySink(
  store: Store,
  scope: Scope,
  sink: Sink,
  streams: ReadonlySet<string> | null,
  settled: () => Promise<void>,
  signal: AbortSignal,
): Promise<SinkVerdict> {
  try {
    const first = await findingsOf(store, scope, sink, streams, signal);
    if (first.streams.every(({differing}) => differing === 0)) return {sink: sink.name, ...first, unread: null};
    await settled();
    const again = await findingsOf(store, scope, sink, streams, signal);
    return {sink: sink.name, ...again, streams: again.streams.map((each) => inBoth(each, first)), unread: null};
  } catch (error) {
    signal.throwIfAborted();
    return {sink: sink.name, streams: [], checked: 0, unread: messageOf(error)};
  }
}

async function findingsOf(
  store: Store,
  scope: Scope,
  sink: Sink,
  streams: ReadonlySet<string> | null,
  signal: AbortSignal,
): Promise<SinkFindings> {
  const kind = scopeKind(scope);
  const declared = CATALOGUE.filter(({name, scope: its}) => its === kind && (streams?.has(name) ?? true));
  await using mirror = await MirrorDigests.open(store, scope);
  const order = {storeId: store.storeId, scope, tables: declared.map(sinkTable), mirror, onSign: () => undefined};
  return await sink.verify(order, signal);
}

/** The faults of a stream that were there before too. Where not all are told, their number is that of now. */
function inBoth(now: SinkStreamFindings, {streams}: SinkFindings): SinkStreamFindings {
  const before = new Set(streams.find(({stream}) => stream === now.stream)?.faults.map(({text}) => text));
  if (now.differing > now.faults.length) return before.size === 0 ? {...now, differing: 0, faults: []} : now;
  const faults = now.faults.filter(({text}) => before.has(text));
  return {...now, differing: faults.length, faults};
}
