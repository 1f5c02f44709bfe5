import pg from 'pg';
import {currentEdge, KilledError, type Edge} from './edge.ts';

type Callback = (error: Error | null, result?: unknown) => void;

/**
 * Makes every connection and statement of `pg` a point of the process whose code makes it; what the test itself asks is
 * not concerned. Gives a function that undoes it.
 *
 * A statement is named by its text, in which streams are all called the same. Outside of a transaction it is `alone: …`,
 * and a commit is named by the statement before it.
 */
export function watchPostgres(streams: readonly string[]): () => void {
  const prototype = pg.Client.prototype as unknown as Record<'connect' | 'query', (...args: unknown[]) => unknown>;
  const {connect, query} = prototype;
  const owners = new WeakMap<pg.Client, Conversation>();
  prototype.connect = function (this: pg.Client, ...args: unknown[]): unknown {
    const edge = currentEdge();
    if (edge === undefined) return connect.apply(this, args);
    owners.set(this, new Conversation(edge, streams));
    edge.own(this);
    if (!edge.isDead) return connect.apply(this, args);
    const [callback] = args as [Callback | undefined];
    if (callback === undefined) return Promise.reject(new KilledError());
    return void process.nextTick(callback, new KilledError());
  };
  prototype.query = function (this: pg.Client, ...args: unknown[]): unknown {
    const conversation = owners.get(this);
    if (conversation === undefined || conversation.edge.isDead) return query.apply(this, args);
    const {edge} = conversation;
    if (edge.arrive(conversation.say(textOf(args[0]))) !== 'after') return query.apply(this, args);
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      const answered = (): void => {
        edge.die();
        (callback as Callback)(new KilledError());
      };
      return query.apply(this, [...args.slice(0, -1), answered]);
    }
    return (query.apply(this, args) as Promise<unknown>).then(() => {
      edge.die();
      throw new KilledError();
    });
  };
  return () => Object.assign(prototype, {connect, query});
}

/** Does the statement of this point leave something behind when its answer is lost? */
export const isLasting = (point: string): boolean => /^(commit of|alone: (with|insert|update|delete)) /.test(point);

class Conversation {
  readonly edge: Edge;
  readonly #streams: RegExp;
  #isInTransaction = false;
  #last = '';

  constructor(edge: Edge, streams: readonly string[]) {
    this.edge = edge;
    const longestFirst = [...streams].sort((a, b) => b.length - a.length);
    this.#streams = new RegExp(`(?<=["'_])(${longestFirst.join('|')})(?=["'_])`, 'g');
  }

  /** Gives the name of a statement, and remembers it. */
  say(text: string): string {
    const short = text
      .replace(/\s+/g, ' ')
      .replace(this.#streams, 'stream')
      .replace(/_[0-9a-f]{8}\b/g, '');
    const said = short
      .replace(/\bfeed_\d+\b/g, 'cursor')
      .trim()
      .slice(0, 140);
    const isEnd = said === 'commit' || said === 'rollback';
    if (said.startsWith('begin')) this.#isInTransaction = true;
    const name = isEnd ? `${said} of ${this.#last}` : this.#isInTransaction ? said : `alone: ${said}`;
    if (isEnd) this.#isInTransaction = false;
    this.#last = said;
    return name;
  }
}

const textOf = (statement: unknown): string =>
  typeof statement === 'string' ? statement : ((statement as {text?: string}).text ?? 'copy');
