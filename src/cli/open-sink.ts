import type {SinkConfig} from '../config/config.ts';
import {UsageError} from '../core/errors.ts';
import {PostgresSink} from '../sinks/postgres/postgres-sink.ts';
import type {Sink} from '../sinks/sink.ts';

/** Opens a sink that the configuration names. Nothing is asked of it yet. */
export function openSink(config: SinkConfig): Sink {
  if (config.kind === 'postgres') return new PostgresSink(config);
  throw new UsageError(`sink ${config.name}: this type of sink is not in this version`);
}
