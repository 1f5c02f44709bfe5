/** Plain values that say where an error happened; printed and logged, so never a secret. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | null>>;

/** What the command line makes of an error; the numbers are the contract's, section 2. */
export const EXIT_CODES = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  credential: 3,
  store: 4,
  partial: 5,
  drift: 6,
  temporary: 75,
  sigint: 130,
  sigterm: 143,
} as const;

export type ExitReason = keyof typeof EXIT_CODES;

/**
 * Root of every error that an operator can act on. Branch on the class or on `code`, never on the message.
 * `retryable` is a fact of the class: the same call may succeed later without anybody changing anything.
 */
export abstract class SyncError extends Error {
  abstract readonly code: `SYNC_${string}`;
  abstract readonly exit: ExitReason;
  readonly retryable: boolean = false;
  /** How long the other side asked us to wait, ms; undefined when it said nothing. */
  readonly retryAfterMs: number | undefined;
  readonly context: ErrorContext;

  constructor(message: string, options: {context?: ErrorContext; cause?: unknown; retryAfterMs?: number} = {}) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.name = new.target.name;
    this.context = options.context ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The command line or the configuration asks for something that cannot be; the message says where and what. */
export class UsageError extends SyncError {
  readonly code = 'SYNC_CONFIG_INVALID';
  readonly exit = 'usage';
}

/** The app does not exist, or this credential may not see it. Check the ids and the token's owner. */
export class AppUnknownError extends SyncError {
  readonly code = 'SYNC_SOURCE_APP_UNKNOWN';
  readonly exit = 'usage';
}

/** Cannot happen; if it does, it is a defect of this program, and is never retried. */
export class BugError extends SyncError {
  readonly code = 'SYNC_BUG_ASSERTION';
  readonly exit = 'unexpected';
}

/** Throws a BugError unless `condition` holds. */
export function assert(condition: unknown, message: string, context?: ErrorContext): asserts condition {
  if (!condition) throw new BugError(message, context === undefined ? {} : {context});
}

/** Text of anything that was thrown, for a log line or a table. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
