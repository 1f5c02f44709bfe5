/**
 * A process that is frozen (SIGSTOP, a machine that sleeps) in the middle of a transaction keeps its locks, on the very
 * rows that whoever takes its task over has to write. After this its sessions are ended, ms (invariant 11): no
 * transaction of ours waits for its process for so long.
 */
export const FROZEN_AFTER_MS = 15_000;

/** How often it is looked whether somebody is kept waiting, ms. */
export const LOOK_FOR_FROZEN_EVERY_MS = 5_000;

/**
 * SQL that ends our sessions which keep another waiting while their process sends nothing; their transactions are undone.
 * In the middle of a COPY no time limit of the server's helps: it hears of one only with the next data. A role may end
 * its own sessions without further rights. Who only reads, as a sink that is slow does, is let be.
 */
export const endFrozenSql = (
  frozenAfterMs: number = FROZEN_AFTER_MS,
): string => `select pg_terminate_backend(f.pid) from pg_stat_activity f
  where f.datname = current_database() and f.usename = current_user and f.application_name like 'clarifai-sync%'
    and f.wait_event = 'ClientRead' and f.state in ('active', 'idle in transaction', 'idle in transaction (aborted)')
    and f.backend_xid is not null and f.state_change < clock_timestamp() - interval '${frozenAfterMs} ms'
    and exists (select 1 from pg_stat_activity w where w.datname = f.datname and w.wait_event_type = 'Lock'
      and f.pid = any (pg_blocking_pids(w.pid)))`;
