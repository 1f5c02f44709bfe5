#!/usr/bin/env node
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {askOn} from './cli/ask.ts';
import {runProgram} from './cli/program.ts';
import {EXIT_CODES, messageOf, SyncError} from './core/errors.ts';
import {Interrupted} from './core/interrupted.ts';
import {LOG_LEVELS, type LogLevel} from './telemetry/log.ts';
import {createLogger} from './telemetry/logger.ts';

/** The composition root: what belongs to the process is read, lent and ended here, and nowhere else. */
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second one ends at once: whatever is committed stays, and the next run goes on from there.
    if (stop.signal.aborted) process.exit(EXIT_CODES[name === 'SIGINT' ? 'sigint' : 'sigterm']);
    stop.abort(new Interrupted(name));
  });
}

// Whoever read our output has gone (`| head`): what is under way is done all the same.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** Connections have this long to close by themselves, ms. */
const LAST_CALL_MS = 3_000;

const args = process.argv.slice(2);
const isTerminal = process.stderr.isTTY === true;
const ask = askOn(process.stdin, process.stderr, stop.signal, () => process.emit('SIGINT'));
const logger = createLogger({
  level: levelIn(args),
  format: isTerminal ? 'human' : 'json',
  write: (line) => void process.stderr.write(line),
});
process.exitCode = await run();
// What hangs (a server that does not answer its last good-bye) must not keep the process: all that counts is committed.
setTimeout(() => process.exit(), LAST_CALL_MS).unref();

async function run(): Promise<number> {
  try {
    return await runProgram(
      {
        env: process.env,
        cwd: process.cwd(),
        out: (line) => void process.stdout.write(`${line}\n`),
        err: (text) => void process.stderr.write(text),
        isTerminal,
        ...(process.stdin.isTTY === true && isTerminal ? {ask} : {}),
        logger,
        signal: stop.signal,
        now: Date.now,
      },
      versionOf(),
      args,
    );
  } catch (error) {
    if (error instanceof Interrupted) return EXIT_CODES[error.signalName === 'SIGINT' ? 'sigint' : 'sigterm'];
    if (error instanceof SyncError && error.exit !== 'unexpected') {
      process.stderr.write(`clarifai-sync: ${error.message}\n`);
      return EXIT_CODES[error.exit];
    }
    logger.log.error({err: error}, 'command failed unexpectedly');
    process.stderr.write(`clarifai-sync: unexpected failure: ${messageOf(error)}\n`);
    return EXIT_CODES.unexpected;
  }
}

/** Needed before the command line is parsed, for what goes wrong meanwhile. */
function levelIn(words: readonly string[]): LogLevel {
  const at = words.findIndex((word) => word === '--log-level' || word.startsWith('--log-level='));
  const value = at === -1 ? undefined : words[at]?.includes('=') ? words[at].split('=')[1] : words[at + 1];
  return LOG_LEVELS.find((level) => level === value) ?? 'info';
}

function versionOf(): string {
  const file = fileURLToPath(new URL('../../package.json', import.meta.url));
  return (JSON.parse(readFileSync(file, 'utf8')) as {version: string}).version;
}
