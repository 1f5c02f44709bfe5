import {access, constants, mkdtemp, rm, symlink} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {EmbeddedError} from './embedded-error.ts';

/** The way to the server's socket. */
export interface SocketFolder {
  readonly path: string;
  release(): Promise<void>;
}

/** A socket's path may have 104 bytes on macOS, 108 on Linux, with the NUL at its end. */
const MAX_SOCKET_PATH_BYTES = 103;
const SOCKET_NAME = '.s.PGSQL.5432';

/**
 * The folder by which a client reaches the socket in `cluster`: the cluster itself, or, where its path is too long for
 * a socket, a short way there, made for this process alone. The server is not concerned: it works in that folder.
 * @throws EmbeddedError when no short way can be made
 */
export async function socketFolder(cluster: string): Promise<SocketFolder> {
  if (fits(cluster)) return {path: cluster, release: async () => undefined};
  for (const parent of [tmpdir(), '/tmp', '/var/tmp']) {
    if (!fits(join(parent, 'clarifai-sync-123456', 'pg')) || !(await isWritable(parent))) continue;
    const folder = await mkdtemp(join(parent, 'clarifai-sync-'));
    const path = join(folder, 'pg');
    await symlink(cluster, path);
    return {path, release: () => rm(folder, {recursive: true, force: true})};
  }
  throw new EmbeddedError(
    `the path ${cluster} is too long for a socket, and no temporary folder can be written to shorten it: ` +
      'choose a shorter data_dir, or set TMPDIR',
  );
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES;
}

async function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}
