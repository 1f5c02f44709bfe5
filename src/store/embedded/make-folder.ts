import {mkdir} from 'node:fs/promises';
import {dirname} from 'node:path';
import {codeOf} from './embedded-error.ts';

/**
 * Makes a folder and those above it; one that is there is left as it is. Not by `recursive`: that never ends where the
 * system says ENOENT although the folder above is there, as in /proc (seen in Node 20).
 * @throws the system's error
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, {mode});
  } catch (error) {
    const code = codeOf(error);
    // What stands there may be a file: whoever uses the folder will be told.
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path, {mode}).catch((again: unknown) => {
      if (codeOf(again) !== 'EEXIST') throw again;
    });
  }
}
