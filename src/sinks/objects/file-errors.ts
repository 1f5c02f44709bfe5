import {SyncError} from '../../core/errors.ts';
import {SinkRefusedError, SinkUnavailableError} from '../errors.ts';

/** The system's code of an error, such as `ENOENT`; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Runs something on a file; what the system throws becomes our own error, naming sink, path and the system's code. */
export async function onFile<Result>(sink: string, path: string, doing: () => Promise<Result>): Promise<Result> {
  try {
    return await doing();
  } catch (error) {
    throw fileError(error, sink, path);
  }
}

function fileError(error: unknown, sink: string, path: string): unknown {
  if (error instanceof SyncError) return error;
  const code = systemCode(error);
  if (code === undefined) return error;
  const options = {cause: error, context: {sink, path, store_code: code}};
  const reason = REFUSALS[code];
  if (reason === undefined) {
    return new SinkUnavailableError(`sink ${sink}: ${path}: the file system did not do it (${code})`, options);
  }
  return new SinkRefusedError(`sink ${sink}: ${path}: ${reason} (${code})`, options);
}

const NO_ROOM = 'there is no room left';
const NO_RIGHTS = 'this user may not do that there';

/** What does not pass by itself. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENOSPC: NO_ROOM,
  EDQUOT: NO_ROOM,
  EFBIG: 'the file system takes no file of this size',
  EACCES: NO_RIGHTS,
  EPERM: NO_RIGHTS,
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a file is in the place of a folder',
  EEXIST: 'a file is in the place of a folder',
  EISDIR: 'a folder is in the place of a file',
  ENAMETOOLONG: 'the file system takes no name of this length',
  EXDEV: 'the folder is spread over several file systems',
  ELOOP: 'symbolic links go round in a circle',
};

/** What was asked for, or null when it is not there. */
export async function orNull<Result>(asked: Promise<Result>): Promise<Result | null> {
  try {
    return await asked;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}
