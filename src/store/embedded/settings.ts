/** Settings of the server, as given on its command line, where they outrank what its files say. */
export type ServerSettings = Readonly<Record<string, string>>;

/**
 * What we change, and why; all else is Postgres's default, fsync included. Larger buffers and a minimal WAL gained
 * nothing that could be measured (facts-queue.md, section 8).
 */
export const SETTINGS: ServerSettings = {
  // No port, so none to choose and none to protect. The socket lies in the cluster, which is closed to all others; it
  // is named from there, so that no path is too long for it.
  listen_addresses: '',
  port: '5432',
  unix_socket_directories: '.',
  unix_socket_permissions: '0700',
  max_connections: '60',
  max_wal_size: '2GB',
  // Five processes instead of nine.
  io_method: 'sync',
  max_logical_replication_workers: '0',
  max_wal_senders: '0',
  // They need shared memory of their own, of which a container has 64 MiB by default.
  max_parallel_workers: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // A failed statement is told to its client; the log keeps what concerns the server, so it cannot grow without bound.
  log_min_messages: 'log',
  log_checkpoints: 'off',
  log_autovacuum_min_duration: '-1',
};

/** The same as arguments of `postgres`. */
export function settingArgs(settings: ServerSettings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
