import {Collection} from './collection.ts';
import {HexIds} from './ids.ts';
import {LiveOrder} from './live-order.ts';
import {hash32} from './random.ts';
import type {Owner, RecordText} from './record.ts';
import {Timeline} from './record.ts';
import type {InputState, MediaKind} from './render-input.ts';
import {inputMetadata, renderInput, seededInputStatus, seededMedia} from './render-input.ts';
import type {Settings} from './settings.ts';

const DONE = 30000;

/** The inputs of an app: what each looks like now, and the order in which lists give them. */
export class InputTable {
  readonly all: Collection<InputState>;
  /** Living inputs that are not simply done, by status. */
  readonly #byStatus = new Map<number, LiveOrder>();
  readonly #owner: Owner;
  readonly #timeline: Timeline;
  readonly #settings: Settings;
  readonly #ids: HexIds;
  #byId: number[] | null = null;

  constructor(owner: Owner, count: number, timeline: {startUs: number; spanUs: number}, settings: Settings) {
    this.#owner = owner;
    this.#settings = settings;
    this.#ids = new HexIds(hash32(owner.seed, 0x1));
    this.all = new Collection(count, this.#ids);
    this.#timeline = new Timeline(timeline.startUs, timeline.spanUs, count);
    for (let slot = 0; slot < count; slot++) this.#index(slot, seededInputStatus(hash32(owner.seed, slot)));
  }

  status(slot: number): number {
    return this.all.states.get(slot)?.statusCode ?? seededInputStatus(hash32(this.#owner.seed, slot));
  }

  media(slot: number): MediaKind {
    return this.all.states.get(slot)?.media ?? seededMedia(hash32(this.#owner.seed, slot));
  }

  createdUs(slot: number): number {
    const created = this.all.states.get(slot)?.createdUs;
    return created ?? this.#timeline.at(this.all.positionOf(slot), hash32(this.#owner.seed, slot));
  }

  modifiedUs(slot: number): number {
    const modified = this.all.states.get(slot)?.modifiedUs;
    if (modified !== undefined) return modified;
    const h = hash32(this.#owner.seed, slot);
    return this.createdUs(slot) + ((h >>> 2) % 3 === 0 ? 0 : (h % 10_000) * 1000);
  }

  metadata(slot: number): string {
    return inputMetadata(this.#owner, slot, this.all.states.get(slot));
  }

  /** Metadata that the input began with. */
  seededMetadata(slot: number): string {
    return inputMetadata(this.#owner, slot, undefined);
  }

  /** Number of living inputs with this status. */
  count(status: number): number {
    if (status !== DONE) return this.#byStatus.get(status)?.size ?? 0;
    let others = 0;
    for (const order of this.#byStatus.values()) others += order.size;
    return this.all.order.size - others;
  }

  /** Statuses other than done that living inputs have. */
  statuses(): Iterable<number> {
    return this.#byStatus.keys();
  }

  /** A page of the inputs with this status. Those that are done have no index: the list is searched from its start. */
  sliceByStatus(status: number, offset: number, count: number): number[] {
    if (status !== DONE) return this.#byStatus.get(status)?.slice(offset, count) ?? [];
    const found: number[] = [];
    let skipped = 0;
    for (const slot of this.all.order) {
      if (this.status(slot) !== DONE || skipped++ < offset) continue;
      if (found.push(slot) === count) break;
    }
    return found;
  }

  add(state: InputState, at: {id?: string | undefined; position?: number | undefined}): number {
    const slot = this.all.add(state, at);
    this.#byId = null;
    this.#index(slot, this.status(slot));
    return slot;
  }

  remove(slot: number): boolean {
    this.#byStatus.get(this.status(slot))?.remove(slot);
    this.#byId = null;
    return this.all.remove(slot);
  }

  /** Changes the state of a living input; its revision goes up. */
  change(slot: number, change: Partial<InputState>): void {
    const before = this.status(slot);
    const state = this.all.states.get(slot) ?? {revision: 0};
    this.all.states.set(slot, {...state, revision: state.revision + 1, ...change});
    const after = this.status(slot);
    if (after === before) return;
    this.#byStatus.get(before)?.remove(slot);
    this.#index(slot, after);
  }

  /** Living inputs by id. Made anew after an input came or went, which for a million takes some tenths of a second. */
  byId(): readonly number[] {
    if (this.#byId === null) {
      const given = new Set(this.all.slotsOfGivenIds());
      const keys: number[] = [];
      for (const slot of this.all.order) if (!given.has(slot)) keys.push(this.#ids.hexKey(slot));
      const hexed = Array.from(Float64Array.from(keys).sort(), (key) => this.#ids.slotOfHexKey(key));
      const named = [...given].filter((slot) => this.all.isLive(slot)).sort((a, b) => this.#compareIds(a, b));
      this.#byId = merge(hexed, named, (a, b) => this.#compareIds(a, b));
    }
    return this.#byId;
  }

  render(slot: number): RecordText {
    const state = this.all.states.get(slot);
    if (state?.raw !== undefined) return state.raw;
    return renderInput(this.#owner, {
      id: this.all.idOf(slot),
      slot,
      createdUs: this.createdUs(slot),
      modifiedUs: this.modifiedUs(slot),
      media: this.media(slot),
      statusCode: this.status(slot),
      metadata: this.metadata(slot),
      hostedSignature: this.#settings.hostedSignature,
    });
  }

  #index(slot: number, status: number): void {
    if (status === DONE) return;
    let order = this.#byStatus.get(status);
    if (order === undefined) {
      order = new LiveOrder({first: 0, step: 1, count: 0}, (at) => this.all.positionOf(at));
      this.#byStatus.set(status, order);
    }
    order.insert(slot);
  }

  #compareIds(a: number, b: number): number {
    return this.all.idOf(a) < this.all.idOf(b) ? -1 : 1;
  }
}

function merge(a: readonly number[], b: readonly number[], compare: (x: number, y: number) => number): number[] {
  if (b.length === 0) return a as number[];
  const merged: number[] = [];
  let j = 0;
  for (const x of a) {
    while (j < b.length && compare(b[j] as number, x) < 0) merged.push(b[j++] as number);
    merged.push(x);
  }
  for (; j < b.length; j++) merged.push(b[j] as number);
  return merged;
}
