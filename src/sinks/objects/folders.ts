import {mkdir, open, readdir, rmdir, unlink} from 'node:fs/promises';
import {dirname, join, sep} from 'node:path';
import {systemCode} from './file-errors.ts';

/** Makes what was renamed into a folder, or removed from it, outlive a power failure. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems do not offer it for folders, and keep their own order.
    if (!['EINVAL', 'ENOTSUP'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/** Makes a folder and those above it, for good. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, {recursive: true});
  if (first === undefined) return;
  // Each new folder is an entry of the one above it.
  for (let each = folder; each.length >= first.length; each = dirname(each)) await syncFolder(dirname(each));
}

const MOST_TRIES = 10;

/** Does something in a folder, which is made for it; again when somebody removes it, empty as it is, in between. */
export async function inFolder<Result>(folder: string, doing: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      await makeFolder(folder);
      return await doing();
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || attempt === MOST_TRIES) throw error;
    }
  }
}

/** Removes a file that was never shown, and the folders that held nothing else, up to `root`. There or not. */
export async function discard(path: string, root: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  await removeEmpty(dirname(path), root);
}

const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(systemCode(error) ?? '');

/**
 * Removes a folder and those above it as far as they are empty, up to `root`, which stays. Never throws: an empty folder
 * that cannot be removed does no harm.
 */
export async function removeEmpty(folder: string, root: string): Promise<void> {
  for (let each = folder; each.startsWith(root + sep); each = dirname(each)) {
    try {
      await rmdir(each);
    } catch (error) {
      // One that could not even be made: those above it may have been.
      if (!isAbsent(error)) return;
    }
  }
}

/**
 * Paths of the files below a folder, relative to it, with `/` between, in the order of these paths; nothing when the
 * folder is not there. Files that come or go meanwhile are given or not.
 * @param wants is asked for each folder, with a slash at the end, and each file: whether to look there
 */
export async function* walk(folder: string, wants: (path: string) => boolean, at = ''): AsyncGenerator<string> {
  const paths: string[] = [];
  try {
    for (const entry of await readdir(join(folder, at), {withFileTypes: true})) {
      if (entry.isDirectory()) paths.push(`${at}${entry.name}/`);
      else if (entry.isFile()) paths.push(`${at}${entry.name}`);
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  // With its slash, a folder stands where what is in it stands among its siblings.
  for (const path of paths.sort()) {
    if (!wants(path)) continue;
    if (path.endsWith('/')) yield* walk(folder, wants, path);
    else yield path;
  }
}
