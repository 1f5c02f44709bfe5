import {finished} from 'node:stream/promises';
import {setImmediate as nextTurn} from 'node:timers/promises';
import type pg from 'pg';
import {from as copyFrom} from 'pg-copy-streams';

/**
 * Sends COPY text, in chunks of whole or parted lines, to a `copy … from stdin` statement; takes the chunks as they are
 * sent, and no more of them once Postgres has refused a line. After each one other work gets a turn, or Postgres would
 * sit idle (facts-speed.md, section 6).
 * @throws what Postgres said of the first line that it could not take
 */
export async function copyIn(client: pg.ClientBase, statement: string, chunks: Iterable<Buffer>): Promise<void> {
  const stream = client.query(copyFrom(statement));
  let isRefused = false;
  stream.once('error', () => {
    isRefused = true;
  });
  const done = finished(stream);
  done.catch(() => undefined);
  for (const chunk of chunks) {
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
