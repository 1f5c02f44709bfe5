import {pino, stdSerializers, stdTimeFunctions} from 'pino';
import type {DestinationStream} from 'pino';
import {humanLine} from './human-line.ts';
import type {LogRecord} from './human-line.ts';
import type {Log, LogLevel} from './log.ts';
import {Scrubber} from './scrub.ts';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `json`: one document a line, for machines. `human`: lines for a terminal. */
  readonly format: 'json' | 'human';
  /** Takes whole lines; standard error in the service. */
  readonly write: (line: string) => void;
}

export interface Logger {
  readonly log: Log;
  /** Values that no line shows from now on: all of `secretsOf(config)`, as soon as it is known. */
  readonly hide: (secrets: readonly string[]) => void;
}

/** The logger of the process. Every line passes the scrubber last, so that no serializer can bring a secret back. */
export function createLogger({level, format, write}: LoggerOptions): Logger {
  const scrubber = new Scrubber();
  const destination: DestinationStream = {
    write(line) {
      const record = scrubber.value(JSON.parse(line)) as LogRecord;
      write(format === 'json' ? `${JSON.stringify(record)}\n` : humanLine(record));
    },
  };
  const log = pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {level: (label) => ({level: label})},
      serializers: {err: errorFields},
    },
    destination,
  );
  return {log, hide: (secrets) => scrubber.add(secrets)};
}

/** An error of ours says what to do, and where it was thrown helps nobody; of a defect the stack is what counts. */
function errorFields(error: Error): object {
  const {stack, ...fields} = stdSerializers.err(error);
  const code: unknown = 'code' in fields ? fields['code'] : undefined;
  const isOurs = typeof code === 'string' && code.startsWith('SYNC_') && !code.startsWith('SYNC_BUG_');
  return isOurs ? fields : {stack, ...fields};
}
