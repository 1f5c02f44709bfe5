import type {S3SinkConfig, SinkConfig} from '../config/config.ts';
import {jsonLines} from '../sinks/formats/json-lines.ts';
import {parquet} from '../sinks/formats/parquet.ts';
import type {PartFormat} from '../sinks/formats/part-format.ts';
import type {ObjectStore} from '../sinks/objects/object-store.ts';
import {openObjectStore} from '../sinks/objects/open-object-store.ts';
import {PostgresSink} from '../sinks/postgres/postgres-sink.ts';
import {ObjectSink} from '../sinks/s3/object-sink.ts';
import type {Sink} from '../sinks/sink.ts';
import {CATALOGUE} from '../streams/catalogue.ts';

/** Opens a sink that the configuration names. Nothing is asked of it yet. */
export function openSink(config: SinkConfig): Sink {
  if (config.kind === 'postgres') return new PostgresSink(config);
  const {name, format, snapshotEveryMs, retainMs} = config;
  const options = {name, streams: streamsOf(config), snapshotEveryMs, retainMs};
  return new ObjectSink(options, openObjectStore(config), formatNamed(format));
}

/** Where an export goes, by the settings of a sink of the same bucket where the configuration has one. */
export function openExportPlace(url: string, sinks: readonly SinkConfig[]): ObjectStore {
  const bucketOf = (text: string): string | undefined => /^s3:\/\/([^/?#@]+)/.exec(text)?.[1];
  const bucket = bucketOf(url);
  const like = sinks.find((sink) => sink.kind === 's3' && bucket !== undefined && bucketOf(sink.url) === bucket);
  return openObjectStore({...(like?.kind === 's3' ? like : PLAIN), name: 'export', url});
}

/** As the S3 client finds everything: environment, profile. */
const PLAIN = {
  region: null,
  endpoint: null,
  forcePathStyle: false,
  credentials: null,
  sse: null,
  sseKmsKeyId: null,
  storageClass: null,
  checksums: 'when_supported',
} as const;

export const formatNamed = (format: S3SinkConfig['format']): PartFormat => (format === 'parquet' ? parquet : jsonLines);

/** Names of the streams that a sink takes; null for all. */
function streamsOf({streams}: S3SinkConfig): ReadonlySet<string> | null {
  switch (streams.kind) {
    case 'all':
      return null;
    case 'default':
      return new Set(CATALOGUE.filter((stream) => stream.isDefault).map((stream) => stream.name));
    case 'named':
      return new Set(streams.names);
  }
}
