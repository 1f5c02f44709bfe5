import {finished} from 'node:stream/promises';
import {setImmediate as nextTurn} from 'node:timers/promises';
import type pg from 'pg';
import {from as copyFrom} from 'pg-copy-streams';

/** Sent at once; after each lot other work gets a turn, or Postgres would sit idle (facts-speed.md, section 6). */
const CHUNK_BYTES = 64 * 1024;

/** Bytes of UTF-8 that one UTF-16 unit can come to. */
const MAX_BYTES_PER_UNIT = 3;

/**
 * Sends lines of COPY text, each ending in a line break, to a `copy … from stdin` statement; takes them as they are
 * sent, and no more of them once Postgres has refused one.
 * @throws what Postgres said of the first line that it could not take
 */
export async function copyIn(client: pg.ClientBase, statement: string, lines: Iterable<string>): Promise<void> {
  const stream = client.query(copyFrom(statement));
  let isRefused = false;
  stream.once('error', () => {
    isRefused = true;
  });
  const done = finished(stream);
  done.catch(() => undefined);
  for (const chunk of chunksOf(lines)) {
    // A refused stream has let go of its connection without being destroyed: to write to it or to end it would throw,
    // and one that still holds a second chunk would do so in an event of the socket, where nobody can catch it.
    if (isRefused) break;
    const sent = new Promise<void>((resolve) => stream.write(chunk, () => resolve()));
    await Promise.race([sent, done]);
    await nextTurn();
  }
  if (!isRefused) stream.end();
  await done;
}

/** Written into bytes line by line: a string of many lines would be copied once more, and outlive the young heap. */
function* chunksOf(lines: Iterable<string>): Generator<Buffer> {
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let size = 0;
  for (const line of lines) {
    const most = line.length * MAX_BYTES_PER_UNIT;
    if (most > chunk.length - size) {
      if (size > 0) yield chunk.subarray(0, size);
      chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, most));
      size = 0;
    }
    size += chunk.write(line, size);
  }
  if (size > 0) yield chunk.subarray(0, size);
}
