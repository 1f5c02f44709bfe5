import {createInterface} from 'node:readline/promises';
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
  return async (question) => {
    const lines = createInterface({input, output});
    lines.on('SIGINT', interrupt);
    const ended = new Promise<never>((_, reject) => {
      lines.once('close', () => reject(new UsageError('the input ended before the question was answered')));
    });
    try {
      return (await Promise.race([lines.question(question, {signal}), ended])).trim();
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      ended.catch(() => undefined);
      lines.close();
    }
  };
}
