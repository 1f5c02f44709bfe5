import type {NotifyEvent} from '../core/notify.ts';
import type {ApiClient} from '../source/client.ts';
import type {Sink} from '../sinks/sink.ts';
import type {Store} from '../store/ledger.ts';
import type {Stream} from '../streams/stream.ts';
import type {Log} from '../telemetry/log.ts';

/** Rules of a run that come from the configuration. */
export interface RunRules {
  readonly maxDeleteRatio: number;
  readonly proofRequests: number;
  readonly settleMs: number;
  readonly sweepMs: number;
  readonly maxRecordBytes: number;
  /** Requests that looking at parents of which nothing tells that they changed may take, so long after the last time. */
  readonly sweepRequests: (elapsedMs: number) => number;
  readonly pageSizeOf: (stream: Stream) => number;
  /** Strategy that a stream's options ask for instead of the catalogue's; undefined: the catalogue's. */
  readonly strategyOf: (stream: Stream) => Stream['strategy'];
  /** How long rows stay that are marked deleted, ms; null: for ever. */
  readonly purgeAfterMs: number | null;
  /** Events that send a message; empty: none does. */
  readonly notifyOn: readonly NotifyEvent[];
}

/** What has just happened, for whoever shows it; tells nothing that the ledger does not know. */
export type Progress =
  | {
      readonly kind: 'committed';
      readonly stream: string;
      readonly pages: number;
      readonly read: number;
      readonly changed: number;
      /** From giving the pages to the store to their commit, ms. */
      readonly durationMs: number;
    }
  | {readonly kind: 'ended'; readonly stream: string; readonly outcome: string};

/** What the jobs work with; opened by main.ts. */
export interface JobDeps {
  readonly store: Store;
  /** Counts its requests for the run of the task. */
  readonly client: ApiClient;
  readonly rules: RunRules;
  /** Sinks beside the store, by name. */
  readonly sinks: ReadonlyMap<string, Sink>;
  readonly log: Log;
  readonly onProgress: (progress: Progress) => void;
}
