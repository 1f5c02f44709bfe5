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
  readonly stream: string;
  readonly object: StagedObject;
  readonly rows: number;
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
    let open: {readonly writer: PartWriter; readonly object: StagedObject; readonly key: string} | null = null;
    let index = 0;
    for await (const changes of portions) {
      signal.throwIfAborted();
      if (open === null) {
        const key = layout.part(folder, index++, this.#format.extension);
        const object = this.#store.stage(key, {token: this.#token});
        open = {key, object, writer: this.#format.open(table.fields, (bytes) => object.write(bytes))};
      }
      await open.writer.write(changes);
      for (const {op} of changes) counts[op]++;
      onSign();
      if (open.writer.uncompressedBytes >= PART_BYTES) open = await this.#end(table.stream, open);
    }
    if (open !== null) await this.#end(table.stream, open);
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

  async #end(stream: string, open: {writer: PartWriter; object: StagedObject; key: string}): Promise<null> {
    await open.writer.finish();
    this.#parts.push({key: open.key, stream, object: open.object, rows: open.writer.rows});
    return null;
  }

  /** Waits until every part is safely stored; nothing is visible yet. Gives what the manifest says of them. */
  async ready(): Promise<{entries: ManifestEntry[]; streams: Record<string, StreamSummary>}> {
    const entries: ManifestEntry[] = [];
    for (const {key, stream, object, rows} of this.#parts) {
      const {contentLength, sha256} = await object.ready();
      const meta = {content_length: contentLength, rows, sha256};
      entries.push({url: this.#store.urlOf(key), stream, mandatory: true, meta});
    }
    return {entries, streams: Object.fromEntries(this.#summaries)};
  }

  /** Makes the parts visible. They count only by the manifest that follows. May be repeated. */
  async publish(guard: () => Promise<void>): Promise<void> {
    for (const {object} of this.#parts) {
      await guard();
      await object.publish();
    }
  }

  /** Ends what was begun and not published; leaves nothing that costs storage. Never throws. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#parts.map(({object}) => object.abandon()));
  }
}
