import {SyncError, messageOf} from '../core/errors.ts';

/** The store's database cannot be reached or refused the write. Check the server and the address, then run again. */
export class StoreUnavailableError extends SyncError {
  readonly code = 'SYNC_STORE_UNAVAILABLE';
  readonly exit = 'store';
  override readonly retryable = true;
}

/** The store cannot be used by this program: too old a server, missing rights, a newer version's tables. */
export class StoreRefusedError extends SyncError {
  readonly code = 'SYNC_STORE_REFUSED';
  readonly exit = 'store';
}

/** Somebody else has taken the task over since: whatever this holder still wanted to write must not happen. */
export class FenceLostError extends SyncError {
  readonly code = 'SYNC_STORE_FENCE_LOST';
  readonly exit = 'temporary';
}

/** Another process is working on this scope. */
export class RunActiveError extends SyncError {
  readonly code = 'SYNC_RUN_ACTIVE';
  readonly exit = 'temporary';
}

/** SQLSTATE of an error that came from Postgres; undefined for anything else, such as EPIPE, which looks like one. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || 'syscall' in error) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}

/** Has Postgres refused the values themselves (class 22, 23502, limits of 54000), rather than failed? */
export function isDataError(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && (state.startsWith('22') || state.startsWith('54') || state === '23502');
}

/**
 * What may be gone the next time, by class of SQLSTATE: connections (08), deadlocks and the like (40), want of room or
 * connections (53), locks (55), an administrator or a restart (57), the server's disk (58), a session that was ended (25).
 */
const PASSING = new Set(['08', '25', '40', '53', '55', '57', '58']);

/** May the same work succeed a moment later? What did not come from the server at all is a connection that broke. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof StoreUnavailableError)) return false;
  const state = error.context['sqlstate'];
  return typeof state !== 'string' || PASSING.has(state.slice(0, 2));
}

/** What the store's address has to name, by the SQLSTATE that tells that it does not. */
const EXPECTED: Readonly<Record<string, string>> = {
  '28P01': 'a user and password that the server takes',
  '28000': 'a user that the server lets in',
  '3D000': 'a database that exists',
};

/** Turns whatever the driver threw into our own error; an error of ours is handed through. */
export function storeError(error: unknown, doing: string): Error {
  if (error instanceof SyncError) return error;
  const state = sqlState(error);
  const options = {cause: error, context: {sqlstate: state ?? null}};
  if (state === '42501')
    return new StoreRefusedError(`${doing}: expected the right to do so, found: ${messageOf(error)}`, options);
  const expected = state === undefined ? undefined : EXPECTED[state];
  if (expected !== undefined) {
    return new StoreRefusedError(`${doing}: expected ${expected}, found: ${messageOf(error)}`, options);
  }
  return new StoreUnavailableError(`${doing}: ${messageOf(error)}`, options);
}
