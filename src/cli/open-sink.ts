import type {SinkConfig} from '../config/config.ts';
import {UsageError} from '../core/errors.ts';
import type {Sink} from '../sinks/sink.ts';

/** Opens a sink that the configuration names. Nothing is asked of it yet. */
export function openSink(config: SinkConfig): Sink {
  throw new UsageError(`sink ${config.name}: this type of sink is not in this version`);
}
