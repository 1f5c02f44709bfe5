import type {Stats} from 'node:fs';
import {access, constants, readdir, readFile, realpath, stat} from 'node:fs/promises';
import {join, resolve} from 'node:path';
import {codeOf, EmbeddedError, ifThere, USE_YOUR_OWN} from './embedded-error.ts';
import {makeFolder} from './make-folder.ts';

/** Where everything lies. All of it is below the folder that the user named. */
export interface Layout {
  readonly folder: string;
  /** What Postgres calls its data directory; owned by the server's user, closed to all others. */
  readonly cluster: string;
  readonly log: string;
  /** Points to our copy of the binaries, where one is needed. */
  readonly runtime: string;
}

const OURS = /^(cluster|cluster\.init-.*|server\.log(\.1)?|runtime(-.*)?)$/;

/**
 * Makes the folder if it is not there, and refuses one that holds anything but an embedded Postgres of ours.
 * @throws EmbeddedError
 */
export async function openLayout(dataDir: string): Promise<Layout> {
  const named = resolve(dataDir);
  // Root's server runs as somebody else. On Linux it is handed the folder open; elsewhere it must be able to pass.
  const mode = process.geteuid?.() === 0 && process.platform !== 'linux' ? 0o711 : 0o700;
  try {
    await makeFolder(named, mode);
    // What stands there may be a file: listing it says ENOTDIR then.
    await readdir(named);
    await access(named, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new EmbeddedError(`the folder ${named} for the embedded Postgres ${reason(error)}. ${USE_YOUR_OWN}`, {
      cause: error,
    });
  }
  const folder = await realpath(named);
  const entries = await readdir(folder);
  const foreign = entries.find((name) => !OURS.test(name));
  if (foreign !== undefined && !entries.includes('cluster')) {
    const what = entries.includes('PG_VERSION') ? 'is a data directory of some other Postgres' : `holds ${foreign}`;
    throw new EmbeddedError(`${named} is not a folder of an embedded Postgres: it ${what}. Name an empty one.`);
  }
  const at = (name: string): string => join(folder, name);
  return {folder, cluster: at('cluster'), log: at('server.log'), runtime: at('runtime')};
}

/**
 * The cluster's owner, or undefined where there is no cluster yet.
 * @param major version that our binaries are of
 * @throws EmbeddedError when it is no cluster, or one of another major version
 */
export async function clusterStats(layout: Layout, major: number): Promise<Stats | undefined> {
  const stats = await ifThere(stat(layout.cluster));
  if (stats === undefined) return undefined;
  const version = await readVersion(layout.cluster);
  if (version === 'closed') return stats;
  if (version === 'missing') {
    throw new EmbeddedError(`${layout.cluster} is not a cluster of Postgres: it has no PG_VERSION. Move it away.`);
  }
  if (version !== major) {
    throw new EmbeddedError(
      `${layout.cluster} is of Postgres ${version}, and the embedded one is ${major}. Move it away to begin anew ` +
        `(everything is read from the source again), or name a Postgres ${version} of your own in state.url.`,
    );
  }
  return stats;
}

/** `closed`: it belongs to another user, which is for whoever looks at the owner to say. */
async function readVersion(cluster: string): Promise<number | 'missing' | 'closed'> {
  try {
    return Number.parseInt(await readFile(join(cluster, 'PG_VERSION'), 'utf8'), 10);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return 'missing';
    if (codeOf(error) === 'EACCES') return 'closed';
    throw error;
  }
}

function reason(error: unknown): string {
  switch (codeOf(error)) {
    case 'EEXIST':
    case 'ENOTDIR':
      return 'cannot be made: a file is in the way';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be written by this user';
    case 'EROFS':
      return 'is on a file system that cannot be written';
    default:
      return `cannot be used (${codeOf(error) ?? String(error)})`;
  }
}
