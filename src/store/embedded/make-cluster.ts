import {chown, mkdir, readdir, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {program, type Binaries} from './binaries.ts';
import {codeOf, EmbeddedError, USE_YOUR_OWN} from './embedded-error.ts';
import type {Layout} from './layout.ts';
import {runAs, saidBy} from './run-as.ts';
import type {ServerUser} from './server-user.ts';

/** Text is Unicode and sorts by code point, whatever the system's locale is and wherever the folder is carried. */
const LOCALE = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

/**
 * Makes the cluster. It appears under its name only when complete, so that a process that is killed here leaves none
 * that is half; of several that do this at once, one wins and the others take that one.
 * @throws EmbeddedError
 */
export async function makeCluster(
  layout: Layout,
  binaries: Binaries,
  user: ServerUser | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  await removeLeftOvers(layout);
  const draft = join(layout.folder, `cluster.init-${process.pid}-${Date.now()}`);
  try {
    await mkdir(draft, {mode: 0o700});
    if (user !== undefined) await chown(draft, user.uid, user.gid);
    const args = ['-D', handed(draft, user), '-U', 'postgres', '--auth=trust', '--no-instructions', ...LOCALE];
    await runAs(program(binaries, 'initdb'), args, {user, cwd: draft, signal});
    await rename(draft, layout.cluster);
  } catch (error) {
    await rm(draft, {recursive: true, force: true, maxRetries: 5});
    // Another process was faster.
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return;
    signal?.throwIfAborted();
    throw new EmbeddedError(
      `the embedded Postgres cannot be set up in ${layout.folder}: ${saidBy(error)}. ${USE_YOUR_OWN}`,
      {
        cause: error,
      },
    );
  }
}

/**
 * How a program that was started in `folder` is told about it. Another user may not be able to pass the folders above
 * (a closed home), but through the link of its own working directory, where we put it, it needs no way there.
 */
export function handed(folder: string, user: ServerUser | undefined): string {
  return user !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : folder;
}

/** Removes drafts whose maker was killed. */
async function removeLeftOvers(layout: Layout): Promise<void> {
  for (const name of await readdir(layout.folder)) {
    const maker = /^cluster\.init-(\d+)-/.exec(name)?.[1];
    if (maker === undefined || isAlive(Number(maker))) continue;
    await rm(join(layout.folder, name), {recursive: true, force: true, maxRetries: 5});
  }
}

/** Is there a process of that number, whosever it is? */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
