import {chmodSync, copyFileSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {completeLinks} from './binaries.ts';
import {codeOf} from './embedded-error.ts';

/** The name of every copy's folder begins so. */
export const COPY_PREFIX = 'clarifai-sync-postgres-';

const READABLE_BY_ALL = 0o444;
const RUNNABLE_BY_ALL = 0o555;

/**
 * Makes a copy that every user can read and run and only we can change; of hard links where the file system allows
 * them, which takes neither time nor room.
 * @returns the new folder, below `parent`
 */
export async function copyBinaries(home: string, parent: string, name: string): Promise<string> {
  // A name that nobody can have prepared, and closed until it is complete.
  const copy = mkdtempSync(join(parent, name));
  try {
    for (const part of ['bin', 'lib', 'share']) copyTree(join(home, part), join(copy, part));
    copyFile(join(home, 'pg-symlinks.json'), join(copy, 'pg-symlinks.json'));
    await completeLinks(copy);
    chmodSync(copy, 0o755);
    return copy;
  } catch (error) {
    rmSync(copy, {recursive: true, force: true});
    throw error;
  }
}

/** Synchronous, because the thousand files take a third of the time so. Links are left out: they are made anew. */
function copyTree(from: string, to: string): void {
  mkdirSync(to);
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, {withFileTypes: true})) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyTree(source, target);
    // Archives (`.a`) are for compilers only.
    else if (entry.isFile() && !entry.name.endsWith('.a')) copyFile(source, target);
  }
}

function copyFile(source: string, target: string): void {
  const {mode} = statSync(source);
  const wanted = mode & 0o100 ? RUNNABLE_BY_ALL : READABLE_BY_ALL;
  if ((mode & wanted) === wanted && (mode & 0o022) === 0 && linked(source, target)) return;
  copyFileSync(source, target);
  chmodSync(target, wanted | 0o200);
}

function linked(source: string, target: string): boolean {
  try {
    linkSync(source, target);
    return true;
  } catch (error) {
    // Another file system, one without links, or a file of another user (protected_hardlinks): copied instead.
    if (['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(codeOf(error) ?? ''))
      return false;
    throw error;
  }
}
