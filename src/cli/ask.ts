import {createInterface, type Interface} from 'node:readline/promises';
import {UsageError} from '../core/errors.ts';

/** Asks a person for one line, trimmed. Throws when the input ends, and the signal's reason when that is aborted. */
export type Ask = (question: string) => Promise<string>;

/** @param interrupt what Ctrl-C does while a question is open: the terminal hands it to whoever reads */
export function askOn(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  signal: AbortSignal,
  interrupt: () => void,
): Ask {
  // One reader for all questions: what was typed ahead of the second one must not go with the first one's reader.
  let reader: {readonly lines: Interface; readonly typed: AsyncIterator<string, unknown>} | undefined;
  const open = () => {
    const lines = createInterface({input, output});
    lines.on('SIGINT', interrupt);
    return {lines, typed: lines[Symbol.asyncIterator]()};
  };
  return async (question) => {
    const {lines, typed} = (reader ??= open());
    lines.resume();
    lines.setPrompt(question);
    lines.prompt();
    try {
      const answer = await Promise.race([typed.next(), aborted(signal)]);
      if (answer.done === true) throw new UsageError('the input ended before the question was answered');
      return answer.value.trim();
    } finally {
      // Nobody reads: then the terminal keeps no process alive.
      lines.pause();
    }
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, {once: true});
  });
}
