import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import type {ServerUser} from './server-user.ts';

/**
 * All that the server and its helpers find in their environment. Ours stays with us: it holds secrets, and PG* or
 * LC_* of whoever called would change what the server does.
 */
export const SERVER_ENV = {PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC'};

export interface RunOptions {
  /** undefined: ourselves */
  readonly user: ServerUser | undefined;
  /** Entered before the user is changed, so it need not be passable to that user. Node: chdir comes before setuid. */
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
}

/** Runs a program to its end and gives its standard output; an error carries `stderr`. */
export async function runAs(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  const {user, cwd, signal} = options;
  const {stdout} = await promisify(execFile)(command, [...args], {
    cwd,
    env: SERVER_ENV,
    ...user,
    ...(signal && {signal}),
  });
  return stdout;
}

/** What a failed program wrote to its standard error, else the error's own text; one line. */
export function saidBy(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return (said || String(error)).replaceAll(/\s*\n\s*/g, ' ');
}
