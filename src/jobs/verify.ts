import {setTimeout as sleep} from 'node:timers/promises';
import {messageOf} from '../core/errors.ts';
import {comparableInstant} from '../core/instant.ts';
import {scopeKind, type Scope} from '../core/scope.ts';
import {SourceGoneError, SourceNotOfferedError, SourceRefusedError, SourceScopeError} from '../core/source-errors.ts';
import {getApp, inputCounts} from '../source/calls.ts';
import {unfinishedRun} from '../store/driving.ts';
import {countRows} from '../store/row-counts.ts';
import type {Suspect} from '../store/verify-rows.ts';
import {chanceKeys, lastReader, parentsToRead, rejectedInputs} from '../store/verify-samples.ts';
import type {Stream} from '../streams/stream.ts';
import {batchOf, type Extent} from './records-of.ts';
import {extentAgain, readAndCompare, type Reading, type VerifyDeps} from './verify-source.ts';

/** What one stream of a scope came to against the source. */
export interface StreamVerdict {
  readonly stream: string;
  /** What was read: some records by key, whole lists, or everything. */
  readonly how: 'sample' | 'lists' | 'all';
  readonly read: number;
  /** As the API counts; null where it does not. Only that of inputs is exact enough to count as drift. */
  readonly sourceCount: number | null;
  readonly mirrorCount: number;
  /** Records that differ, found so twice. */
  readonly drift: number;
  /** Differed at first and no more, or while the source moved: no drift. */
  readonly unsettled: number;
  readonly examples: readonly Suspect[];
  /** The count of inputs differs although no record that was read does. */
  readonly countGap: number;
  /** The newest run that read the stream. */
  readonly lastRunId: string | null;
  /** Why it could not be compared; null: it was. */
  readonly unread: string | null;
}

export interface VerifyWish {
  /** Records of each stream that are read again; null: all. */
  readonly sample: number | null;
  readonly start: VerifyStart;
}

/** What the source said of the scope when verifying began: what has moved since is no drift. */
export interface VerifyStart {
  /** Moves with inputs, annotations and memberships; null where there is none. */
  readonly marker: string | null;
  /** The moment by the source's clock, comparable with a record's `modified_at`; null where it is not known. */
  readonly at: string | null;
}

/** The source tells whole seconds: where its clock and ours are that close, ours is the finer one, ms. */
const CLOCKS_AGREE_MS = 1_500;

/** @param startedMs when it was begun, epoch ms of our clock */
export async function beginVerify(
  {client}: VerifyDeps,
  scope: Scope,
  startedMs: number,
  signal: AbortSignal,
): Promise<VerifyStart> {
  if (scopeKind(scope) !== 'app') return {marker: null, at: null};
  const {marker, records} = await getApp(client, scope, signal);
  const {dateMs, askedAtMs} = records;
  if (dateMs === null) return {marker, at: null};
  const isClose = Math.abs(dateMs - askedAtMs) < CLOCKS_AGREE_MS;
  return {marker, at: comparableInstant(new Date(isClose ? startedMs : dateMs).toISOString())};
}

/** A list below one parent is read as a whole: one parent for so many records of the sample. */
const RECORDS_PER_PARENT = 20;

/** The run under way has so long to end before what differs is looked at again, ms. */
const WAIT_MS = 600_000;
const LOOK_EVERY_MS = 500;

/**
 * Compares a stream with the source. What differs is looked at a second time, once the run that is under way has ended:
 * only what differs in the same way again is drift, and nothing that the source says was changed meanwhile.
 */
