import {readFile} from 'node:fs/promises';
import {EmbeddedError, USE_YOUR_OWN} from './embedded-error.ts';

/** Whom the server runs as, where that is not ourselves. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Root's choice, best first. Postgres refuses to run as root, and initdb refuses a user that the system does not
 * know, so it must be one that exists already. `postgres` is there for just this; `nobody` exists everywhere.
 */
const SPARE_USERS = ['postgres', '_postgres', 'nobody'];

/**
 * Whom the server must run as; undefined for ourselves, which is always so unless we are root. For root it is whoever
 * owns what is there, so that a folder that was made by a user stays that user's.
 * @param clusterOwner owner of the cluster; undefined while there is none
 * @param folderOwner owner of the folder that a new cluster will be made in
 */
export async function serverUser(
  clusterOwner: ServerUser | undefined,
  folderOwner: ServerUser,
  path: string,
): Promise<ServerUser | undefined> {
  const uid = process.geteuid?.();
  if (uid === undefined)
    throw new EmbeddedError(`this system has no users that Postgres can tell apart. ${USE_YOUR_OWN}`);
  if (uid !== 0) {
    if (clusterOwner === undefined || clusterOwner.uid === uid) return undefined;
    const owner = `user ${clusterOwner.uid}`;
    throw new EmbeddedError(
      `the embedded Postgres in ${path} belongs to ${owner}, and we run as user ${uid}. ` +
        `Run as the same user as before, or as root. ${USE_YOUR_OWN}`,
    );
  }
  if (clusterOwner !== undefined) {
    if (clusterOwner.uid !== 0) return clusterOwner;
    throw new EmbeddedError(
      `the embedded Postgres in ${path} belongs to root, which Postgres refuses: it was copied without its owner. ` +
        `Give it back, for example by: chown -R nobody ${path}`,
    );
  }
  const known = await knownUsers();
  if (folderOwner.uid !== 0 && known.some((user) => user.uid === folderOwner.uid)) return folderOwner;
  for (const name of SPARE_USERS) {
    const user = known.find((candidate) => candidate.name === name);
    if (user !== undefined) return {uid: user.uid, gid: user.gid};
  }
  throw new EmbeddedError(
    `Postgres refuses to run as root, and none of the users ${SPARE_USERS.join(', ')} exists here. ` +
      `Run as an ordinary user. ${USE_YOUR_OWN}`,
  );
}

async function knownUsers(): Promise<{name: string; uid: number; gid: number}[]> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n');
  return lines.flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    // macOS writes nobody as -2; the system takes the same number unsigned.
    return name && uid && gid ? [{name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0}] : [];
  });
}
