import {randomUUID} from 'node:crypto';
import {lstat, readlink, rename, rm, symlink, unlink} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, dirname} from 'node:path';
import {completeLinks, program, type Binaries} from './binaries.ts';
import {copyBinaries, COPY_PREFIX} from './copy-binaries.ts';
import {codeOf, EmbeddedError, ifThere, USE_YOUR_OWN} from './embedded-error.ts';
import type {Layout} from './layout.ts';
import {runningServer} from './lock-files.ts';
import {runAs, saidBy} from './run-as.ts';
import type {ServerUser} from './server-user.ts';

/**
 * Binaries that `user` can run: the installed ones where they lie, else a copy. A copy is needed where root's server
 * user may not enter the project's folder (a closed home), and where the links are missing in a folder that we may
 * not write. Unlike the cluster, binaries cannot be handed over open: they look for their own path and read on there.
 * @throws EmbeddedError when they cannot be run from anywhere
 */
export async function runnable(installed: Binaries, layout: Layout, user: ServerUser | undefined): Promise<Binaries> {
  const isComplete = await completeLinks(installed.home);
  if (isComplete && (user === undefined || (await whyNot(installed, user)) === undefined)) return installed;
  const former = await ifThere(readlink(layout.runtime));
  const home = await copyOf(layout.runtime);
  if (home !== undefined && basename(home).startsWith(copyName(installed))) {
    const copy = {...installed, home};
    if ((await whyNot(copy, user)) === undefined) return copy;
  }
  return await newCopy(installed, layout, user, former);
}

/**
 * Removes the copy of the binaries that lies outside our folder, if there is one and no server runs. Who is about to
 * start one from it either shows here, or finds by `isIntact` that the link is gone.
 */
export async function dropCopy(layout: Layout): Promise<void> {
  for (;;) {
    const copy = await takeCopy(layout);
    if (copy === undefined) return;
    if ((await runningServer(layout.cluster)) === undefined) return await rm(copy, {recursive: true, force: true});
    await publish(copy, layout, undefined);
    // Its last user looks for the link after the end of the server: was that before we put it back?
    if ((await runningServer(layout.cluster)) !== undefined) return;
  }
}

/** Takes the link away, and gives what it named; of several that do so, one gets it. */
async function takeCopy(layout: Layout): Promise<string | undefined> {
  const seen = await copyOf(layout.runtime);
  if (seen === undefined || dirname(seen) === layout.folder) return undefined;
  const taken = `${layout.runtime}-${randomUUID()}`;
  if ((await ifThere(rename(layout.runtime, taken).then(() => true))) !== true) return undefined;
  const copy = await copyOf(taken);
  await unlink(taken);
  return copy;
}

/** Are the binaries of a server that now runs there to stay? False when they are being removed: start it anew. */
export async function isIntact(binaries: Binaries, installed: Binaries, layout: Layout): Promise<boolean> {
  return binaries.home === installed.home || (await ifThere(readlink(layout.runtime))) === binaries.home;
}

async function newCopy(
  installed: Binaries,
  layout: Layout,
  user: ServerUser | undefined,
  former: string | undefined,
): Promise<Binaries> {
  const tried: string[] = [];
  for (const parent of user === undefined ? [layout.folder] : OPEN_FOLDERS()) {
    let home: string;
    try {
      home = await copyBinaries(installed.home, parent, copyName(installed));
    } catch (error) {
      tried.push(`${parent}: ${saidBy(error)}`);
      continue;
    }
    const copy = {...installed, home};
    const problem = await whyNot(copy, user);
    if (problem === undefined)
      return (await publish(home, layout, former)) ? copy : await runnable(installed, layout, user);
    tried.push(`${parent}: ${problem}`);
    await rm(home, {recursive: true, force: true});
  }
  throw new EmbeddedError(
    `the embedded Postgres cannot be run from ${installed.home} or a copy of it (${tried.join('; ')}). ${USE_YOUR_OWN}`,
  );
}

/**
 * Lets the link name our copy instead of `former` (undefined: no link), which is then removed if it was a copy.
 * @returns false where another process was first; ours is removed then
 */
async function publish(home: string, layout: Layout, former: string | undefined): Promise<boolean> {
  const obsolete = await copyOf(layout.runtime);
  if (former !== undefined && (await ifThere(readlink(layout.runtime))) === former)
    await ifThere(unlink(layout.runtime));
  try {
    await symlink(home, layout.runtime);
  } catch (error) {
    await rm(home, {recursive: true, force: true});
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  if (obsolete !== undefined && obsolete === former) await rm(obsolete, {recursive: true, force: true});
  return true;
}

/** Folder that the link names, provided that it is a copy that we made: we run what is in it, and remove it. */
async function copyOf(link: string): Promise<string | undefined> {
  const home = await ifThere(readlink(link));
  if (home === undefined || !basename(home).startsWith(COPY_PREFIX)) return undefined;
  const stats = await ifThere(lstat(home));
  const isOurs = stats?.isDirectory() && stats.uid === process.geteuid?.() && (stats.mode & 0o022) === 0;
  return isOurs ? home : undefined;
}

async function whyNot(binaries: Binaries, user: ServerUser | undefined): Promise<string | undefined> {
  try {
    await runAs(program(binaries, 'postgres'), ['--version'], {user, cwd: '/'});
    return undefined;
  } catch (error) {
    return saidBy(error);
  }
}

function copyName(installed: Binaries): string {
  return `${COPY_PREFIX}${installed.version}-`;
}

/** /var/cache first: unlike the others it is not swept of what lies unused for some days while the server runs. */
const OPEN_FOLDERS = (): readonly string[] => [...new Set(['/var/cache', '/var/tmp', tmpdir(), '/tmp'])];
