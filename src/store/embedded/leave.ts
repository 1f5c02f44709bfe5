import {setTimeout as sleep} from 'node:timers/promises';
import {EmbeddedError} from './embedded-error.ts';
import {UNWATCHED_MS, watchAgain, type Joined} from './join-or-start.ts';
import {runningServer} from './lock-files.ts';
import type {EmbeddedLog, Place} from './place.ts';
import {dropCopy} from './runtime.ts';

const PAUSE_MS = 10;
/** Its last checkpoint may have 2 GB to write. */
const STOP_TIMEOUT_MS = 60_000;

/**
 * Gives our seat up and, if it was the last one, waits for the keeper to stop the server.
 * @throws EmbeddedError when the server goes on all the same
 */
export async function leave(place: Place, joined: Joined, log: EmbeddedLog | undefined): Promise<void> {
  const {layout} = place;
  const {seat, instance} = joined;
  const pid = await runningServer(layout.cluster);
  const leftAt = Date.now();
  let isWatched = true;
  seat.leave();
  while (pid !== undefined && (await runningServer(layout.cluster)) === pid) {
    if (seat.hasOthers()) return;
    const waitedMs = Date.now() - leftAt;
    if (isWatched && waitedMs > UNWATCHED_MS) {
      // Its keeper may have been killed. One that is merely slow is not disturbed by a second.
      isWatched = false;
      (await watchAgain(place, instance)).leave();
    }
    if (waitedMs > STOP_TIMEOUT_MS) {
      throw new EmbeddedError(`the embedded Postgres in ${layout.folder} (process ${pid}) did not stop`);
    }
    await sleep(PAUSE_MS);
  }
  if (seat.hasOthers()) return;
  seat.clear();
  await dropCopy(layout);
  log?.info({path: layout.folder}, 'embedded postgres stopped');
}
