import type {FileHandle} from 'node:fs/promises';
import fs from 'node:fs/promises';
import {syncBuiltinESMExports} from 'node:module';
import {sep} from 'node:path';
import {currentEdge, type Edge} from './edge.ts';
import {KeyNames} from './edge-objects.ts';

type Call = (...args: unknown[]) => Promise<unknown>;

const CALLS = ['link', 'mkdir', 'open', 'readFile', 'readdir', 'rename', 'rmdir', 'stat', 'unlink'] as const;
const HANDLE_CALLS = ['sync', 'write', 'writeFile'] as const;

/**
 * Makes every call to the file system a point of the process whose code makes it, where it is about something below
 * `root`. The folders in `root` are places of the same kind, and not told apart. Gives a function that undoes it.
 */
export function watchFiles(root: string, streams: readonly string[]): () => void {
  const names = new KeyNames(streams);
  const nameOf = (call: string, path: string): string =>
    `file ${call} ${names.of(path.slice(root.length + 1).replace(/^[^/]*\/?/, ''))}`;
  const functions = fs as unknown as Record<string, Call>;
  const real = Object.fromEntries(CALLS.map((call) => [call, functions[call] as Call]));
  for (const call of CALLS) {
    functions[call] = async (...args) => {
      const edge = currentEdge();
      // What has two paths is named by the second: what it is to be.
      const path = String(args[call === 'rename' || call === 'link' ? 1 : 0]);
      const ask = async (): Promise<unknown> => await real[call]?.(...args);
      if (edge === undefined || !path.startsWith(root + sep)) return await ask();
      if (call !== 'open') return await edge.cross(nameOf(call, path), ask);
      const name = (each: string): string => nameOf(each, path);
      return await openAt(edge, name, String(args[1] ?? 'r'), ask as () => Promise<FileHandle>);
    };
  }
  syncBuiltinESMExports();
  return () => {
    Object.assign(functions, real);
    syncBuiltinESMExports();
  };
}

/** Does the call of this point leave something behind when the process dies? */
export const isLastingFile = (point: string): boolean =>
  /^file (link|mkdir|open wx|rename|rmdir|unlink|write|writeFile) /.test(point);

/** An open file, whose calls are points too. It is closed whatever happens, as the files of a dead process are. */
async function openAt(
  edge: Edge,
  name: (call: string) => string,
  flags: string,
  open: () => Promise<FileHandle>,
): Promise<FileHandle> {
  let opened: FileHandle | null = null;
  try {
    opened = await edge.cross(name(`open ${flags}`), async () => (opened = await open()));
  } catch (error) {
    await opened?.close();
    throw error;
  }
  const calls = opened as unknown as Record<string, Call>;
  for (const call of HANDLE_CALLS) {
    const ask = (calls[call] as Call).bind(opened);
    calls[call] = async (...args) => await edge.cross(name(call), async () => await ask(...args));
  }
  const close = opened.close.bind(opened);
  calls['close'] = async () => {
    await close();
    await edge.cross(name('close'), async () => undefined);
  };
  return opened;
}
