import {once} from 'node:events';
import {finished} from 'node:stream/promises';
import {setImmediate as nextTurn} from 'node:timers/promises';
import type pg from 'pg';
import {from as copyFrom} from 'pg-copy-streams';

/** Lines sent at once; after each lot other work gets a turn, or Postgres would sit idle (facts-speed.md, section 6). */
const LINES_PER_CHUNK = 200;

/**
 * Sends lines of COPY text, each ending in a line break, to a `copy … from stdin` statement.
 * @throws what Postgres said of the first line that it could not take
 */
export async function copyIn(client: pg.ClientBase, statement: string, lines: readonly string[]): Promise<void> {
  const stream = client.query(copyFrom(statement));
  const done = finished(stream);
  done.catch(() => undefined);
  for (let i = 0; i < lines.length && !stream.destroyed; i += LINES_PER_CHUNK) {
    const chunk = lines.slice(i, i + LINES_PER_CHUNK).join('');
    if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), done]);
    await nextTurn();
  }
  stream.end();
  await done;
}
