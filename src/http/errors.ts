import {SyncError} from '../core/errors.ts';

/** The address cannot be listened on: taken, not ours, or not allowed. Set `http.port` or `http.host`. */
export class HttpListenError extends SyncError {
  readonly code = 'SYNC_HTTP_LISTEN';
  readonly exit = 'usage';
}

/** A request that is answered with this HTTP status and message, and nothing is done. */
export class RefusedRequest extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'expected a free port, found one that another program listens on; set http.port',
  EACCES: 'expected a port that this user may listen on, found one that is not; set http.port to 1024 or more',
  EADDRNOTAVAIL: 'expected an address of this machine, found one that is not; set http.host',
  ENOTFOUND: 'expected an address of this machine, found a name that cannot be resolved; set http.host',
};

/** Our error for what listening on an address threw. */
export function listenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = REASONS[code];
  if (reason === undefined) return error;
  return new HttpListenError(`http ${host}:${port}: ${reason}`, {cause: error, context: {host, port}});
}
