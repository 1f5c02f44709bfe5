import type {S3SinkConfig, SinkConfig} from '../config/config.ts';
import {jsonLines} from '../sinks/formats/json-lines.ts';
import {parquet} from '../sinks/formats/parquet.ts';
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
  return new ObjectSink(options, openObjectStore(config), format === 'parquet' ? parquet : jsonLines);
}

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
