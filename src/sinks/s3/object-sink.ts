import {SinkAheadError, SinkOwnedError, StagedLostError} from '../errors.ts';
import type {PartFormat} from '../formats/part-format.ts';
import type {ObjectStore} from '../objects/object-store.ts';
import type {Applied, ApplyOrder, Sink} from '../sink.ts';
import {OWNER, ScopeLayout} from './layout.ts';
import {MANIFEST_VERSION, parseOwner, toBytes, type Latest, type Manifest} from './manifest.ts';
import {findPublished, type Published} from './published.ts';
import {retire} from './retire.ts';
import {StagedParts} from './staged-parts.ts';

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
    if (before.newest > order.sequence) throw this.#ahead(before.newest, order.sequence);
    for (const left of order.unfinished) await this.#clearUp(layout, order, left);
    let rows = 0;
    let {changes, snapshot} = before;
    if (changes?.sequence !== order.sequence && !order.isRefill) {
      const published = await this.#publish(order, layout, before, 'changes', signal);
      rows = published?.entries.reduce((sum, {meta}) => sum + meta.rows, 0) ?? 0;
      changes = published ?? changes;
    }
    if (snapshot?.sequence !== order.sequence && this.#wantsSnapshot(order, before)) {
      snapshot = await this.#publish(order, layout, before, 'snapshot', signal);
      if (snapshot !== null && this.#options.retainMs !== null) {
        const beforeMs = order.closedAt.getTime() - this.#options.retainMs;
        await retire(this.#store, layout, snapshot, beforeMs, order.guard);
      }
    }
    await this.#point(order, layout, changes, snapshot);
    return {rows, previousSequence: before.changes?.sequence ?? 0};
  }

  async check(): Promise<readonly string[]> {
    const traits = await this.#store.check();
    return Object.entries(traits).map(([what, value]) => `${what}: ${String(value)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  /** Invariant 12: a prefix that another store feeds is refused. */
  async #own(order: ApplyOrder): Promise<void> {
    const mine = toBytes({version: MANIFEST_VERSION, store_id: order.storeId});
    if (await this.#store.putIfAbsent(OWNER, mine)) return;
    const bytes = await this.#store.get(OWNER);
    const owner = bytes === null ? null : parseOwner(bytes, this.#store.urlOf(OWNER));
    if (owner?.store_id === order.storeId) return;
    if (!order.takeOver) {
      throw new SinkOwnedError(
        `sink ${this.name}: ${this.#store.urlOf('')} is fed by store ${owner?.store_id ?? '?'}: expected this store, ${order.storeId}; use another prefix, or sync with --take-over`,
      );
    }
    await order.guard();
    await this.#store.put(OWNER, mine);
  }

  #ahead(newest: number, sequence: number): SinkAheadError {
    return new SinkAheadError(
      `sink ${this.name} has been published up to run ${newest}, and the store is at ${sequence} (was it restored from a backup?): the next run goes on behind it, with a snapshot`,
      newest,
    );
  }

  /**
   * Removes what an order that did not get to its end has left: uploads that nobody will complete, and parts that no
   * manifest lists.
   */
  async #clearUp(layout: ScopeLayout, order: ApplyOrder, left: {runId: string; sequence: number}): Promise<void> {
    const folders = [
      {manifest: layout.manifest(left.sequence), of: (stream: string) => layout.changes(stream, left.runId)},
      {manifest: layout.snapshotManifest(left.sequence), of: (stream: string) => layout.snapshot(stream, left.runId)},
    ];
    for (const {manifest, of} of folders) {
      const isListed = (await this.#store.head(manifest)) !== null;
      for (const {stream} of order.tables) {
        await this.#store.sweep(of(stream));
        if (isListed) continue;
        const keys: string[] = [];
        for await (const {key} of this.#store.list(of(stream))) keys.push(key);
        if (keys.length > 0) await this.#store.delete(keys);
      }
    }
    for (const prefix of [layout.manifests(), layout.latest(), OWNER]) await this.#store.sweep(prefix);
  }

  #wantsSnapshot(order: ApplyOrder, {snapshot}: Published): boolean {
    if (order.wantsSnapshot || order.isRefill) return true;
    const {snapshotEveryMs} = this.#options;
    if (snapshotEveryMs === null) return false;
    return snapshot === null || order.closedAt.getTime() - Date.parse(snapshot.published_at) >= snapshotEveryMs;
  }

  /** Stores all parts, then shows them, then makes them count. null when there is nothing to publish. */
  async #publish(
    order: ApplyOrder,
    layout: ScopeLayout,
    before: Published,
    kind: Manifest['kind'],
    signal: AbortSignal,
  ): Promise<Manifest | null> {
    const {runId, sequence, scope, onSign} = order;
    const tables = order.tables.filter(({stream}) => this.streams?.has(stream) ?? true);
    const parts = new StagedParts(this.#store, this.#format, `${order.storeId}/${runId}/${kind}`);
    try {
      for (const table of tables) {
        const {stream} = table;
        const isChanges = kind === 'changes';
        const rows = isChanges ? order.changes(stream, before.positions[stream] ?? 0) : order.current(stream);
        const folder = isChanges ? layout.changes(stream, runId) : layout.snapshot(stream, runId);
        await parts.write(layout, folder, table, rows, onSign, signal);
      }
      if (kind === 'changes' && parts.rows === 0) return null;
      const {entries, streams} = parts.listing();
      await parts.publish(order.guard);
      const manifest: Manifest = {
        version: MANIFEST_VERSION,
        run_id: runId,
        sequence,
        user_id: scope.userId,
        app_id: scope.appId,
        kind,
        previous_sequence: before.changes?.sequence ?? 0,
        started_at: order.startedAt.toISOString(),
        published_at: order.closedAt.toISOString(),
        streams,
        entries,
        positions: {...before.positions, ...Object.fromEntries(tables.map(({stream}) => [stream, sequence]))},
      };
      await this.#writeManifests(order, layout, manifest);
      onSign();
      return manifest;
    } catch (error) {
      await parts.abandon();
      throw error;
    }
  }

  async #writeManifests(order: ApplyOrder, layout: ScopeLayout, manifest: Manifest): Promise<void> {
    if (manifest.kind === 'changes') {
      for (const stream of Object.keys(manifest.streams)) {
        const entries = manifest.entries
          .filter((entry) => entry.stream === stream)
          .map(({url, mandatory, meta}) => ({url, mandatory, meta: {content_length: meta.content_length}}));
        await order.guard();
        await this.#store.put(layout.streamManifest(manifest.sequence, stream), toBytes({entries}));
      }
    }
    const {sequence} = manifest;
    const key = manifest.kind === 'changes' ? layout.manifest(sequence) : layout.snapshotManifest(sequence);
    await order.guard();
    await this.#store.put(key, toBytes(manifest));
  }

  /** Moves the pointer, forward only. Another publisher can at worst move it back to what is published; see Published. */
  async #point(
    order: ApplyOrder,
    layout: ScopeLayout,
    changes: Manifest | null,
    snapshot: Manifest | null,
  ): Promise<void> {
    const newest = [changes, snapshot]
      .filter((each) => each !== null)
      .sort((a, b) => a.sequence - b.sequence)
      .at(-1);
    if (newest === undefined) return;
    const latest: Latest = {
      run_id: newest.run_id,
      sequence: newest.sequence,
      manifest: changes === null ? null : this.#store.urlOf(layout.manifest(changes.sequence)),
      snapshot_manifest: snapshot === null ? null : this.#store.urlOf(layout.snapshotManifest(snapshot.sequence)),
    };
    const bytes = toBytes(latest);
    const there = await this.#store.get(layout.latest());
    if (there !== null && there.equals(bytes)) return;
    await order.guard();
    await this.#store.put(layout.latest(), bytes);
  }
}
