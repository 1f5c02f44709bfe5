import {stat} from 'node:fs/promises';
import {DATABASE, PORT, USER} from './ask-server.ts';
import {installedBinaries} from './binaries.ts';
import {joinOrStart} from './join-or-start.ts';
import {clusterStats, openLayout} from './layout.ts';
import {leave} from './leave.ts';
import {makeCluster} from './make-cluster.ts';
import type {EmbeddedLog, Place} from './place.ts';
import {dropCopy, isIntact, runnable} from './runtime.ts';
import {serverUser} from './server-user.ts';
import {SETTINGS, type ServerSettings} from './settings.ts';
import {socketFolder} from './socket-folder.ts';

export interface EmbeddedOptions {
  /** A folder of its own, which may not exist yet. What is stored is in there and nowhere else. */
  readonly dataDir: string;
  readonly log?: EmbeddedLog;
  /** Ends the waiting for the server; leaves nothing half done. */
  readonly signal?: AbortSignal;
  /** Added to ours; counts only where we are the one to start the server. */
  readonly settings?: ServerSettings;
}

export interface EmbeddedPostgres extends AsyncDisposable {
  /** For `pg`: `host` is the folder of a socket. There is no password: the folder is closed to other users. */
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
  };
  /** We started the server. Makes no difference to its life. */
  readonly isOwner: boolean;
  /**
   * Gives the server up, and waits until it has stopped if nobody else uses it. Close all connections first. May be
   * called again. A process that is killed does the same by dying.
   */
  close(): Promise<void>;
}

/**
 * Opens the Postgres in `dataDir`: makes it if there is none (half a second), starts it if it does not run, and joins
 * it if it does. Any number of processes may do so at once; it runs until the last of them is gone. Works as any user,
 * root included, and below folders that only their owner may enter.
 * @throws EmbeddedError when that cannot be; nothing is left half done
 * @throws the signal's reason when that is aborted
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const {log, signal} = options;
  const startedAt = Date.now();
  const place = await openPlace(options);
  try {
    if (place.isNew) await makeFirst(place, signal);
    const socket = await socketFolder(place.layout.cluster);
    try {
      const joined = await joinOrStart(place, socket.path, signal);
      const {isOwner} = joined;
      const fields = {path: place.layout.folder, durationMs: Date.now() - startedAt};
      log?.info(fields, isOwner ? 'embedded postgres started' : 'embedded postgres joined');
      let closing: Promise<void> | undefined;
      const close = (): Promise<void> => (closing ??= leave(place, joined, log).finally(() => socket.release()));
      const connection = {host: socket.path, port: PORT, user: USER, database: DATABASE};
      return {connection, isOwner, close, [Symbol.asyncDispose]: close};
    } catch (error) {
      await socket.release();
      throw error;
    }
  } catch (error) {
    await dropCopy(place.layout);
    throw error;
  }
}

async function openPlace(options: EmbeddedOptions): Promise<Place & {readonly isNew: boolean}> {
  const installed = await installedBinaries();
  const layout = await openLayout(options.dataDir);
  const cluster = await clusterStats(layout, installed.major);
  const user = await serverUser(cluster, await stat(layout.folder), layout.cluster);
  return {layout, installed, user, settings: {...SETTINGS, ...options.settings}, isNew: cluster === undefined};
}

async function makeFirst({installed, layout, user}: Place, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    const binaries = await runnable(installed, layout, user);
    try {
      return await makeCluster(layout, binaries, user, signal);
    } catch (error) {
      signal?.throwIfAborted();
      // Another process that gave up removed the binaries under our hands: then once more.
      if (await isIntact(binaries, installed, layout)) throw error;
    }
  }
}
