import {Collection} from './collection.ts';
import {HexIds} from './ids.ts';
import type {InputTable} from './input-table.ts';
import {instantText} from './instant.ts';
import {Members} from './members.ts';
import {hash32} from './random.ts';
import type {Owner, RecordText} from './record.ts';
import {Timeline} from './record.ts';
import type {DatasetState} from './render-dataset.ts';
import {renderDataset} from './render-dataset.ts';
import type {VersionState} from './render-version.ts';
import {renderVersion, seededVersionStatus} from './render-version.ts';
import type {Settings} from './settings.ts';

/** What belongs to one dataset. */
export interface DatasetContent {
  readonly versions: Collection<VersionState>;
  readonly members: Members;
}

export interface DatasetSize {
  readonly datasets: number;
  readonly bookmarkedDatasets: number;
  readonly versionsPerDataset: number;
  readonly datasetInputs: number;
}

/** The datasets of an app with their versions and members. The last seeded ones are bookmarks of other people's. */
export class DatasetTable {
  readonly all: Collection<DatasetState>;
  readonly #contents = new Map<number, DatasetContent>();
  readonly #owner: Owner;
  readonly #size: DatasetSize;
  readonly #inputs: InputTable;
  readonly #settings: Settings;
  readonly #timeline: Timeline;
  readonly #versionTimeline: Timeline;

