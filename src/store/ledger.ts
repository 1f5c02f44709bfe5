import type {FailureCause} from '../core/outcome.ts';
import type {Scope} from '../core/scope.ts';
import type {Database} from './database.ts';
import type {Presence} from './presence.ts';
import {streamSql, type StreamSql} from './stream-sql.ts';
import type {Stream} from '../streams/stream.ts';

/** What every part of the store works with. Opened by open.ts, closed by whoever opened it. */
export interface Store {
  readonly database: Database;
  readonly storeId: string;
  /** Schema of the streams' tables. */
  readonly schema: string;
  readonly history: boolean;
  readonly presence: Presence;
  readonly leaseMs: number;
  readonly sqlOf: (stream: Stream) => StreamSql;
  /** A stream of the catalogue with the redactions and exclusions of the settings. */
  readonly streamOf: (stream: Stream) => Stream;
}

/** Statements of streams, each made once. */
export function statementCache(
  schema: string,
  history: boolean,
  streamOf: (stream: Stream) => Stream = (stream) => stream,
): (stream: Stream) => StreamSql {
  const made = new Map<string, StreamSql>();
  return (stream) => {
    const known = made.get(stream.name);
    if (known !== undefined) return known;
    const fresh = streamSql(streamOf(stream), schema, history);
    made.set(stream.name, fresh);
    return fresh;
  };
}

export type RunMode = 'full' | 'incremental';

/** What a run was asked for, kept with it so that whoever takes it up does the same. */
export interface RunOptions {
  /** Streams of this run by name, parents before what is read under them. */
  readonly streams: readonly string[];
  /** Were they named by whoever asked? Then one that is refused has failed, never read before or not. */
  readonly named: boolean;
  readonly allowMassDelete: boolean;
  /** Sinks beside the store that get this run, by name. */
  readonly sinks: readonly string[];
  /** The store's own tables are a sink that was asked for. */
  readonly isStoreSink: boolean;
  readonly wantsSnapshot: boolean;
  readonly takeOver: boolean;
  /** Nothing is read of the streams: what was rejected of them is tried again. */
  readonly replays?: boolean;
  /** Nothing is read of the streams: rows marked deleted before this moment (ISO 8601) are removed for good. */
  readonly purgesBefore?: string;
}

export interface Run {
  readonly runId: string;
  readonly scopeId: number;
  readonly scope: Scope;
  /** int8 as text: the ledger counts, we only compare and hand on. */
  readonly sequence: string;
  readonly mode: RunMode;
  readonly options: RunOptions;
  /** Sequence of the run with which the full reading began that this one carries on; null: it carries on none. */
  readonly sweepFrom: string | null;
}

/** Why a run or a stream ended without success, as the ledger keeps it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly cause: FailureCause;
}
