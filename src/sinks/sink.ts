import type {BucketDigest, RowDigest} from '../core/row-digest.ts';
import type {Scope} from '../core/scope.ts';
import type {Change, Field} from './table-shape.ts';

/** A stream's table as a sink sees it. */
export interface SinkTable {
  readonly stream: string;
  /** In the order of the table; the key's are the first `keyCount`, `user_id` and `app_id` among them. */
  readonly fields: readonly Field[];
  readonly keyCount: number;
}

/** What a sink is told to do: become equal to the mirror as a closed run left it. */
export interface ApplyOrder {
  /** The store that feeds the sink (invariant 12). */
  readonly storeId: string;
  readonly runId: string;
  readonly sequence: number;
  readonly scope: Scope;
  readonly startedAt: Date;
  /** When the run was closed: the same whenever the order is repeated, so that the same bytes come of it. */
  readonly closedAt: Date;
  readonly tables: readonly SinkTable[];
  /** Rows changed since `after` (0: all), in key order, in bounded portions; each as it is against a sink at `after`. */
  readonly changes: (stream: string, after: number) => AsyncIterable<readonly Change[]>;
  /** The same for a sink that keeps deleted rows: what came and went since `after` is among them. */
  readonly rows: (stream: string, after: number) => AsyncIterable<readonly Change[]>;
  /**
   * Versions since `after` (0: all) in the order of their making, and those that they have ended; values as in the
   * table, then VERSION_FIELDS. Only for sinks that keep history, for which the store keeps it too.
   */
  readonly versions: (stream: string, after: number) => AsyncIterable<readonly Change[]>;
  /** All living rows in key order, as inserts. */
  readonly current: (stream: string) => AsyncIterable<readonly Change[]>;
  /** Rows that were removed for good, in order; the sink removes the same. */
  readonly purges: readonly PurgeOrder[];
  readonly wantsSnapshot: boolean;
  /** What the sink holds can no longer be gone on from: it must be made anew as a whole. */
  readonly isRefill: boolean;
  /** The run that has this number in the store; null when the store does not know it (any more). */
  readonly runIdOf: (sequence: number) => Promise<string | null>;
  /** Runs whose orders did not get to their end, this one included when it is repeated: what they left is to go. */
  readonly unfinished: readonly {readonly runId: string; readonly sequence: number}[];
  /** Take the sink from the store that fed it before. */
  readonly takeOver: boolean;
  /** Number of this hold on the work; a greater one has taken it over. For sinks that can check it themselves. */
  readonly fence: string;
  /** Called right before anything becomes visible. Throws when another process has taken the work over (invariant 11). */
  readonly guard: () => Promise<void>;
  /** Called whenever something has moved; an order that moves nothing for too long is ended. */
  readonly onSign: () => void;
}

/** Rows of a stream marked deleted before a moment, changed by no later run than one, removed by the run `sequence`. */
export interface PurgeOrder {
  readonly sequence: number;
  readonly stream: string;
  readonly deletedBefore: string;
  readonly upToSequence: number;
}

/** What came of an order. */
export interface Applied {
  /** Changes that were written. */
  readonly rows: number;
  /** Sequence that the sink had applied before; 0 for none. */
  readonly previousSequence: number;
}

/** What a sink is compared with: the mirror at one moment. */
export interface VerifyOrder {
  readonly storeId: string;
  readonly scope: Scope;
  readonly tables: readonly SinkTable[];
  readonly mirror: MirrorView;
  /** Called whenever something has been compared. */
  readonly onSign: () => void;
}

/** The mirror for who compares; see core/row-digest.ts. */
export interface MirrorView {
  table(stream: string): TableDigests;
  /** The versions of a stream. Only for sinks that keep history, for which the store keeps it too. */
  history(stream: string): TableDigests;
  /** Living rows as of a sequence: those that have not changed since, and those that were there and have. */
  live(stream: string, sequence: number): Promise<{readonly settled: number; readonly unsettled: number}>;
}

/** One table of the mirror, as far as it is of the scope. */
export interface TableDigests {
  count(): Promise<number>;
  buckets(depth: number): Promise<ReadonlyMap<string, BucketDigest>>;
  rows(depth: number, bucket: string): Promise<readonly RowDigest[]>;
}

/** What a comparison with the mirror found. */
export interface SinkFindings {
  readonly streams: readonly SinkStreamFindings[];
  /** Objects (or tables) that were looked at. */
  readonly checked: number;
}

export interface SinkStreamFindings {
  /** Empty for what concerns all of them. */
  readonly stream: string;
  /** Up to which run the sink has applied; null for never. */
  readonly sequence: number | null;
  /** Rows that the sink shows, deleted ones included where it keeps them. */
  readonly rows: number;
  /** How many differences there are; `faults` holds the first of them. */
  readonly differing: number;
  readonly faults: readonly SinkFault[];
}

/** One difference, as a sentence; the same text whenever it is found again. */
export interface SinkFault {
  readonly text: string;
  /** Run that last changed the row; null where no single row is concerned. */
  readonly runId: string | null;
}

/** Differences of a stream that are told one by one. */
export const FAULTS_TOLD = 100;

/**
 * A place that is kept equal to the mirror. It remembers itself how far it is, may be told the same thing twice, and
 * ends the same; one that missed runs catches up in one.
 */
export interface Sink extends AsyncDisposable {
  readonly name: string;
  /** Streams that it takes; null for all. */
  readonly streams: ReadonlySet<string> | null;
  /**
   * @throws SinkUnavailableError, SinkRefusedError, SinkOwnedError, SinkAheadError; nothing counts then, and the next
   * order goes on from where the sink stands
   */
  apply(order: ApplyOrder, signal: AbortSignal): Promise<Applied>;
  /**
   * Compares what the sink holds of a scope with the mirror. Changes nothing; holds a part of a stream at a time.
   * @throws as `apply` does
   */
  verify(order: VerifyOrder, signal: AbortSignal): Promise<SinkFindings>;
  /**
   * Writes and removes a probe; gives what it found out, a sentence each. Throws as `apply` does.
   * @param storeId the store that is to feed the sink: a place that `apply` would refuse it is refused, and nothing written
   */
  check(signal: AbortSignal, storeId?: string): Promise<readonly string[]>;
}
