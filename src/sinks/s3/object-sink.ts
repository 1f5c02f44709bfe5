import {SinkAheadError, SinkOwnedError, SinkRefusedError, SinkUnavailableError, StagedLostError} from '../errors.ts';
import type {PartFormat} from '../formats/part-format.ts';
import type {ObjectStore} from '../objects/object-store.ts';
import type {Applied, ApplyOrder, Sink, SinkFindings, SinkTable, VerifyOrder} from '../sink.ts';
import {clearUp, removeLate} from './clear-up.ts';
import {EXPORT, OWNER, ScopeLayout} from './layout.ts';
import {MANIFEST_VERSION, parseOwner, toBytes, type Manifest} from './manifest.ts';
import {point} from './pointer.ts';
import {findPublished, predecessor, type Published} from './published.ts';
import {isRetired, retire} from './retire.ts';
import {StagedParts} from './staged-parts.ts';
import {verifyObjects} from './verify-objects.ts';

export interface ObjectSinkOptions {
  readonly name: string;
  readonly streams: ReadonlySet<string> | null;
  /** Time between snapshots that nobody asked for, ms; null: none. */
  readonly snapshotEveryMs: number | null;
  /** How long objects stay that the newest snapshot makes superfluous, ms; null: for ever. */
  readonly retainMs: number | null;
}

const MAX_ATTEMPTS = 3;

/**
 * Objects in S3, or files in a folder: parts, manifests that make them count, and a pointer to the newest (contract,
 * section 6). Its position is in its manifests. A part is a pure function of mirror, run and writer version, so every
 * failure is cured by making it anew.
 */
export class ObjectSink implements Sink {
  readonly name: string;
  readonly streams: ReadonlySet<string> | null;
  readonly #options: ObjectSinkOptions;
  readonly #store: ObjectStore;
  readonly #format: PartFormat;

  constructor(options: ObjectSinkOptions, store: ObjectStore, format: PartFormat) {
    this.name = options.name;
    this.streams = options.streams;
    this.#options = options;
    this.#store = store;
    this.#format = format;
  }

