export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** What varies goes here, under the names that style.md lists; an error under `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What a room needs of the logger. The message is constant, lower case, in the past tense. */
export interface Log {
  /** Per request. */
  debug(fields: LogFields, message: string): void;
  /** Per page and per run. */
  info(fields: LogFields, message: string): void;
  /** When a pause grows long, or something went another way than meant. */
  warn(fields: LogFields, message: string): void;
  /** Only when a person should look. */
  error(fields: LogFields, message: string): void;
  /** A log that adds these fields to each line: one per run. */
  child(fields: LogFields): Log;
}
