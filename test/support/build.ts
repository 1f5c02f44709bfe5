import {execFile} from 'node:child_process';
import {readdir, stat} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = ['src', 'bench', 'tsconfig.json', 'tsconfig.build.json'];
/** The page's script is JavaScript as it stands. */
const SOURCE_FILE = /\.[jt]s$/;

/** Builds dist when a source is newer than all of it, so that tests that start our executable test this checkout. */
export default async function build(): Promise<void> {
  // Mutations are only in the sources, and caught by tests that run those.
  if (process.env['TEST_BUILD'] === 'no') return;
  const [sources, built] = await Promise.all([
    Promise.all(SOURCES.map((name) => changedAtMs(join(ROOT, name), SOURCE_FILE))),
    changedAtMs(join(ROOT, 'dist'), /\.js$/),
  ]);
  if (built > Math.max(...sources)) return;
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--noEmitOnError'], {cwd: ROOT});
  } catch (error) {
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
    throw new Error(`the build failed:\n${said}`, {cause: error});
  }
}

/** When the newest file below `path` whose name is like `name` was written, epoch ms; 0 where there is none. */
async function changedAtMs(path: string, name: RegExp): Promise<number> {
  const at = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (at === undefined) return 0;
  if (!at.isDirectory()) return at.mtimeMs;
  let result = 0;
  for (const entry of await readdir(path, {withFileTypes: true, recursive: true})) {
    if (!entry.isFile() || !name.test(entry.name)) continue;
    result = Math.max(result, (await stat(join(entry.parentPath, entry.name))).mtimeMs);
  }
  return result;
}
