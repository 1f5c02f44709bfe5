import type {PartFormat, PartWriter} from '../formats/part-format.ts';
import type {ObjectStore, StagedObject} from '../objects/object-store.ts';
import type {SinkTable} from '../sink.ts';
import type {Change, Operation} from '../table-shape.ts';
import type {ScopeLayout} from './layout.ts';
import type {ManifestEntry, StreamSummary} from './manifest.ts';

/** A part is full from here on; with a portion of rows more it stays below twice as much (contract: 64 to 128 MiB). */
const PART_BYTES = 64 * 1024 * 1024;

interface Part {
  readonly key: string;
  readonly object: StagedObject;
  readonly entry: ManifestEntry;
}

/** A part that rows are still written to. */
interface OpenPart {
  readonly key: string;
  readonly object: StagedObject;
  readonly writer: PartWriter;
}

/**
 * The parts of one publication: written and stored, but seen by nobody until `publish`. One stream is written after the
 * other, so that memory holds one open part however many streams there are.
 */
export class StagedParts {
  readonly #store: ObjectStore;
  readonly #format: PartFormat;
  readonly #token: string;
  readonly #parts: Part[] = [];
  #open: OpenPart | null = null;
  readonly #summaries = new Map<string, StreamSummary>();

  /** @param token tells our objects from those of another publication under the same keys */
  constructor(store: ObjectStore, format: PartFormat, token: string) {
    this.#store = store;
    this.#format = format;
    this.#token = token;
  }

  get rows(): number {
    return [...this.#summaries.values()].reduce((sum, {rows}) => sum + rows, 0);
  }

  /** Writes a stream's rows as parts below `folder`; none when there are no rows. */
  async write(
    layout: ScopeLayout,
    folder: string,
    table: SinkTable,
    portions: AsyncIterable<readonly Change[]>,
    onSign: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const counts: Record<Operation, number> = {insert: 0, update: 0, delete: 0};
    let index = 0;
    for await (const changes of portions) {
      signal.throwIfAborted();
      this.#open ??= this.#begin(layout.part(folder, index++, this.#format.extension), table);
      const {writer} = this.#open;
      await writer.write(changes);
      for (const {op} of changes) counts[op]++;
      onSign();
      if (writer.uncompressedBytes >= PART_BYTES) await this.#end(table.stream);
    }
    await this.#end(table.stream);
    const rows = counts.insert + counts.update + counts.delete;
    if (rows === 0) return;
    this.#summaries.set(table.stream, {
      rows,
      inserted: counts.insert,
      updated: counts.update,
      deleted: counts.delete,
      schema: [...this.#format.schema(table.fields)],
    });
  }

  #begin(key: string, table: SinkTable): OpenPart {
    const object = this.#store.stage(key, {token: this.#token});
    return {key, object, writer: this.#format.open(table.fields, (bytes) => object.write(bytes))};
  }

  /** Ends the open part and waits until it is safely stored: what is not stored yet is held in memory. */
  async #end(stream: string): Promise<void> {
    if (this.#open === null) return;
    const {key, object, writer} = this.#open;
    await writer.finish();
    const {contentLength, sha256} = await object.ready();
    const meta = {content_length: contentLength, rows: writer.rows, sha256};
    this.#parts.push({key, object, entry: {url: this.#store.urlOf(key), stream, mandatory: true, meta}});
    this.#open = null;
  }

  /** What the manifest says of the parts. All of them are safely stored, and none is visible yet. */
  listing(): {entries: ManifestEntry[]; streams: Record<string, StreamSummary>} {
    return {entries: this.#parts.map(({entry}) => entry), streams: Object.fromEntries(this.#summaries)};
  }

  /** Keys of the parts, those that are not visible yet too. */
  get keys(): readonly string[] {
    return this.#parts.map(({key}) => key);
  }

  /** Makes the parts visible. They count only by the manifest that follows. May be repeated. */
  async publish(guard: () => Promise<void>): Promise<void> {
    for (const {object} of this.#parts) {
      await guard();
      await object.publish();
    }
  }

  /**
   * Ends what was begun and not published; leaves nothing that costs storage. Never throws.
   * @returns why something was left all the same, the first reason; null: nothing was
   */
  async abandon(): Promise<Error | null> {
    const open = this.#open === null ? [] : [this.#open];
    const ended = await Promise.allSettled([...this.#parts, ...open].map(({object}) => object.abandon()));
    const left = ended.find((each) => each.status === 'rejected');
    return left === undefined ? null : (left.reason as Error);
  }
}
