import {SyncError} from '../core/errors.ts';

/** The sink cannot be reached or answers by failing. It is behind until a later run gets through. */
export class SinkUnavailableError extends SyncError {
  readonly code = 'SYNC_SINK_UNAVAILABLE';
  readonly exit = 'store';
  override readonly retryable = true;
}

/** The sink refuses us: no such bucket, no rights, wrong region, no room, objects that are not ours. Mend its settings. */
export class SinkRefusedError extends SyncError {
  readonly code = 'SYNC_SINK_REFUSED';
  readonly exit = 'store';
}

/** Another store feeds the sink. Use another place, or take it over with `--take-over`. */
export class SinkOwnedError extends SyncError {
  readonly code = 'SYNC_SINK_OWNED';
  readonly exit = 'store';
}

/** The sink has been fed further than the store has come: the store was restored. The next run goes on behind it. */
export class SinkAheadError extends SyncError {
  readonly code = 'SYNC_SINK_AHEAD';
  readonly exit = 'store';
  readonly newest: number;

  constructor(message: string, newest: number) {
    super(message);
    this.newest = newest;
  }
}

/** What was stored of a staged object is gone (its upload was aborted or expired): make it anew. */
export class StagedLostError extends SyncError {
  readonly code = 'SYNC_SINK_STAGED_LOST';
  readonly exit = 'store';
  override readonly retryable = true;
}
