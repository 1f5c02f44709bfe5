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
  /** All living rows in key order, as inserts. */
  readonly current: (stream: string) => AsyncIterable<readonly Change[]>;
  readonly wantsSnapshot: boolean;
  /** What the sink holds can no longer be gone on from: it must be made anew as a whole. */
  readonly isRefill: boolean;
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

/** What came of an order. */
export interface Applied {
  /** Changes that were written. */
  readonly rows: number;
  /** Sequence that the sink had applied before; 0 for none. */
  readonly previousSequence: number;
}

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
  /** Writes and removes a probe; gives what it found out, a sentence each. Throws as `apply` does. */
  check(signal: AbortSignal): Promise<readonly string[]>;
}
