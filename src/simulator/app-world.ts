import {AnnotationTable} from './annotation-table.ts';
import type {AppSize} from './app-size.ts';
import {BulkTable} from './bulk-table.ts';
import type {SimulatorClock} from './clock.ts';
import {ConceptTable} from './concept-table.ts';
import {DatasetTable} from './dataset-table.ts';
import {InputTable} from './input-table.ts';
import {hash32, hex8, seedFrom} from './random.ts';
import type {Owner} from './record.ts';
import {ResourceTables, type OtherParents} from './resources/resource-tables.ts';
import type {Settings} from './settings.ts';

/** A deletion that was accepted and has yet to show. */
interface Lingering {
  readonly inputSlot: number;
  requestsLeft: number;
}

/** Everything that one app holds. Knows what is; `app-changes.ts` knows how it changes. */
export class AppWorld {
  readonly owner: Owner;
  readonly size: AppSize;
  readonly clock: SimulatorClock;
  readonly settings: Settings;
  readonly inputs: InputTable;
  readonly concepts: ConceptTable;
  readonly annotations: AnnotationTable;
  readonly datasets: DatasetTable;
  readonly bulkOperations: BulkTable;
  readonly resources: ResourceTables;
  /** What belongs to the user and to everybody. */
  readonly shared: ResourceTables;
  readonly #lingering: Lingering[] = [];
  #markerMoves = 0;

  constructor(
    ids: {userId: string; appId: string; seed: string},
    size: AppSize,
    deps: {clock: SimulatorClock; settings: Settings; shared: ResourceTables},
  ) {
    const {userId, appId} = ids;
    const seed = seedFrom(`${ids.seed}/${userId}/${appId}`);
    this.owner = {userId, appId, userJson: JSON.stringify(userId), appJson: JSON.stringify(appId), seed};
    this.size = size;
    this.clock = deps.clock;
    this.settings = deps.settings;
    const timeline = {startUs: size.startMs * 1000, spanUs: size.spanDays * 86_400e6};
    const forOthers = {...this.owner, seed: hash32(seed, 7)};
    this.inputs = new InputTable(this.owner, size.inputs, timeline, deps.settings);
    this.concepts = new ConceptTable(forOthers, size.concepts, timeline);
    const tables = {inputs: this.inputs, concepts: this.concepts};
    this.annotations = new AnnotationTable(this.owner, size.annotations, timeline, tables);
    this.datasets = new DatasetTable(forOthers, size, timeline, {inputs: this.inputs, settings: deps.settings});
    this.bulkOperations = new BulkTable(forOthers, size.bulkOperations, timeline);
    this.resources = new ResourceTables({
      userId,
      appId,
      seed,
      startUs: timeline.startUs,
      counts: size.resources,
      nowUs: () => this.clock.nowUs(),
      others: this.#parents(),
    });
    this.shared = deps.shared;
  }

  /** Records of the tables here that resources lie under. */
  #parents(): OtherParents {
    const {concepts, datasets} = this;
    return {
      concepts: {
        keys: () => [...concepts.all.order].map((slot) => [concepts.all.idOf(slot)]),
        record: ([id = '']) => (concepts.all.find(id) === undefined ? null : {id}),
      },
      dataset_versions: {
        keys: () => [...datasets.all.order].flatMap((slot) => datasets.versionKeys(slot)),
        record: ([datasetId = '', id = '']) => datasets.versionParent(datasetId, id),
      },
    };
  }

  /** Opaque: to be compared for equality only. */
  get marker(): string {
    return hex8(hash32(this.owner.seed, this.#markerMoves)) + hex8(this.#markerMoves);
  }

  moveMarker(): void {
    this.#markerMoves++;
  }

  /** Takes an input away at once, with its annotations and memberships. */
  removeInput(slot: number): void {
    for (const annotation of this.annotations.ofInput(slot)) this.annotations.all.remove(annotation);
    this.datasets.dropInput(slot);
    this.inputs.remove(slot);
  }

  /** Takes an input away after so many requests more. */
  removeInputLater(inputSlot: number, requests: number): void {
    this.#lingering.push({inputSlot, requestsLeft: requests});
  }

  /** Counts one request, before it is answered. */
  countRequest(): void {
    for (let i = this.#lingering.length - 1; i >= 0; i--) {
      const lingering = this.#lingering[i] as Lingering;
      if (lingering.requestsLeft-- > 0) continue;
      this.#lingering.splice(i, 1);
      if (!this.inputs.all.isLive(lingering.inputSlot)) continue;
      this.removeInput(lingering.inputSlot);
      if (this.settings.markerMovesAfterLinger) this.moveMarker();
    }
  }
}
