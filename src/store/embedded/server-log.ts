import {constants} from 'node:fs';
import {open, rename, stat, type FileHandle} from 'node:fs/promises';
import {ifThere} from './embedded-error.ts';

const MAX_LOG_BYTES = 1024 * 1024;
const TAIL_BYTES = 4096;

/**
 * The server's log, and what was added to it since it was opened. The former one is kept when it has grown over 1 MiB.
 * While the server runs it writes a line at most for each start, stop, crash and killed client.
 */
export class ServerLog {
  readonly #file: FileHandle;
  readonly #startBytes: number;

  private constructor(file: FileHandle, startBytes: number) {
    this.#file = file;
    this.#startBytes = startBytes;
  }

  static async open(path: string): Promise<ServerLog> {
    const former = await ifThere(stat(path));
    if (former !== undefined && former.size > MAX_LOG_BYTES) await ifThere(rename(path, `${path}.1`));
    // Not through a link: root may be writing into a user's folder.
    const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await open(path, flags, 0o600);
    return new ServerLog(file, (await file.stat()).size);
  }

  get fd(): number {
    return this.#file.fd;
  }

  /** The last lines that were added, without times and process numbers, in one line. */
  async said(): Promise<string> {
    const {size} = await this.#file.stat();
    const from = Math.max(this.#startBytes, size - TAIL_BYTES);
    const {buffer, bytesRead} = await this.#file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    const short = lines.map((line) => line.replace(/^.* \[\d+\] /, '').trim()).filter((line) => line !== '');
    return short.slice(-6).join(' | ') || 'it wrote nothing';
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
