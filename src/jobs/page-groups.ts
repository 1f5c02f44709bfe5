import {setImmediate as nextTurn} from 'node:timers/promises';
import {parsed} from '../core/parsed.ts';
import {preparePageSliced} from '../core/prepare.ts';
import type {PreparedPage} from '../core/prepared.ts';
import type {SourceRecords} from '../source/pages.ts';
import {commitGroup, type Position} from '../store/progress.ts';
import type {HeldTask} from '../store/tasks.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';

/** Bounds of one commit; more pages gain nothing (facts-speed.md, sections 5 and 7). */
const MAX_PAGES = 5;
/** In the first reading, where there is no compare to share: more only holds more memory, and more to read again. */
const MAX_FIRST_PAGES = 2;
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Takes the pages of one reading and commits them in groups, in order, with one commit under way while the next group
 * is read. Positions are only ever written together with what was read up to them (invariant 2).
 *
 * The first reading of all is bound by what one connection of Postgres can parse and write, so there a second one
 * writes the rows of the next group meanwhile, and waits with its commit (bench/README.md). Not where two groups have a
 * record in common: the first would wait for the row, in Postgres, and the second for the first, here.
 */
export class PageGroups {
  readonly #deps: JobDeps;
  readonly #task: HeldTask;
  readonly #stream: Stream;
  readonly #parentKey: readonly string[];
  #pages: PreparedPage[] = [];
  #signs: {key: readonly string[]; value: string}[] = [];
  #bytes = 0;
  #position: Position = {kind: 'none'};
  /** The commit that was begun last, and the one before it. */
  #writing: Promise<unknown> = Promise.resolve();
  #writingBefore: Promise<unknown> = Promise.resolve();
  /** Keys of the group that is committed last; only kept in the first reading. */
  #keys: ReadonlySet<string> = new Set();

  constructor(deps: JobDeps, task: HeldTask, stream: Stream, parentKey: readonly string[]) {
    this.#deps = deps;
    this.#task = task;
    this.#stream = deps.store.streamOf(stream);
    this.#parentKey = parentKey;
  }

  /** Adds a page; waits while the commit before is still under way. `position` is where reading goes on behind it. */
  async add(records: SourceRecords, position: Position): Promise<void> {
    const page = await this.prepare(records);
    this.#pages.push(page);
    this.#bytes += page.bytes;
    this.#position = position;
    if (this.#stream.sign !== undefined) this.#signs.push(...this.#signsOf(records, page, this.#stream.sign));
    const maxPages = isFirstReading(position) ? MAX_FIRST_PAGES : MAX_PAGES;
    if (this.#pages.length >= maxPages || this.#bytes >= MAX_BYTES) await this.#commit();
  }

  async prepare({bytes, spans}: SourceRecords): Promise<PreparedPage> {
    const {maxRecordBytes} = this.#deps.rules;
    const context = {parentKey: this.#parentKey, maxRecordBytes, owner: this.#task.scope};
    return await preparePageSliced(this.#stream.shape, bytes, spans, context, () => nextTurn());
  }

  /** Commits what is left and waits for it. Call it on the way out of a failed reading too: what was read counts. */
  async flush(): Promise<void> {
    await this.#commit();
    await this.#writing;
  }

  async #commit(): Promise<void> {
    await this.#writingBefore;
    const position = this.#position;
    const isFirst = isFirstReading(position);
    const keys = isFirst ? keysOf(this.#pages) : new Set<string>();
    const isBeside = isFirst && keys.size > 0 && isDisjoint(keys, this.#keys);
    if (!isBeside) await this.#writing;
    if (this.#pages.length === 0) return;
    const group = {pages: this.#pages, signs: this.#signs};
    this.#pages = [];
    this.#signs = [];
    this.#bytes = 0;
    this.#keys = keys;
    const {store, onProgress, log} = this.#deps;
    const stream = this.#stream.name;
    const before = isBeside ? this.#writing : null;
    this.#writingBefore = this.#writing;
    const beganMs = performance.now();
    this.#writing = commitGroup(store, this.#task, this.#stream, group, position, before).then((counts) => {
      const changed = counts.inserted + counts.updated;
      const durationMs = performance.now() - beganMs;
      onProgress({kind: 'committed', stream, pages: group.pages.length, read: counts.read, changed, durationMs});
      log.debug({stream, pages: group.pages.length, records: counts.read, changed}, 'pages committed');
    });
    // It is awaited by the next call; until then a failure must not count as unheard.
    this.#writing.catch(() => undefined);
  }

  /** Only for short lists: the records are parsed. One that cannot be is listed by its page, and has no sign. */
  #signsOf({bytes, spans}: SourceRecords, page: PreparedPage, sign: (record: unknown) => string) {
    const byKey = new Map<string, string>();
    for (let i = 0; i < spans.length; i += 2) {
      const record = parsed(bytes.toString('utf8', spans[i], spans[i + 1]));
      const id = typeof record === 'object' && record !== null && 'id' in record ? record.id : undefined;
      if (typeof id === 'string') byKey.set(id, sign(record));
    }
    const keys = Array.from({length: page.count}, (_, i) => page.keys.map((part) => part[i] as string));
    return keys.flatMap((key) => {
      const value = byKey.get(key.at(-1) as string);
      return value === undefined ? [] : [{key, value}];
    });
  }
}

/** Last parts of the keys: two groups that have none in common have no record in common, and no new text is made. */
function keysOf(pages: readonly PreparedPage[]): Set<string> {
  const keys = new Set<string>();
  for (const page of pages) for (const part of page.keys.at(-1) ?? []) keys.add(part);
  return keys;
}

function isDisjoint(keys: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  for (const key of keys) if (others.has(key)) return false;
  return true;
}

/** Nothing of the stream was stored when this reading of all of it began. */
function isFirstReading(position: Position): boolean {
  return position.kind === 'pass' && position.pass.isEmpty;
}