  constructor(
    owner: Owner,
    size: DatasetSize,
    timeline: {startUs: number; spanUs: number},
    deps: {inputs: InputTable; settings: Settings},
  ) {
    this.#owner = owner;
    this.#size = size;
    this.#inputs = deps.inputs;
    this.#settings = deps.settings;
    const base = size.datasets + size.bookmarkedDatasets;
    this.all = new Collection(base, new HexIds(hash32(owner.seed, 0x4)));
    this.#timeline = new Timeline(timeline.startUs, timeline.spanUs / 2, base);
    this.#versionTimeline = new Timeline(
      timeline.startUs + timeline.spanUs / 2,
      timeline.spanUs / 2,
      size.versionsPerDataset,
    );
    for (let slot = 0; slot < base; slot++) this.#contents.set(slot, this.#seededContent(slot));
  }

  content(slot: number): DatasetContent {
    return this.#contents.get(slot) as DatasetContent;
  }

  isBookmarked(slot: number): boolean {
    return this.all.states.get(slot)?.bookmarked ?? (slot >= this.#size.datasets && slot < this.all.base);
  }

  createdUs(slot: number): number {
    return this.all.states.get(slot)?.createdUs ?? this.#timeline.at(slot, hash32(this.#owner.seed, slot));
  }

  modifiedUs(slot: number): number {
    return (
      this.all.states.get(slot)?.modifiedUs ?? this.createdUs(slot) + (hash32(this.#owner.seed, slot) % 86_400) * 1e6
    );
  }

  /** Living datasets, bookmarks or not, last modified first, or by any other figure. */
  sorted(bookmarked: boolean, by: (slot: number) => number | string, ascending: boolean): number[] {
    const slots = [...this.all.order].filter((slot) => this.isBookmarked(slot) === bookmarked);
    const keyed = slots.map((slot) => ({slot, key: by(slot)}));
    keyed.sort((a, b) => (a.key === b.key ? a.slot - b.slot : a.key < b.key === ascending ? -1 : 1));
    return keyed.map((entry) => entry.slot);
  }

  add(state: DatasetState, id: string | undefined): number {
    const slot = this.all.add(state, {id});
    const versions = new Collection<VersionState>(0, this.#versionIds(slot));
    this.#contents.set(slot, {versions, members: new Members({first: 0, step: 1, inputs: 0})});
    return slot;
  }

  /** Takes the dataset away with its versions and members. */
  remove(slot: number): boolean {
    this.#contents.delete(slot);
    return this.all.remove(slot);
  }

  /** Takes an input that is gone out of every dataset. */
  dropInput(inputSlot: number): void {
    for (const content of this.#contents.values()) content.members.remove(inputSlot);
  }

  render(slot: number): RecordText {
    const state = this.all.states.get(slot);
    if (state?.raw !== undefined) return state.raw;
    const {versions} = this.content(slot);
    const newest = versions.order.slice(versions.order.size - 1, 1)[0];
    const version = newest === undefined ? '' : this.renderVersion(slot, newest);
    const facts = {
      id: this.all.idOf(slot),
      slot,
      createdUs: this.createdUs(slot),
      modifiedUs: this.modifiedUs(slot),
      bookmarked: this.isBookmarked(slot),
      // A raw version may be anything, so it is not put inside of another record.
      version:
        typeof version === 'string' && (newest === undefined || versions.states.get(newest)?.raw === undefined)
          ? version
          : '',
    };
    return renderDataset(this.#owner, facts, state);
  }

  versionStatus(slot: number, version: number): number {
    const {versions} = this.content(slot);
    const code = versions.states.get(version)?.statusCode;
    if (code !== undefined) return code;
    return seededVersionStatus(this.#versionHash(slot, version), version === this.#size.versionsPerDataset - 1);
  }

  /** Keys of the living versions of a dataset. */
  versionKeys(slot: number): string[][] {
    const {versions} = this.content(slot);
    return [...versions.order].map((version) => [this.all.idOf(slot), versions.idOf(version)]);
  }

  /** What a version has to show to what lies under it; null when there is none. */
  versionParent(datasetId: string, id: string): {id: string; status: {code: number}} | null {
    const slot = this.all.find(datasetId);
    const version = slot === undefined ? undefined : this.content(slot).versions.find(id);
    if (slot === undefined || version === undefined) return null;
    return {id, status: {code: this.versionStatus(slot, version)}};
  }

  renderVersion(slot: number, version: number): RecordText {
    const {versions} = this.content(slot);
    const state = versions.states.get(version);
    if (state?.raw !== undefined) return state.raw;
    const h = this.#versionHash(slot, version);
    const createdUs = state?.createdUs ?? this.#versionTimeline.at(version, h);
    const facts = {
      id: versions.idOf(version),
      datasetId: this.all.idOf(slot),
      h,
      createdUs,
      modifiedUs: state?.modifiedUs ?? createdUs + 180e6,
      statusCode: this.versionStatus(slot, version),
      inputCount: state?.inputCount ?? h % 10_000,
      revision: state?.revision ?? 0,
      signature: this.#settings.hostedSignature,
    };
    return renderVersion(this.#owner, facts, state);
  }

  renderMember(slot: number, inputSlot: number): RecordText {
    const input = this.#inputs.render(inputSlot);
    const createdUs = this.content(slot).members.addedUs(inputSlot) ?? this.#inputs.createdUs(inputSlot) + 1e6;
    const start = `{"created_at":"${instantText(createdUs)}","input":`;
    return typeof input === 'string'
      ? `${start}${input}}`
      : Buffer.concat([Buffer.from(start), input, Buffer.from('}')]);
  }

  #seededContent(slot: number): DatasetContent {
    const {datasetInputs, versionsPerDataset} = this.#size;
    const step = datasetInputs === 0 ? 1 : Math.max(1, Math.round(1 / datasetInputs));
    const inputs = datasetInputs === 0 || this.isBookmarked(slot) ? 0 : this.#inputs.all.base;
    return {
      versions: new Collection<VersionState>(versionsPerDataset, this.#versionIds(slot)),
      members: new Members({first: slot % step, step, inputs}),
    };
  }

  #versionIds(slot: number): HexIds {
    return new HexIds(hash32(hash32(this.#owner.seed, 0x5), slot));
  }

  #versionHash(slot: number, version: number): number {
    return hash32(hash32(this.#owner.seed, slot ^ 0x7f4a), version);
  }
}
