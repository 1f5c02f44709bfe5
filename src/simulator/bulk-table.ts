import {Collection} from './collection.ts';
import {HexIds} from './ids.ts';
import {hash32} from './random.ts';
import type {Owner, RecordText} from './record.ts';
import {Timeline} from './record.ts';
import type {BulkOperationState} from './render-small.ts';
import {renderBulkOperation, seededBulkStatus} from './render-small.ts';

/** The bulk operations of an app. */
export class BulkTable {
  readonly all: Collection<BulkOperationState>;
  readonly #owner: Owner;
  readonly #timeline: Timeline;

  constructor(owner: Owner, count: number, timeline: {startUs: number; spanUs: number}) {
    this.#owner = owner;
    this.all = new Collection(count, new HexIds(hash32(owner.seed, 0x3)));
    this.#timeline = new Timeline(timeline.startUs, timeline.spanUs, count);
  }

  render(slot: number): RecordText {
    const state = this.all.states.get(slot);
    if (state?.raw !== undefined) return state.raw;
    const createdUs = state?.createdUs ?? this.#timeline.at(slot, hash32(this.#owner.seed, slot));
    const modifiedUs = state?.modifiedUs ?? createdUs + 5e6;
    const statusCode = state?.statusCode ?? (slot < this.all.base ? seededBulkStatus(slot) : 25402);
    return renderBulkOperation(this.#owner, {id: this.all.idOf(slot), slot, createdUs, modifiedUs, statusCode}, state);
  }
}
