import type {Path} from '../core/shape.ts';
import type {NotifyEvent} from '../core/notify.ts';
import type {Strategy} from '../streams/stream.ts';

/**
 * What the service was told to do: read once (load.ts), deep-frozen, and passed down in the smallest piece a room
 * needs. Every figure carries its unit in the name; every path is absolute; every URL has been parsed once.
 */
export interface Config {
  /** The file it was read from, absolute; null when the environment alone gave it. */
  readonly file: string | null;
  readonly source: SourceConfig;
  /** Apps to mirror, in the order given. Empty only when the caller did not need any (`needs` of loadConfig). */
  readonly apps: readonly AppRef[];
  readonly streams: StreamSelection;
  /** By stream name; a stream that is not named has no options of its own. */
  readonly streamOptions: Readonly<Record<string, StreamOptions>>;
  /** The one Postgres that holds mirror and ledger. */
  readonly store: StoreConfig;
  /** Sinks beside the store: the Postgres sink that is the store is not among them. */
  readonly sinks: readonly SinkConfig[];
  /** redis:// or rediss:// URL; null for the queue in the store. */
  readonly queueUrl: string | null;
  /** Folder for the embedded Postgres and other local files, absolute. */
  readonly dataDir: string;
  readonly schedules: readonly ScheduleConfig[];
  readonly run: RunConfig;
  readonly http: HttpConfig;
  readonly notify: NotifyConfig | null;
  /** Sentences the operator should read once, for a warning each: variables that are set and go unused, or named and not set. */
  readonly notes: readonly string[];
}

export interface SourceConfig {
  /** http or https, without a trailing slash. */
  readonly baseUrl: string;
  /** Secret. null only when the caller did not need it; `patOf` gives it or says what to set. */
  readonly pat: string | null;
  /** Of this credential, over all workers; 0 means no limit. */
  readonly requestsPerSecond: number;
  /** Share of it left unused, in [0, 1). */
  readonly headroom: number;
  readonly maxConcurrency: number;
  /** Records asked for per page where neither `streamOptions` nor the catalogue say otherwise. */
  readonly pageSize: number;
}

/** An app as it was named: the user id may still be the alias `me`, which the source resolves. */
export interface AppRef {
  readonly userId: string;
  readonly appId: string;
}

export type StreamSelection =
  {readonly kind: 'default'} | {readonly kind: 'all'} | {readonly kind: 'named'; readonly names: readonly string[]};

export interface StreamOptions {
  /** null: the catalogue's, else `source.pageSize`. */
  readonly pageSize: number | null;
  /** null: the catalogue's. A `window` stream can be read as `list`, and only that. */
  readonly strategy: Strategy | null;
  /** Places that are taken out before anything is stored. */
  readonly redact: readonly Path[];
  /** Places whose changes do not count. */
  readonly exclude: readonly Path[];
}

export type StoreConfig =
  | {
      readonly kind: 'url';
      /** Secret: holds a password. */
      readonly url: string;
      readonly schema: string;
      readonly history: boolean;
      /** Name of the sink that is the store; null when `state.url` named another place. */
      readonly sinkName: string | null;
    }
  | {readonly kind: 'embedded'; readonly dataDir: string; readonly schema: string; readonly history: boolean};

export type SinkConfig = PostgresSinkConfig | S3SinkConfig;

export interface PostgresSinkConfig {
  readonly kind: 'postgres';
  readonly name: string;
  /** Secret: holds a password. */
  readonly url: string;
  readonly schema: string;
  readonly history: boolean;
}

export interface S3SinkConfig {
  readonly kind: 's3';
  readonly name: string;
  /** s3:// or file://. */
  readonly url: string;
  readonly format: 'parquet' | 'jsonl';
  readonly streams: StreamSelection;
  /** null: no snapshots by themselves. */
  readonly snapshotEveryMs: number | null;
  /** null: nothing is retired. */
  readonly retainMs: number | null;
  readonly region: string | null;
  readonly endpoint: string | null;
  readonly forcePathStyle: boolean;
  /** Secrets; null: the usual chain of the S3 client. */
  readonly credentials: {readonly accessKeyId: string; readonly secretAccessKey: string} | null;
  readonly sse: 'AES256' | 'aws:kms' | null;
  readonly sseKmsKeyId: string | null;
  readonly storageClass: string | null;
  readonly checksums: 'when_supported' | 'when_required';
}

export interface ScheduleConfig {
  readonly name: string;
  /** Five fields, or six with seconds first. */
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
  readonly mode: 'incremental' | 'full';
  readonly jitterMs: number;
}

export interface RunConfig {
  /** Share of a stream's live rows that one run may mark deleted, 0 to 1. */
  readonly maxDeleteRatio: number;
  /** Requests that one run may spend on proving deletions. */
  readonly proofRequests: number;
  /** How long the source's search and marker may lag behind. */
  readonly settleMs: number;
  /** Within this time every parent is read again. */
  readonly sweepMs: number;
  readonly maxRecordBytes: number;
  /** A run without progress for this long is ended. */
  readonly stallMs: number;
  readonly leaseMs: number;
  readonly drainTimeoutMs: number;
  /** Runs of the ledger older than this are removed. */
  readonly retainRunsMs: number;
  /** null: never. */
  readonly purgeDeletedAfterMs: number | null;
}

export interface HttpConfig {
  readonly host: string;
  readonly port: number;
  /** Secret; null: no token is asked for. */
  readonly token: string | null;
}

export interface NotifyConfig {
  readonly webhook: string;
  /** Secret; null: messages are not signed. */
  readonly secret: string | null;
  readonly on: readonly NotifyEvent[];
}
