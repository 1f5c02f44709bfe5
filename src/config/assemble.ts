import {resolve} from 'node:path';
import {pathOf} from '../streams/overlay.ts';
import type {
  Config,
  NotifyConfig,
  S3SinkConfig,
  SinkConfig,
  StoreConfig,
  StreamOptions,
  StreamSelection,
} from './config.ts';
import {storeSchemaOf, storeSinkOf} from './store-sink.ts';
import type {FileValues} from './table.ts';

/** What is known beside the values of the file. */
export interface AssembleContext {
  /** The file, absolute; null without one. */
  readonly file: string | null;
  /** Folder that relative paths of the configuration start from. */
  readonly folder: string;
  readonly notes: readonly string[];
}

type SinkValues = FileValues['sinks'][number];
type PostgresValues = Extract<SinkValues, {type: 'postgres'}>;
type S3Values = Extract<SinkValues, {type: 's3'}>;

/** Turns the values of a file without problems into the configuration: units into names, the store chosen, frozen. */
export function assemble(values: FileValues, {file, folder, notes}: AssembleContext): Config {
  const {source, run, http} = values;
  const dataDir = resolve(folder, values.data_dir);
  const postgres = values.sinks.filter(isPostgres);
  const storeSink = storeSinkOf(values.state, postgres);
  return deepFreeze({
    file,
    source: {
      baseUrl: source.base_url.replace(/\/+$/, ''),
      pat: source.pat ?? null,
      requestsPerSecond: source.requests_per_second,
      headroom: source.headroom,
      maxConcurrency: source.max_concurrency,
      pageSize: source.page_size,
    },
    apps: values.apps.map(({user_id, app_id}) => ({userId: user_id, appId: app_id})),
    streams: selection(values.streams),
    streamOptions: Object.fromEntries(
      Object.entries(values.stream_options).map(
        ([name, {page_size, strategy, redact, exclude}]): [string, StreamOptions] => [
          name,
          {
            pageSize: page_size ?? null,
            strategy: strategy ?? null,
            redact: redact.map(pathOf),
            exclude: exclude.map(pathOf),
          },
        ],
      ),
    ),
    store: storeOf(values, postgres, storeSink, dataDir),
    sinks: values.sinks.filter((sink) => sink !== storeSink).map(sinkOf),
    queueUrl: values.queue.url ?? null,
    dataDir,
    schedules: values.schedules.map(({name, cron, timezone, mode, jitter}) => ({
      name,
      cron: cron.trim(),
      timezone,
      mode,
      jitterMs: jitter,
    })),
    run: {
      maxDeleteRatio: run.max_delete_ratio,
      proofRequests: run.proof_requests,
      settleMs: run.settle,
      sweepMs: Math.round(run.sweep_hours * 3_600_000),
      maxRecordBytes: run.max_record_bytes,
      stallMs: run.stall_seconds * 1_000,
      leaseMs: run.lease_seconds * 1_000,
      drainTimeoutMs: run.drain_timeout_seconds * 1_000,
      retainRunsMs: run.retain_runs,
      purgeDeletedAfterMs: run.purge_deleted_after === 'never' ? null : run.purge_deleted_after,
    },
    http: {host: http.host, port: http.port, token: http.token ?? null},
    notify: notifyOf(values.notify),
    notes: [...notes],
  });
}

/**
 * `state.url`, else the first Postgres sink, else an embedded Postgres. It keeps history where any sink does: versions are
 * made in the store and only copied from there.
 */
function storeOf(
  {state}: FileValues,
  sinks: readonly PostgresValues[],
  sink: PostgresValues | undefined,
  dataDir: string,
): StoreConfig {
  const schema = storeSchemaOf(state, sinks);
  const history = sinks.some((each) => each.history);
  const url = state.url ?? sink?.url;
  if (url !== undefined) return {kind: 'url', url, schema, history, sinkName: sink?.name ?? null};
  return {kind: 'embedded', dataDir, schema, history: false};
}

function sinkOf(sink: SinkValues): SinkConfig {
  if (!isPostgres(sink)) return s3Sink(sink);
  return {kind: 'postgres', name: sink.name, url: sink.url, schema: sink.schema, history: sink.history};
}

function s3Sink(sink: S3Values): S3SinkConfig {
  const {access_key_id: accessKeyId, secret_access_key: secretAccessKey} = sink;
  const hasKeys = accessKeyId !== undefined && secretAccessKey !== undefined;
  return {
    kind: 's3',
    name: sink.name,
    url: sink.url,
    format: sink.format,
    streams: selection(sink.streams),
    snapshotEveryMs: sink.snapshot_every ?? null,
    retainMs: sink.retain ?? null,
    region: sink.region ?? null,
    endpoint: sink.endpoint ?? null,
    forcePathStyle: sink.force_path_style,
    credentials: hasKeys ? {accessKeyId, secretAccessKey} : null,
    sse: sink.sse ?? null,
    sseKmsKeyId: sink.sse_kms_key_id ?? null,
    storageClass: sink.storage_class ?? null,
    checksums: sink.checksums,
  };
}

function notifyOf(notify: FileValues['notify']): NotifyConfig | null {
  if (notify === undefined) return null;
  return {webhook: notify.webhook, secret: notify.secret ?? null, on: notify.on};
}

function selection(streams: FileValues['streams']): StreamSelection {
  return typeof streams === 'string' ? {kind: streams} : {kind: 'named', names: streams};
}

function isPostgres(sink: SinkValues): sink is PostgresValues {
  return sink.type === 'postgres';
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
