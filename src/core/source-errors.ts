import {SyncError} from './errors.ts';

/** Root of what the API, or the way to it, answered instead of data. `context` holds http status, api code, req_id, path. */
export abstract class SourceError extends SyncError {}

/** 11005 or HTTP 429. Normal under load; if it lasts an hour, lower `source.requests_per_second`. */
export class SourceThrottledError extends SourceError {
  readonly code = 'SYNC_SOURCE_THROTTLED';
  readonly exit = 'temporary';
  override readonly retryable = true;
}

/** The API cannot be reached, answered 5xx, or sent what is not an answer (cut off, HTML). Retried; then the run ends. */
export class SourceUnavailableError extends SourceError {
  readonly code = 'SYNC_SOURCE_UNAVAILABLE';
  readonly exit = 'temporary';
  override readonly retryable = true;
}

/** The page is too large for the server (40033, 504, or over our own limit): ask for fewer records. */
export class SourcePageTooLargeError extends SourceError {
  readonly code = 'SYNC_SOURCE_PAGE_TOO_LARGE';
  readonly exit = 'temporary';
}

/** Quota used up, account trouble, or maintenance (11000, 11003, 11004, 11006, 39997, 6300x). Ends the run; try later. */
export class SourceQuotaError extends SourceError {
  readonly code = 'SYNC_SOURCE_QUOTA';
  readonly exit = 'temporary';
}

/** The credential is wrong, expired or revoked (11001, 11002, 11008, 11009, HTTP 401). Make a new token. */
export class SourceCredentialError extends SourceError {
  readonly code = 'SYNC_SOURCE_CREDENTIAL';
  readonly exit = 'credential';
}

/** The credential lacks a scope for this resource (11007, 11200, HTTP 403). Add the scope, or leave the stream out. */
export class SourceScopeError extends SourceError {
  readonly code = 'SYNC_SOURCE_SCOPE';
  readonly exit = 'credential';
}

/** The record that was asked for is not there (11101, 21200, 22102, 30102). The only proof of a deletion by id. */
export class SourceGoneError extends SourceError {
  readonly code = 'SYNC_SOURCE_GONE';
  readonly exit = 'unexpected';
}

/** The API has no such resource here (10040, 11103, 40036, HTTP 404 without a code): unavailable, never empty. */
export class SourceNotOfferedError extends SourceError {
  readonly code = 'SYNC_SOURCE_NOT_OFFERED';
  readonly exit = 'unexpected';
}

/** `page * perPage` went over what the account may page through in a search: split the query. */
export class SourcePagingCapError extends SourceError {
  readonly code = 'SYNC_SOURCE_PAGING_CAP';
  readonly exit = 'unexpected';
}

/** The API refused the request for good, with a code that no other class stands for. */
export class SourceRefusedError extends SourceError {
  readonly code = 'SYNC_SOURCE_REFUSED';
  readonly exit = 'unexpected';
}

/** A cursor did not move although more was announced; reading on would never end. */
export class SourceCursorStuckError extends SourceError {
  readonly code = 'SYNC_SOURCE_CURSOR_STUCK';
  readonly exit = 'unexpected';
}
