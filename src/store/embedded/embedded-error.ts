import {SyncError} from '../../core/errors.ts';

/**
 * The embedded Postgres cannot be used; the message says why and what to do. Always open: name a Postgres of your own
 * in `state.url` or DATABASE_URL.
 */
export class EmbeddedError extends SyncError {
  readonly code = 'SYNC_STORE_EMBEDDED';
  readonly exit = 'store';
}

/** Ends every message about something that this program cannot put right itself. */
export const USE_YOUR_OWN = 'Or name a Postgres of your own in state.url (or DATABASE_URL).';

/** The system's own code of a failed call, such as ENOENT or 57P03; undefined where the error has none. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Gives undefined where the call failed because the file, or a folder on the way, is not there; all else is thrown. */
export async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