  async apply(order: ApplyOrder, signal: AbortSignal): Promise<Applied> {
    const layout = new ScopeLayout(order.scope);
    await this.#own(order);
    // The store's calls take no signal: an order that is ended ends them by closing the store.
    const onAbort = (): void => void this.#store[Symbol.asyncDispose]();
    signal.addEventListener('abort', onAbort, {once: true});
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#applyOnce(order, layout, signal);
        } catch (error) {
          // What was stored is gone (an upload expired, or was aborted): the parts are made anew.
          if (!(error instanceof StagedLostError) || attempt === MAX_ATTEMPTS) throw error;
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #applyOnce(order: ApplyOrder, layout: ScopeLayout, signal: AbortSignal): Promise<Applied> {
    const before = await findPublished(this.#store, layout);
    if ((before.newest?.sequence ?? 0) > order.sequence)
      throw this.#ahead(before.newest?.sequence ?? 0, order.sequence);
    await clearUp(this.#store, layout, order);
    const isRefill = order.isRefill || (await this.#isOfAnother(order, before));
    let rows = 0;
    let {changes, snapshot} = before;
    if (changes?.sequence !== order.sequence && !isRefill) {
      const positions = before.positions;
      const fresh = {kind: 'changes', positions, previous: predecessor(before)} as const;
      const published = await this.#publish(order, layout, fresh, signal);
      rows = published?.entries.reduce((sum, {meta}) => sum + meta.rows, 0) ?? 0;
      changes = published ?? changes;
    }
    if (snapshot?.sequence !== order.sequence && (isRefill || this.#wantsSnapshot(order, before))) {
      const positions = isRefill ? {} : before.positions;
      const whole = {kind: 'snapshot', positions, previous: isRefill ? 0 : (changes?.sequence ?? 0)} as const;
      snapshot = await this.#publish(order, layout, whole, signal);
    }
    await this.#pointAndRetire(order, layout, changes, snapshot);
    return {rows, previousSequence: predecessor(before)};
  }

  async verify(order: VerifyOrder, signal: AbortSignal): Promise<SinkFindings> {
    const owner = await this.#owner();
    if (owner !== order.storeId) {
      throw new SinkOwnedError(
        `sink ${this.name}: ${this.#store.urlOf('')} is fed by store ${owner ?? '?'}: expected this store, ${order.storeId}`,
      );
    }
    return await verifyObjects(this.#store, new ScopeLayout(order.scope), this.streams, order, signal);
  }

  async check(_signal: AbortSignal, storeId?: string): Promise<readonly string[]> {
    if (storeId !== undefined) await this.#checkOwner(storeId);
    const traits = await this.#store.check();
    return Object.entries(traits).map(([what, value]) => `${what}: ${String(value)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  /** Invariant 12: a prefix that another store feeds is refused. */
  async #own(order: ApplyOrder): Promise<void> {
    const mine = toBytes({version: MANIFEST_VERSION, store_id: order.storeId});
    if (await this.#store.putIfAbsent(OWNER, mine)) {
      if ((await this.#store.head(EXPORT)) === null) return;
      await this.#store.delete([OWNER]);
      throw this.#isExport();
    }
    const owner = await this.#owner();
    if (owner === order.storeId) return;
    if (!order.takeOver) throw this.#isOwned(owner, order.storeId);
    await order.guard();
    await this.#store.put(OWNER, mine);
  }

  /** Refuses what `#own` refuses unless it is told to take over; reads only. */
  async #checkOwner(storeId: string): Promise<void> {
    const owner = await this.#owner();
    if (owner !== null && owner !== storeId) throw this.#isOwned(owner, storeId);
    if (owner === null && (await this.#store.head(EXPORT)) !== null) throw this.#isExport();
  }

  /** The store that feeds the prefix; null for none. */
  async #owner(): Promise<string | null> {
    const bytes = await this.#store.get(OWNER);
    return bytes === null ? null : parseOwner(bytes, this.#store.urlOf(OWNER)).store_id;
  }

  #isOwned(owner: string | null, storeId: string): SinkOwnedError {
    return new SinkOwnedError(
      `sink ${this.name}: ${this.#store.urlOf('')} is fed by store ${owner ?? '?'}: expected this store, ${storeId}; use another prefix, or sync with --take-over`,
    );
  }

  #isExport(): SinkOwnedError {
    return new SinkOwnedError(
      `sink ${this.name}: ${this.#store.urlOf('')}: expected an empty prefix, found an export; use another prefix`,
    );
  }

  /** Before anything counts: neither another process nor another store may have taken over (invariants 11 and 12). */
  async #guard(order: ApplyOrder): Promise<void> {
    await order.guard();
    const owner = await this.#owner();
    if (owner === order.storeId) return;
    throw new SinkOwnedError(
      `sink ${this.name}: ${this.#store.urlOf('')} was taken over by store ${owner ?? '?'} while this one, ${order.storeId}, was writing to it`,
    );
  }

  /**
   * Is what was published last not of this store's history? Another store did it, or this one, before it was restored
   * from a backup and has since given the number to another run: its rows cannot be gone on from.
   */
  async #isOfAnother({storeId, runIdOf}: ApplyOrder, {newest}: Published): Promise<boolean> {
    if (newest === null) return false;
    if (newest.store_id !== storeId) return true;
    const runId = await runIdOf(newest.sequence);
    return runId !== null && runId !== newest.run_id;
  }

  #ahead(newest: number, sequence: number): SinkAheadError {
    return new SinkAheadError(
      `sink ${this.name} has been published up to run ${newest}, and the store is at ${sequence} (was it restored from a backup?): the next run goes on behind it, with a snapshot`,
      newest,
    );
  }

  #wantsSnapshot(order: ApplyOrder, {snapshot}: Published): boolean {
    if (order.wantsSnapshot) return true;
    if (snapshot !== null && this.#tables(order).some(({stream}) => lacks(snapshot, stream))) return true;
    const {snapshotEveryMs} = this.#options;
    if (snapshotEveryMs === null) return false;
    return snapshot === null || order.closedAt.getTime() - Date.parse(snapshot.published_at) >= snapshotEveryMs;
  }

  #tables({tables}: ApplyOrder): readonly SinkTable[] {
    return tables.filter(({stream}) => this.streams?.has(stream) ?? true);
  }

  /** Stores all parts, then shows them, then makes them count. null when there are no changes to publish. */
  async #publish(
    order: ApplyOrder,
    layout: ScopeLayout,
    what: Publication,
    signal: AbortSignal,
  ): Promise<Manifest | null> {
    const {runId, onSign} = order;
    const isChanges = what.kind === 'changes';
    const parts = new StagedParts(this.#store, this.#format, `${order.storeId}/${runId}/${what.kind}`);
    try {
      for (const table of this.#tables(order)) {
        const {stream} = table;
        const rows = isChanges ? order.changes(stream, what.positions[stream] ?? 0) : order.current(stream);
        const folder = isChanges ? layout.changes(stream, runId) : layout.snapshot(stream, runId);
        await parts.write(layout, folder, table, rows, onSign, signal);
      }
      if (isChanges && parts.rows === 0) return null;
      const manifest = this.#manifestOf(order, what, parts);
      await parts.publish(order.guard);
      await this.#writeManifests(order, layout, manifest);
      onSign();
      return manifest;
    } catch (error) {
      const left = await parts.abandon();
      // Another attempt of this order may succeed, and nobody would look for what is left, nor hear of it. After any other
      // failure the next order does both.
      if (error instanceof StagedLostError && left !== null) throw left;
      if (error instanceof SinkRefusedError || error instanceof SinkOwnedError)
        await this.#takeBack(order, layout, what, parts.keys);
      throw error;
    }
  }

  #manifestOf(order: ApplyOrder, {kind, positions, previous}: Publication, parts: StagedParts): Manifest {
    const {sequence} = order;
    const {entries, streams} = parts.listing();
    return {
      version: MANIFEST_VERSION,
      store_id: order.storeId,
      run_id: order.runId,
      sequence,
      user_id: order.scope.userId,
      app_id: order.scope.appId,
      kind,
      previous_sequence: previous,
      started_at: order.startedAt.toISOString(),
      published_at: order.closedAt.toISOString(),
      streams,
      entries,
      positions: {...positions, ...Object.fromEntries(this.#tables(order).map(({stream}) => [stream, sequence]))},
    };
  }

  /** Whoever stood still before one of these steps may have been overtaken by a later run, which removes the parts. */
  async #writeManifests(order: ApplyOrder, layout: ScopeLayout, manifest: Manifest): Promise<void> {
    try {
      await this.#writeInOrder(order, layout, manifest);
      await order.guard();
    } catch (error) {
      if (error instanceof SinkUnavailableError || error instanceof SinkRefusedError) throw error;
      await removeLate(this.#store, layout, manifest.sequence);
      throw error;
    }
  }

  async #writeInOrder(order: ApplyOrder, layout: ScopeLayout, manifest: Manifest): Promise<void> {
    const {sequence, kind} = manifest;
    if (kind === 'changes') {
      for (const stream of Object.keys(manifest.streams)) {
        const entries = manifest.entries
          .filter((entry) => entry.stream === stream)
          .map(({url, mandatory, meta}) => ({url, mandatory, meta: {content_length: meta.content_length}}));
        await order.guard();
        await this.#store.put(layout.streamManifest(sequence, stream), toBytes({entries}));
      }
    }
    const key = kind === 'changes' ? layout.manifest(sequence) : layout.snapshotManifest(sequence);
    await this.#guard(order);
    await this.#store.put(key, toBytes(manifest));
  }

  /**
   * What was refused for good does not stay visible until the next order, where it can be had. Not done after any other
   * failure: the manifest may have been written although nobody said so.
   */
  async #takeBack(
    order: ApplyOrder,
    layout: ScopeLayout,
    {kind}: Publication,
    parts: readonly string[],
  ): Promise<void> {
    const manifests =
      kind === 'changes' ? order.tables.map(({stream}) => layout.streamManifest(order.sequence, stream)) : [];
    try {
      await order.guard();
      await this.#store.delete([...manifests, ...parts]);
    } catch {
      // What was refused is reported. What could not be removed is removed by the next order, and counts for nothing.
    }
  }

  /** The pointer first: it shows nothing that is about to go. */
  async #pointAndRetire(
    order: ApplyOrder,
    layout: ScopeLayout,
    changes: Manifest | null,
    snapshot: Manifest | null,
  ): Promise<void> {
    const {retainMs} = this.#options;
    const purgedAt = Math.max(0, ...order.purges.map(({sequence}) => sequence));
    const beforeMs = retainMs === null ? -Infinity : order.closedAt.getTime() - retainMs;
    const retires = (retainMs !== null || purgedAt > 0) && snapshot?.sequence === order.sequence;
    const isGoing = retires && changes !== null && isRetired(changes, snapshot, {beforeMs, purgedAt});
    await this.#guard(order);
    await point(this.#store, layout, isGoing ? null : changes, snapshot);
    if (retires) await retire(this.#store, layout, snapshot, {beforeMs, purgedAt}, order.guard);
  }
}

/** One set of parts that is published. */
interface Publication {
  readonly kind: Manifest['kind'];
  /** Up to which run each stream has been applied before. */
  readonly positions: Readonly<Record<string, number>>;
  readonly previous: number;
}

/** Was the stream known when the snapshot was made, and left out of it, because the sink did not take it then? */
function lacks(snapshot: Manifest, stream: string): boolean {
  const position = snapshot.positions[stream];
  return position !== undefined && position < snapshot.sequence;
}
