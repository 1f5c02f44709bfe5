import {execFile} from 'node:child_process';
import {link, readFile, readlink, rename, unlink} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {promisify} from 'node:util';
import {codeOf, ifThere} from './embedded-error.ts';
import {isAlive} from './make-cluster.ts';

/** Postgres writes its process number on the first line of both. */
const LOCK_FILES = ['postmaster.pid', '.s.PGSQL.5432.lock'];

/** Process number of the server that runs in this cluster, or is starting or stopping there; undefined for none. */
export async function runningServer(cluster: string): Promise<number | undefined> {
  const pid = pidIn(await ifThere(readFile(join(cluster, 'postmaster.pid'), 'utf8')));
  return pid !== undefined && (await isServerOf(pid, cluster)) ? pid : undefined;
}

/**
 * Name of the run that last got as far as owning the cluster, running or not; undefined for none of ours. Postgres
 * writes down its arguments once it has the lock, and leaves them there.
 */
export async function lastInstance(cluster: string): Promise<string | undefined> {
  const args = await ifThere(readFile(join(cluster, 'postmaster.opts'), 'utf8'));
  return /cluster_name=clarifai-sync-([0-9a-f]{8})"/.exec(args ?? '')?.[1];
}

/**
 * Removes lock files that a killed server left, if their process number has gone to some other program since. Postgres
 * starts over a file whose process is gone, but will not while any process of its user has that number, and after a
 * container's restart one often does: numbers begin anew and are small.
 */
export async function removeStaleLocks(cluster: string): Promise<void> {
  for (const name of LOCK_FILES) {
    const path = join(cluster, name);
    const found = await ifThere(readFile(path, 'utf8'));
    const pid = pidIn(found);
    if (found === undefined || pid === undefined || !isAlive(pid) || (await isServerOf(pid, cluster))) continue;
    // A server may have started since we looked. What is taken away is looked at again, and put back if it was new.
    const aside = `${path}.stale-${process.pid}`;
    if ((await ifThere(rename(path, aside).then(() => true))) !== true) continue;
    if ((await readFile(aside, 'utf8')) !== found) await putBack(aside, path);
    await unlink(aside);
  }
}

async function putBack(aside: string, path: string): Promise<void> {
  try {
    await link(aside, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function pidIn(lock: string | undefined): number | undefined {
  // A single-user server writes its number with a minus.
  const pid = Math.abs(Number.parseInt(lock ?? '', 10));
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

/** Is this process a Postgres, of this cluster as far as the system tells? */
async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return (await commandOf(pid)) === 'postgres';
  try {
    // A server works in its cluster; the link follows when the folder is moved.
    const [exe, cwd] = await Promise.all([readlink(`/proc/${pid}/exe`), readlink(`/proc/${pid}/cwd`)]);
    return /^postgres\b/.test(basename(exe)) && cwd === cluster;
  } catch (error) {
    // Gone meanwhile, or of a user that we may not ask about: Postgres does not count those either.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

async function commandOf(pid: number): Promise<string> {
  try {
    const {stdout} = await promisify(execFile)('ps', ['-p', String(pid), '-o', 'comm=']);
    return basename(stdout.trim());
  } catch {
    return ''; // ps ends with 1 when there is no such process
  }
}