export async function verifyStream(
  deps: VerifyDeps,
  scope: Scope,
  stream: Stream,
  {sample, start}: VerifyWish,
  signal: AbortSignal,
): Promise<StreamVerdict> {
  const {store} = deps;
  const extent = await extentOf(deps, scope, stream, sample);
  const how = sample === null ? 'all' : extent.kind === 'keys' ? 'sample' : 'lists';
  const lastRunId = await lastReader(store, scope, stream.name);
  const empty = {stream: stream.name, how, lastRunId, drift: 0, unsettled: 0, examples: [], countGap: 0} as const;
  try {
    const before = await sightingOf(deps, scope, stream, signal);
    const first = await readAndCompare(deps, scope, stream, extent, signal);
    const base = {...empty, read: first.read, sourceCount: before.count, mirrorCount: before.mirror, unread: null};
    if (first.count === 0 && gapOf(before) === 0) return base;
    await runEnded(deps, scope, signal);
    const again =
      first.count === 0
        ? null
        : await readAndCompare(deps, scope, stream, extentAgain(stream, first.suspects.values()), signal);
    const after = await sightingOf(deps, scope, stream, signal);
    const stood =
      again === null ? [] : stillSo(first, again).filter((suspect) => isSettled(suspect, start, after.marker));
    const gap = gapOf(before) === gapOf(after) && start.marker === after.marker ? gapOf(after) : 0;
    const isWhole = first.suspects.size === stood.length;
    const drift = isWhole ? first.count : stood.length;
    return {
      ...base,
      sourceCount: after.count,
      mirrorCount: after.mirror,
      drift,
      unsettled: first.count - drift,
      examples: stood.slice(0, EXAMPLES),
      countGap: drift === 0 ? gap : 0,
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!REFUSALS.some((refusal) => error instanceof refusal)) throw error;
    return {
      ...empty,
      read: 0,
      sourceCount: null,
      mirrorCount: await countRows(store, scope, stream),
      unread: messageOf(error),
    };
  }
}

/** What concerns one list and not the credential or the API as a whole. */
const REFUSALS = [SourceNotOfferedError, SourceScopeError, SourceRefusedError, SourceGoneError];

/** Differences that are told one by one. */
const EXAMPLES = 20;

async function extentOf({store}: VerifyDeps, scope: Scope, stream: Stream, sample: number | null): Promise<Extent> {
  if (sample !== null && batchOf(stream) !== null) {
    return {kind: 'keys', keys: await chanceKeys(store, scope, stream, sample)};
  }
  const count = sample === null ? null : Math.ceil(sample / RECORDS_PER_PARENT);
  return {kind: 'lists', parents: await parentsToRead(store, scope, stream, count), isAll: sample === null};
}

/** What the source says of itself at one moment. */
interface Sighting {
  /** Moves with inputs, annotations and memberships; null where the stream has none. */
  readonly marker: string | null;
  readonly count: number | null;
  readonly mirror: number;
  /** Is the count exact enough for a difference to mean something? */
  readonly isExact: boolean;
}

async function sightingOf(
  {client, store}: VerifyDeps,
  scope: Scope,
  stream: Stream,
  signal: AbortSignal,
): Promise<Sighting> {
  const rows = await countRows(store, scope, stream);
  if (scopeKind(scope) !== 'app') return {marker: null, count: null, mirror: rows, isExact: false};
  const {marker, counts} = await getApp(client, scope, signal);
  const isExact = stream.name === 'inputs';
  return {
    marker,
    count: isExact ? await inputCounts(client, scope, signal) : (counts[stream.name] ?? null),
    mirror: isExact ? rows + (await rejectedInputs(store, scope)) : rows,
    isExact,
  };
}

const gapOf = ({count, mirror, isExact}: Sighting): number => (isExact && count !== null ? count - mirror : 0);

/** Differences that both readings found, the content of the record the same in both. */
function stillSo(first: Reading, again: Reading): Suspect[] {
  return [...first.suspects].flatMap(([id, suspect]) => (again.suspects.has(id) ? [suspect] : []));
}

/** Not changed since it was begun to look: by the record's own time, or, where it is gone, by the marker. */
function isSettled({what, modified}: Suspect, start: VerifyStart, marker: string | null): boolean {
  if (what === 'missing_there') return start.marker === marker;
  return modified === null || start.at === null || modified < start.at;
}

/** Waits for the run of the scope that is under way, if there is one, to its end: what differs may be in its hands. */
export async function runEnded({store, log}: VerifyDeps, scope: Scope, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += LOOK_EVERY_MS) {
    const run = await unfinishedRun(store, scope, 0);
    if (run === null || run.isLeft) return;
    if (waitedMs === 0) log.info({}, 'verify waits for the run under way');
    await sleep(LOOK_EVERY_MS, undefined, {signal});
  }
}
