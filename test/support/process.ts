import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';

const ROOT = new URL('../../', import.meta.url);

export interface Ended {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that a test started. Disposing kills it, so that a failed test leaves none behind. */
export interface TestProcess extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Resolves with the first match in what was written to that stream so far or will be; throws if the process ends without. */
  said(pattern: RegExp, stream?: 'stdout' | 'stderr'): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** What it has written so far. */
  output(): {readonly stdout: string; readonly stderr: string};
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Only root may choose another. */
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Starts our executable, as built. The environment holds only what is given and PATH, HOME, TMPDIR: a DATABASE_URL of
 * the person who runs the tests is never touched.
 */
export function startCli(args: readonly string[], options: StartOptions = {}): TestProcess {
  const manifest = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {bin: Record<string, string>};
  const bin = manifest.bin['clarifai-sync'];
  if (bin === undefined) throw new Error('package.json names no executable clarifai-sync');
  return startProcess(process.execPath, [fileURLToPath(new URL(bin, ROOT)), ...args], options);
}

/** Runs our executable to its end. */
export async function runCli(args: readonly string[], options: StartOptions = {}): Promise<Ended> {
  await using cli = startCli(args, options);
  return await cli.ended;
}

/** Starts any program the same way. */
export function startProcess(command: string, args: readonly string[], options: StartOptions = {}): TestProcess {
  const {env, ...rest} = options;
  const child = spawn(command, args, {...rest, env: {...kept(), ...env}, stdio: ['ignore', 'pipe', 'pipe']});
  const text = {stdout: '', stderr: ''};
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
      child.emit('said');
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => {
    child.emit('said');
    return {code: code as number | null, signal: signal as NodeJS.Signals | null, ...text};
  });
  // A command that cannot be started is heard by whoever awaits `ended`; nobody may be, when the test failed before.
  ended.catch(() => undefined);
  child.setMaxListeners(0);

  const said = async (pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(text[stream]);
      if (match !== null) return match;
      if (child.exitCode !== null || child.signalCode !== null) {
        const {code, signal} = await ended;
        const late = pattern.exec(text[stream]);
        if (late !== null) return late;
        throw new Error(`ended (${code ?? signal}) without ${pattern}:\n${text.stdout}\n${text.stderr}`);
      }
      await Promise.race([once(child, 'said'), ended]);
    }
  };
  return {
    pid: child.pid ?? -1,
    ended,
    said,
    kill: (signal) => void child.kill(signal),
    output: () => ({...text}),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended.catch(() => undefined);
    },
  };
}

function kept(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
