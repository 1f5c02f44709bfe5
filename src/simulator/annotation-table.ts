import {Collection} from './collection.ts';
import type {ConceptTable} from './concept-table.ts';
import {HexIds} from './ids.ts';
import type {InputTable} from './input-table.ts';
import {hash32, mix32} from './random.ts';
import type {Owner, RecordText} from './record.ts';
import {Timeline} from './record.ts';
import type {AnnotationState} from './render-annotation.ts';
import {renderAnnotation, seededAnnotationStatus, seededTrusted} from './render-annotation.ts';

/** Most that a seeded annotation was changed after it was made, µs. */
export const SEEDED_EDIT_US = 3600e6;

/** The annotations of an app. Seeded ones are spread evenly over the seeded inputs; the first of an input is at input level. */
export class AnnotationTable {
  readonly all: Collection<AnnotationState>;
  readonly #owner: Owner;
  readonly #inputs: InputTable;
  readonly #concepts: ConceptTable;
  readonly #timeline: Timeline;
  /** Added annotations by the slot of their input. */
  readonly #added = new Map<number, number[]>();

  constructor(
    owner: Owner,
    count: number,
    timeline: {startUs: number; spanUs: number},
    tables: {inputs: InputTable; concepts: ConceptTable},
  ) {
    this.#owner = owner;
    this.#inputs = tables.inputs;
    this.#concepts = tables.concepts;
    const base = tables.inputs.all.base === 0 ? 0 : count;
    this.all = new Collection(base, new HexIds(hash32(owner.seed, 0x2)));
    this.#timeline = new Timeline(timeline.startUs + 60e6, timeline.spanUs, base);
  }

  /** Slot of the annotation's input, living or not. */
  inputSlot(slot: number): number {
    const added = this.all.states.get(slot)?.inputSlot;
    return added ?? Math.floor((slot * this.#inputs.all.base) / this.all.base);
  }

  /** Living annotations of an input, oldest first. */
  ofInput(inputSlot: number): number[] {
    const found: number[] = [];
    const inputs = this.#inputs.all.base;
    if (inputSlot < inputs) {
      const end = Math.ceil(((inputSlot + 1) * this.all.base) / inputs);
      for (let slot = this.#firstOf(inputSlot); slot < end; slot++) if (this.all.isLive(slot)) found.push(slot);
    }
    for (const slot of this.#added.get(inputSlot) ?? []) if (this.all.isLive(slot)) found.push(slot);
    return found;
  }

  /** Slot of a living annotation; ids are unique within an input only. */
  find(inputId: string, id: string): number | undefined {
    const inputSlot = this.#inputs.all.find(inputId);
    return inputSlot === undefined ? undefined : this.ofInput(inputSlot).find((slot) => this.all.idOf(slot) === id);
  }

  isTrusted(slot: number, state: AnnotationState | undefined): boolean {
    return state?.trusted ?? (this.isInputLevel(slot, state) || seededTrusted(this.#hash(slot)));
  }

  isInputLevel(slot: number, state: AnnotationState | undefined): boolean {
    if (state?.inputLevel !== undefined) return state.inputLevel;
    if (slot >= this.all.base || slot !== this.#firstOf(this.inputSlot(slot))) return false;
    // Where there are few annotations, not all of them should be of one sort.
    return this.all.base >= 2 * this.#inputs.all.base || (this.#hash(slot) & 3) === 0;
  }

  status(slot: number, state: AnnotationState | undefined): number {
    return state?.statusCode ?? (slot < this.all.base ? seededAnnotationStatus(this.#hash(slot)) : 24150);
  }

  createdUs(slot: number, state: AnnotationState | undefined): number {
    return state?.createdUs ?? this.#timeline.at(this.all.positionOf(slot), this.#hash(slot));
  }

  modifiedUs(slot: number, state: AnnotationState | undefined): number {
    if (state?.modifiedUs !== undefined) return state.modifiedUs;
    const h = this.#hash(slot);
    return this.createdUs(slot, state) + ((h & 1) === 0 ? 0 : h % SEEDED_EDIT_US);
  }

  /** First position at which a seeded annotation can have been made at or after this moment. */
  firstPositionFrom(us: number): number {
    return this.#timeline.positionAt(us);
  }

  add(inputSlot: number, state: AnnotationState, id: string | undefined): number {
    const slot = this.all.addUnchecked({...state, inputSlot}, {id});
    const added = this.#added.get(inputSlot);
    if (added === undefined) this.#added.set(inputSlot, [slot]);
    else added.push(slot);
    return slot;
  }

  render(slot: number, state: AnnotationState | undefined = this.all.states.get(slot)): RecordText {
    if (state?.raw !== undefined) return state.raw;
    const inputSlot = this.inputSlot(slot);
    const inputLevel = this.isInputLevel(slot, state);
    return renderAnnotation(this.#owner, {
      id: this.all.idOf(slot),
      slot,
      inputId: this.#inputs.all.idOf(inputSlot),
      media: this.#inputs.media(inputSlot),
      createdUs: this.createdUs(slot, state),
      modifiedUs: this.modifiedUs(slot, state),
      trusted: this.isTrusted(slot, state),
      inputLevel,
      statusCode: this.status(slot, state),
      metadata: inputLevel ? (state?.metadata ?? this.#inputs.seededMetadata(inputSlot)) : '',
      revision: state?.revision ?? 0,
      concept: (h, value) => this.#concepts.tag(h, value),
    });
  }

  #firstOf(inputSlot: number): number {
    return Math.ceil((inputSlot * this.all.base) / this.#inputs.all.base);
  }

  #hash(slot: number): number {
    return mix32(hash32(this.#owner.seed, slot) ^ 0x3c6ef372);
  }
}
