import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {closeSync} from 'node:fs';
import {codeOf, EmbeddedError, USE_YOUR_OWN} from './embedded-error.ts';
import {SERVER_ENV} from './run-as.ts';
import type {ServerUser} from './server-user.ts';
import type {FirstSeat} from './users.ts';

/**
 * Waits on standard input, which is the fifo, until no user is left, then stops the server: orderly at first, which
 * lets connections end by themselves, after 3 s at once. See `users.ts` for the order of steps.
 *
 * `p` is the server, `id` its run, `parent` the shell that is its parent, if there is one: while that lives, the
 * number cannot have gone to some other process. Without it, the server's own file must say that it is this one.
 */
const WATCH = `
watch() {
  while :; do
    while read -r _; do :; done
    mv "users-$id" "users-$id.closing" || return
    read -r _ || break
    mv "users-$id.closing" "users-$id" || return
  done
  [ -n "$parent" ] && kill -0 "$parent" || { read -r q <postmaster.pid && [ "$q" = "$p" ]; } || return
  kill -TERM "$p"
  n=0
  while [ $n -lt 30 ] && kill -0 "$p"; do sleep 0.1; n=$((n + 1)); done
  kill -INT "$p"
} 2>/dev/null
`;

/**
 * Starts the server and keeps it. Signals are ignored: who sends one to everything (systemd, a supervisor) also sends
 * it to our users, and what they still have to commit needs the server.
 */
const KEEP = `${WATCH}
trap '' HUP INT TERM
id=$1; parent=$$; shift
exec 3<&0 </dev/null
"$@" 3<&- & p=$!
watch <&3 & w=$!
exec 3<&-
wait $p; r=$?
kill -KILL $w 2>/dev/null
rm -f "users-$id" "users-$id.closing"
exit $r
`;

/** Keeps a server that runs already: its keeper was killed. */
const ADOPT = `${WATCH}
trap '' HUP INT TERM
id=$1; p=$2; parent=
watch
rm -f "users-$id" "users-$id.closing"
`;

export interface KeeperOptions {
  readonly cluster: string;
  readonly instance: string;
  readonly user: ServerUser | undefined;
  /** Where the server writes its log: an open file. */
  readonly log: number;
}

export interface Kept {
  /** Resolves with the keeper's exit code once the server ended; never rejects. */
  readonly ended: Promise<number>;
}

/**
 * Starts a server under a keeper of its own, apart from our process group, so that Ctrl-C does not reach it.
 * @throws EmbeddedError when the keeper cannot be started; whether the server came up is for the caller to find out
 */
export function startKept(first: FirstSeat, command: readonly string[], options: KeeperOptions): Promise<Kept> {
  return keeper(first, KEEP, command, options);
}

/** Gives the running server `pid` a keeper. */
export function adopt(first: FirstSeat, pid: number, options: KeeperOptions): Promise<Kept> {
  return keeper(first, ADOPT, [String(pid)], options);
}

async function keeper(
  first: FirstSeat,
  script: string,
  args: readonly string[],
  options: KeeperOptions,
): Promise<Kept> {
  const {cluster, instance, user, log} = options;
  try {
    const child = spawn('/bin/sh', ['-c', script, 'clarifai-sync-keeper', instance, ...args], {
      cwd: cluster,
      detached: true,
      env: SERVER_ENV,
      stdio: [first.keeperEnd, log, log],
      ...user,
    });
    const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 128)));
    await once(child, 'spawn');
    // It lives by the fifo, not by our event loop.
    child.unref();
    return {ended};
  } catch (cause) {
    first.seat.leave();
    first.seat.clear();
    const why = codeOf(cause) === 'EPERM' ? `we may not become user ${user?.uid}` : String(cause);
    throw new EmbeddedError(`the embedded Postgres cannot be started in ${cluster}: ${why}. ${USE_YOUR_OWN}`, {cause});
  } finally {
    closeSync(first.keeperEnd);
  }
}
