import {createReadStream} from 'node:fs';
import {open, rename, type FileHandle} from 'node:fs/promises';
import {dirname} from 'node:path';
import {assert} from '../../core/errors.ts';
import {StagedLostError} from '../errors.ts';
import {ContentDigest} from './content-digest.ts';
import {onFile, systemCode} from './file-errors.ts';
import {discard, inFolder, removeEmpty, syncFolder} from './folders.ts';
import type {StagedObject} from './object-store.ts';

/** Where a file is made, where it is to be, and which folder stays whatever is removed. */
export interface FilePlace {
  readonly sink: string;
  readonly root: string;
  readonly staging: string;
  readonly path: string;
}

/** A file under another name, which is renamed by `publish`. Both names are on one file system. */
export class FileStagedObject implements StagedObject {
  readonly #place: FilePlace;
  readonly #digest = new ContentDigest();
  #handle: FileHandle | null = null;
  #ready: Promise<void> | null = null;

  constructor(place: FilePlace) {
    this.#place = place;
  }

  async write(bytes: Buffer): Promise<void> {
    assert(this.#ready === null, 'bytes after the end of a staged object', {path: this.#place.path});
    await this.#on(async () => {
      const handle = await this.#open();
      // Of a full disk it writes as much as there is room for, and says so only by how much it was.
      for (let from = 0; from < bytes.length;) from += (await handle.write(bytes, from)).bytesWritten;
    });
    this.#digest.add(bytes);
  }

  async ready(): Promise<{readonly contentLength: number; readonly sha256: string}> {
    this.#ready ??= this.#on(async () => {
      const handle = await this.#open();
      await handle.sync();
      this.#handle = null;
      await handle.close();
    });
    await this.#ready;
    return this.#digest.end();
  }

  async publish(): Promise<void> {
    await this.ready();
    const {staging, path, root} = this.#place;
    await this.#on(async () => {
      try {
        await inFolder(dirname(path), async () => await rename(staging, path));
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
        if (!(await this.#isPublished())) throw this.#lost(error);
      }
      await syncFolder(dirname(path));
      await removeEmpty(dirname(staging), root);
    });
  }

  /** Is the same content there, by an earlier call of ours or by another publisher of the same? */
  async #isPublished(): Promise<boolean> {
    const found = new ContentDigest();
    try {
      for await (const bytes of createReadStream(this.#place.path)) found.add(bytes as Buffer);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    }
    return found.end().sha256 === this.#digest.end().sha256;
  }

  async abandon(): Promise<void> {
    const {staging, root} = this.#place;
    await this.#on(async () => {
      const handle = this.#handle;
      this.#handle = null;
      await handle?.close();
      await discard(staging, root);
    });
  }

  async #open(): Promise<FileHandle> {
    const {staging} = this.#place;
    return (this.#handle ??= await inFolder(dirname(staging), async () => await open(staging, 'wx')));
  }

  #on<Result>(doing: () => Promise<Result>): Promise<Result> {
    return onFile(this.#place.sink, this.#place.path, doing);
  }

  #lost(cause: unknown): StagedLostError {
    const {sink, path} = this.#place;
    const context = {sink, path, store_code: systemCode(cause) ?? null};
    return new StagedLostError(`sink ${sink}: ${path}: the file was removed before it was published (ENOENT)`, {
      cause,
      context,
    });
  }
}
