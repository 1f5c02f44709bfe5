import {closeSync, constants, fstatSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync} from 'node:fs';
import {rename} from 'node:fs/promises';
import {join} from 'node:path';
import {codeOf, EmbeddedError, ifThere} from './embedded-error.ts';
import {runAs, saidBy} from './run-as.ts';
import type {ServerUser} from './server-user.ts';

/**
 * Who uses the server, so that it lives as long as the last of them. Every user holds one fifo open for writing and the
 * keeper reads it: it meets the end of the file when the last user is gone, be it by kill -9. Nothing can be left
 * behind that says otherwise. Between that and stopping the server, the keeper moves the fifo out of the way:
 *
 *   keeper   end of file → moves the fifo away → reads once more: a greeting → moves it back
 *                                                                  no user     → stops the server
 *   user     opens the fifo → greets → is it still in its place? then it was opened before the keeper's second
 *            reading, which will see us: we are in. Else: close, and look again what there is.
 */
export class Seat {
  readonly #path: string;
  #fd: number;

  constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /** Gives the seat up. Once only. */
  leave(): void {
    if (this.#fd === -1) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  /** Removes what is left of the fifo once the server is gone; its keeper does the same, a moment later. */
  clear(): void {
    for (const path of [this.#path, `${this.#path}.closing`]) rmSync(path, {force: true});
  }

  /** Is anyone there? To be asked after leaving. */
  hasOthers(): boolean {
    const fd = openIf(this.#path, constants.O_RDONLY);
    if (fd === undefined) return false;
    try {
      // What is read is a greeting that the keeper then misses; a newcomer that this keeps out knocks again.
      const rest = Buffer.alloc(64);
      while (readSync(fd, rest) > 0);
      return false;
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return true;
      throw error;
    } finally {
      closeSync(fd);
    }
  }
}

/** Name of the fifo of one run of the server. */
export function fifoPath(cluster: string, instance: string): string {
  return join(cluster, `users-${instance}`);
}

/** Takes a seat at a server that runs; undefined when its keeper is stopping it, or has none. */
export function takeSeat(cluster: string, instance: string): Seat | undefined {
  const path = fifoPath(cluster, instance);
  const fd = openIf(path, constants.O_WRONLY);
  if (fd === undefined) return undefined;
  const isIn = greet(fd) && fstatSync(fd).ino === statSync(path, {throwIfNoEntry: false})?.ino;
  if (isIn) return new Seat(path, fd);
  closeSync(fd);
  return undefined;
}

/** Wakes a keeper that waits in its second reading for someone who came in at the wrong moment. */
export function knock(cluster: string, instance: string): void {
  const fd = openIf(`${fifoPath(cluster, instance)}.closing`, constants.O_WRONLY);
  if (fd === undefined) return;
  greet(fd);
  closeSync(fd);
}

const STALE_AFTER_MS = 60_000;

/** Removes fifos of former runs whose keepers were killed. One that is being made has no reader either, but is young. */
export function removeDeadFifos(cluster: string, nowMs: number): void {
  for (const name of readdirSync(cluster)) {
    if (!/^users-[0-9a-f]{8}(\.closing)?$/.test(name)) continue;
    const path = join(cluster, name);
    const stats = statSync(path, {throwIfNoEntry: false});
    if (stats === undefined || nowMs - stats.ctimeMs < STALE_AFTER_MS) continue;
    const fd = openIf(path, constants.O_WRONLY);
    if (fd === undefined) rmSync(path, {force: true});
    else closeSync(fd);
  }
}

/** A fifo with our seat taken, and the other end, for a keeper that is about to be started. */
export interface FirstSeat {
  readonly seat: Seat;
  /** Open for reading; to be closed by us once the keeper has it. */
  readonly keeperEnd: number;
}

/** Makes the fifo if it is not there, and takes the first seat. */
export async function firstSeat(cluster: string, instance: string, user: ServerUser | undefined): Promise<FirstSeat> {
  const path = fifoPath(cluster, instance);
  const isThere =
    statSync(path, {throwIfNoEntry: false}) !== undefined ||
    (await ifThere(rename(`${path}.closing`, path).then(() => true))) === true;
  if (!isThere) await makeFifo(path, cluster, user);
  // Whoever opens one end of a fifo waits for the other end, unless it says that it will not. The keeper's end must
  // be one that waits when it reads, so it is opened last, when both ends are there.
  const ours = openIf(path, constants.O_RDONLY);
  const fd = openIf(path, constants.O_WRONLY);
  if (ours === undefined || fd === undefined)
    throw new EmbeddedError(`the fifo ${path} disappeared while it was opened`);
  const keeperEnd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  closeSync(ours);
  return {seat: new Seat(path, fd), keeperEnd};
}

async function makeFifo(path: string, cluster: string, user: ServerUser | undefined): Promise<void> {
  try {
    // By its bare name: the server's user may not be able to pass the folders above.
    await runAs('mkfifo', ['-m', '600', path.slice(cluster.length + 1)], {user, cwd: cluster});
  } catch (error) {
    throw new EmbeddedError(`the embedded Postgres cannot make the fifo ${path}: ${saidBy(error)}`, {cause: error});
  }
}

/** False when nobody is at the other end. */
function greet(fd: number): boolean {
  try {
    writeSync(fd, '\n');
    return true;
  } catch (error) {
    // Full: the keeper has many greetings to read, so there is one.
    if (codeOf(error) === 'EAGAIN') return true;
    if (codeOf(error) === 'EPIPE') return false;
    throw error;
  }
}

/** Opens one end without waiting; undefined where there is no fifo, or nobody reads it. */
function openIf(path: string, flags: number): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, flags | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENXIO') return undefined;
    throw error;
  }
  // The folder belongs to the server's user: we write into nothing that it may have put there instead.
  if (fstatSync(fd).isFIFO()) return fd;
  closeSync(fd);
  throw new EmbeddedError(`${path} is not the fifo that it should be`);
}
