import {setTimeout as sleep} from 'node:timers/promises';
import {askServer} from './ask-server.ts';
import {EmbeddedError} from './embedded-error.ts';
import {adopt} from './keeper.ts';
import {runningServer} from './lock-files.ts';
import type {Place} from './place.ts';
import {ServerLog} from './server-log.ts';
import {Start} from './start.ts';
import {firstSeat, knock, takeSeat, type Seat} from './users.ts';

/** Our part in a server that runs. */
export interface Joined {
  readonly seat: Seat;
  /** Names this run of the server. */
  readonly instance: string;
  /** We started it. */
  readonly isOwner: boolean;
}

/** A server that nobody may join, or that its last user left, is stopped within this time, unless it has no keeper. */
export const UNWATCHED_MS = 2000;
const PAUSE_MS = 10;
/** Recovery after a crash may have 2 GB of log to read. */
const READY_TIMEOUT_MS = 120_000;
const MAX_FAILED_STARTS = 3;

/**
 * Joins the server that runs there, or starts it. Postgres itself decides which of several that start it at once is
 * the one: the others see theirs end, and join.
 * @param socket folder by which we reach its socket
 * @throws EmbeddedError when it does not come up, with what it said
 */
export async function joinOrStart(place: Place, socket: string, signal: AbortSignal | undefined): Promise<Joined> {
  const {cluster} = place.layout;
  const giveUpAt = Date.now() + READY_TIMEOUT_MS;
  let start: Start | undefined;
  let failedStarts = 0;
  let unwatchedSince: number | undefined;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const answer = await askServer(socket);
      if (answer.kind === 'up') {
        const {instance} = answer;
        if (start?.instance === instance) {
          const mine: Start = start;
          start = undefined;
          if (await mine.isIntact()) return {instance, seat: await mine.keep(), isOwner: true};
          await mine.drop();
        } else {
          const seat = takeSeat(cluster, instance);
          if (seat !== undefined) return {instance, seat, isOwner: false};
        }
        // It is about to stop; unless this goes on, when nobody is left to stop it.
        knock(cluster, instance);
        unwatchedSince ??= Date.now();
        if (Date.now() - unwatchedSince > UNWATCHED_MS) {
          return {instance, seat: await watchAgain(place, instance), isOwner: false};
        }
      } else {
        unwatchedSince = undefined;
        if (start?.hasEnded === true) {
          const failure = await start.failure();
          await start.drop();
          start = undefined;
          if (failure !== undefined && ++failedStarts === MAX_FAILED_STARTS) throw failure;
        }
        if (start === undefined && answer.kind === 'down') start = await Start.ifFree(place);
      }
      if (Date.now() > giveUpAt) {
        const cause = answer.kind === 'busy' ? answer.error : undefined;
        throw new EmbeddedError(
          `the embedded Postgres in ${place.layout.folder} did not answer for ${READY_TIMEOUT_MS} ms`,
          {cause},
        );
      }
      await sleep(PAUSE_MS);
    }
  } finally {
    await start?.drop();
  }
}

/** Gives a running server whose keeper was killed a new one; with a seat for us. */
export async function watchAgain(place: Place, instance: string): Promise<Seat> {
  const {layout, user} = place;
  const pid = await runningServer(layout.cluster);
  const first = await firstSeat(layout.cluster, instance, user);
  if (pid === undefined) return first.seat; // stopped by itself meanwhile, which the caller will notice
  const log = await ServerLog.open(layout.log);
  try {
    await adopt(first, pid, {cluster: layout.cluster, instance, user, log: log.fd});
    return first.seat;
  } finally {
    await log.close();
  }
}
