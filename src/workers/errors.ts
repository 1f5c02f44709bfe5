import {SyncError} from '../core/errors.ts';

/** The queue cannot be reached. Check the server and its address, then start again. */
export class QueueUnavailableError extends SyncError {
  readonly code = 'SYNC_QUEUE_UNAVAILABLE';
  readonly exit = 'store';
  override readonly retryable = true;
}

/** The queue cannot be used as it is: rights, version, or a Redis that may throw jobs away. */
export class QueueRefusedError extends SyncError {
  readonly code = 'SYNC_QUEUE_REFUSED';
  readonly exit = 'store';
}
