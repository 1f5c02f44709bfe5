import {AsyncLocalStorage} from 'node:async_hooks';
import type pg from 'pg';

/**
 * How a process dies at a point: before what it wanted was sent; or behind it, when it was done and the answer never
 * came. Or it lives, and the server ends every session at that moment; or what it publishes to cannot be reached from
 * then on.
 */
export type Death = 'before' | 'after' | 'sessions cut' | 'outage';

export interface Doom {
  /** Name of the point; see `Edge.points`. */
  readonly point: string;
  readonly death: Death;
}

export class KilledError extends Error {
  constructor() {
    super('the process is dead');
  }
}

/**
 * The edge of one simulated process: whatever its code says to a database, a file system or a bucket is a point, named
 * by what is said and how often it was said by then. Once the process is dead nothing crosses any more: its sockets are
 * gone, and what it still tries, clean-up included, fails without being sent.
 */
export class Edge {
  /** Names of the points so far, in order. */
  readonly points: string[] = [];
  readonly #doom: Doom | null;
  readonly #act: (death: Death) => unknown;
  readonly #times = new Map<string, number>();
  readonly #clients = new Set<pg.Client>();
  #isMet = false;
  #isDead = false;
  #isCutOff = false;

  /** @param act called at the moment of death, or to cut the sessions */
  constructor(doom: Doom | null = null, act: (death: Death) => unknown = () => undefined) {
    this.#doom = doom;
    this.#act = act;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Has the point of its doom been reached? */
  get isMet(): boolean {
    return this.#isMet;
  }

  /** Runs `work` as code of this process. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    return current.run(this, work);
  }

  /** A call that crosses. Throws when the process is dead, or dies of it. */
  async cross<Result>(name: string, call: () => Promise<Result>): Promise<Result> {
    const death = this.arrive(name);
    if (this.#isDead) throw new KilledError();
    if (this.#isCutOff) throw Object.assign(new Error('it cannot be reached'), {code: 'EIO', syscall: 'reach'});
    // Done or refused: the answer is lost either way.
    const [came] = await Promise.allSettled([call()]);
    if (death === 'after') this.die();
    if (this.#isDead) throw new KilledError();
    if (came.status === 'rejected') throw came.reason;
    return came.value;
  }

  /** Notes a point. Dies when it is to die before it; gives the death that has yet to come, if this is the point. */
  arrive(name: string): Death | null {
    if (this.#isDead) return null;
    const times = (this.#times.get(name) ?? 0) + 1;
    this.#times.set(name, times);
    const point = `${name} #${times}`;
    this.points.push(point);
    if (this.#isMet || this.#doom?.point !== point) return null;
    this.#isMet = true;
    if (this.#doom.death === 'before') this.die();
    if (this.#doom.death === 'outage') this.#isCutOff = true;
    if (this.#doom.death === 'sessions cut') this.#act('sessions cut');
    return this.#doom.death;
  }

  die(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    for (const client of this.#clients) cutOff(client);
    this.#act(this.#doom?.death ?? 'before');
  }

  /** Takes a connection as one of this process. */
  own(client: pg.Client): void {
    this.#clients.add(client);
  }
}

const current = new AsyncLocalStorage<Edge>();

/** The process whose code is running; undefined for that of the test itself. */
export const currentEdge = (): Edge | undefined => current.getStore();

/** Its socket goes as when a process ends; what is asked of it later the driver answers by itself, with an error. */
function cutOff(client: pg.Client): void {
  const inner = client as unknown as {_queryable: boolean; connection: {stream: {destroy: () => void}}};
  inner._queryable = false;
  inner.connection.stream.destroy();
}

/** All points, or the part of them that KILLS_PART names: `2/4` is the second of four, so that four processes try all. */
export function partOf(points: readonly string[]): string[] {
  const [part, parts] = (process.env['KILLS_PART'] ?? '1/1').split('/').map(Number) as [number, number];
  return points.filter((_, i) => i % parts === part - 1);
}

/** Which points a test tries: all when KILLS=all, else the first of each name, or of every n-th name. */
export function selected(points: readonly string[], every = 1): string[] {
  if (process.env['KILLS'] === 'all') return partOf(points);
  const firsts = points.filter((point) => point.endsWith(' #1'));
  return firsts.filter((_, i) => i % every === 0);
}

/** So many of the names, evenly spread, by the first point of each; tests with another `from` get others. */
export function spread(points: readonly string[], count: number, from: number): string[] {
  const firsts = points.filter((point) => point.endsWith(' #1'));
  const every = Math.ceil(firsts.length / count);
  return firsts.filter((_, i) => i % every === (from * 7) % every);
}

/** Tells in the output how much was tried. */
export function told(what: string, doomed: readonly string[], points: readonly string[]): readonly string[] {
  process.stderr.write(`${what}: ${doomed.length} of ${points.length} points\n`);
  return doomed;
}
