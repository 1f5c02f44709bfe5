import {once} from 'node:events';
import {finished} from 'node:stream/promises';
import {setImmediate as nextTurn} from 'node:timers/promises';
import type pg from 'pg';
import {from as copyFrom} from 'pg-copy-streams';

/** Lines sent at once; after each lot other work gets a turn, or Postgres would sit idle (facts-speed.md, section 6). */
const LINES_PER_CHUNK = 100;

/**
 * Sends lines of COPY text, each ending in a line break, to a `copy … from stdin` statement; takes them as they are
 * sent, and no more of them once Postgres has refused one.
 * @throws what Postgres said of the first line that it could not take
 */
export async function copyIn(client: pg.ClientBase, statement: string, lines: Iterable<string>): Promise<void> {
  const stream = client.query(copyFrom(statement));
  const done = finished(stream);
  done.catch(() => undefined);
  for (const chunk of chunksOf(lines)) {
    if (stream.destroyed) break;
    if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), done]);
    await nextTurn();
  }
  stream.end();
  await done;
}

function* chunksOf(lines: Iterable<string>): Generator<Buffer> {
  let text = '';
  let count = 0;
  for (const line of lines) {
    text += line;
    if (++count % LINES_PER_CHUNK !== 0) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}
