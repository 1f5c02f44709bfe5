import {randomUUID} from 'node:crypto';
import {link, open, readFile, rename, stat, unlink} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {fileUrlOf} from '../../core/places.ts';
import {checkFolder} from './file-check.ts';
import {onFile, orNull, systemCode} from './file-errors.ts';
import {FileStagedObject} from './file-staged.ts';
import {discard, inFolder, removeEmpty, syncFolder, walk} from './folders.ts';
import {assertKey} from './object-key.ts';
import type {ObjectHead, ObjectStore, StagedObject, StoreTraits} from './object-store.ts';

/** Below it, under the key it is meant for, is what nobody is to see yet; readers skip names that begin so. */
const STAGING = '_staging/';

/** Others may come in between this often. */
const MOST_TRIES = 10;

/**
 * A folder with the layout of a bucket: each key is a file, and folders are there only while something is in them.
 * What is there is whole and safely stored: written under another name, synced, renamed, and the folder synced.
 */
export class FileStore implements ObjectStore {
  readonly #sink: string;
  readonly #root: string;

  /** @param options.root absolute, without a slash at the end; made when something is written */
  constructor(options: {readonly name: string; readonly root: string}) {
    this.#sink = options.name;
    this.#root = options.root;
  }

  urlOf(key: string): string {
    return fileUrlOf(`${this.#root}/${key}`);
  }

  stage(key: string): StagedObject {
    const path = this.#pathOf(key);
    return new FileStagedObject({sink: this.#sink, root: this.#root, staging: this.#stagingOf(key), path});
  }

  async put(key: string, bytes: Buffer): Promise<void> {
    await this.#write(key, bytes, async (staging, path) => await rename(staging, path));
  }

  async putIfAbsent(key: string, bytes: Buffer): Promise<boolean> {
    return await this.#write(key, bytes, async (staging, path) => {
      try {
        await linkOrMake(staging, path, bytes);
        return true;
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error;
        return (await orNull(readFile(path)))?.equals(bytes) ?? false;
      }
    });
  }

  async advance(key: string, bytes: Buffer, isOlder: (there: Buffer | null) => boolean): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const there = await this.get(key);
      if (there?.equals(bytes)) return true;
      if (attempt > MOST_TRIES || !isOlder(there)) return false;
      await this.put(key, bytes);
    }
  }

  /** Gives the bytes to `show` as a synced file that nobody sees, and syncs what it did. */
  async #write<Result>(
    key: string,
    bytes: Buffer,
    show: (staging: string, path: string) => Promise<Result>,
  ): Promise<Result> {
    const [path, staging] = [this.#pathOf(key), this.#stagingOf(key)];
    return await this.#on(path, async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          await inFolder(dirname(staging), async () => await writeNew(staging, bytes));
          const shown = await inFolder(dirname(path), async () => await show(staging, path));
          await syncFolder(dirname(path));
          return shown;
        } catch (error) {
          // Somebody has swept it away: another scope, after a publisher of its own that died.
          if (systemCode(error) !== 'ENOENT' || attempt === MOST_TRIES) throw error;
        } finally {
          await discard(staging, this.#root);
        }
      }
    });
  }

  async get(key: string): Promise<Buffer | null> {
    const path = this.#pathOf(key);
    return await this.#on(path, async () => await orNull(readFile(path)));
  }

  async head(key: string): Promise<ObjectHead | null> {
    const path = this.#pathOf(key);
    const found = await this.#on(path, async () => await orNull(stat(path)));
    return found?.isFile() ? {contentLength: found.size, token: null} : null;
  }

  async *list(prefix: string, after?: string): AsyncGenerator<{readonly key: string; readonly contentLength: number}> {
    const isLater = (path: string): boolean => after === undefined || path > after || after.startsWith(path);
    const wants = (path: string): boolean =>
      path !== STAGING && isLater(path) && (path.startsWith(prefix) || isAbove(path, prefix));
    for await (const key of this.#walk(this.#root, wants)) {
      if (key === after) continue;
      const head = await this.head(key);
      if (head !== null) yield {key, contentLength: head.contentLength};
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    const folders = new Set<string>();
    for (const key of keys) {
      const path = this.#pathOf(key);
      await this.#on(path, async () => await orNull(unlink(path)));
      folders.add(dirname(path));
    }
    for (const folder of folders) {
      await this.#on(folder, async () => {
        await orNull(syncFolder(folder));
        await removeEmpty(folder, this.#root);
      });
    }
  }

  async sweep(prefix: string): Promise<number> {
    const root = join(this.#root, STAGING);
    let count = 0;
    for await (const path of this.#walk(root, (each) => each.startsWith(prefix) || isAbove(each, prefix))) {
      const left = join(root, path);
      await this.#on(left, async () => {
        if ((await orNull(unlink(left))) !== null) count++;
        await removeEmpty(dirname(left), this.#root);
      });
    }
    return count;
  }

  async check(): Promise<StoreTraits> {
    return await checkFolder(this, this.#sink);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #pathOf(key: string): string {
    assertKey(key);
    return join(this.#root, key);
  }

  #stagingOf(key: string): string {
    return join(this.#root, STAGING, `${key}.${randomUUID()}.tmp`);
  }

  async *#walk(folder: string, wants: (path: string) => boolean): AsyncGenerator<string> {
    const paths = walk(folder, wants);
    for (;;) {
      const next = await this.#on(folder, async () => await paths.next());
      if (next.done) return;
      yield next.value;
    }
  }

  #on<Result>(path: string, doing: () => Promise<Result>): Promise<Result> {
    return onFile(this.#sink, path, doing);
  }
}

/** May something with this prefix be in the folder? */
const isAbove = (path: string, prefix: string): boolean => path.endsWith('/') && prefix.startsWith(path);

async function writeNew(path: string, bytes: Buffer): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives a whole file another name unless that is taken; made anew there where the file system has no links. */
async function linkOrMake(from: string, to: string, bytes: Buffer): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemCode(error) ?? '')) throw error;
    await writeNew(to, bytes);
  }
}
