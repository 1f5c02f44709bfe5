import {UsageError} from '../core/errors.ts';
import type {IdScheme} from './ids.ts';
import {LiveOrder} from './live-order.ts';

/**
 * Records of one kind: `base` of them follow from the seed and take no memory; what was added or edited has a state,
 * and what was deleted is remembered as gone. A slot is a record's number for ever; a record that comes back under an
 * old id has a new slot.
 */
export class Collection<State> {
  readonly base: number;
  readonly order: LiveOrder;
  readonly states = new Map<number, State>();
  readonly gone = new Set<number>();
  readonly #ids: IdScheme;
  readonly #givenIds = new Map<number, string>();
  readonly #slotsOfGivenIds = new Map<string, number>();
  readonly #positions = new Map<number, number>();
  #nextSlot: number;
  #nextPosition: number;

  constructor(base: number, ids: IdScheme) {
    this.base = base;
    this.#ids = ids;
    this.#nextSlot = base;
    this.#nextPosition = base;
    this.order = new LiveOrder({first: 0, step: 1, count: base}, (slot) => this.positionOf(slot));
  }

  idOf(slot: number): string {
    return this.#givenIds.get(slot) ?? this.#ids.idOf(slot);
  }

  /** Slots that are not named by the scheme. */
  slotsOfGivenIds(): Iterable<number> {
    return this.#givenIds.keys();
  }

  positionOf(slot: number): number {
    return this.#positions.get(slot) ?? slot;
  }

  isLive(slot: number): boolean {
    return slot < this.#nextSlot && !this.gone.has(slot);
  }

  /** Slot of the living record with this id. */
  find(id: string): number | undefined {
    const slot = this.findEver(id);
    return slot !== undefined && this.isLive(slot) ? slot : undefined;
  }

  /** Slot of the record that has, or last had, this id. */
  findEver(id: string): number | undefined {
    const given = this.#slotsOfGivenIds.get(id);
    if (given !== undefined) return given;
    const slot = this.#ids.slotOf(id);
    return slot !== undefined && slot < this.#nextSlot && !this.#givenIds.has(slot) ? slot : undefined;
  }

  /** Adds a record at the end, or at a position of its own, and gives its slot. Throws when the id is alive. */
  add(state: State, at: {id?: string | undefined; position?: number | undefined} = {}): number {
    if (at.id !== undefined && this.find(at.id) !== undefined) throw new UsageError(`'${at.id}' exists already`);
    return this.addUnchecked(state, at);
  }

  /** Adds a record whose id needs to be unique only together with something else. */
  addUnchecked(state: State, at: {id?: string | undefined; position?: number | undefined} = {}): number {
    const slot = this.#nextSlot++;
    if (at.id !== undefined && at.id !== this.#ids.idOf(slot)) {
      this.#givenIds.set(slot, at.id);
      this.#slotsOfGivenIds.set(at.id, slot);
    }
    this.#positions.set(slot, at.position ?? this.#nextPosition++);
    this.states.set(slot, state);
    this.order.insert(slot);
    return slot;
  }

  remove(slot: number): boolean {
    if (!this.order.remove(slot)) return false;
    this.gone.add(slot);
    this.states.delete(slot);
    return true;
  }
}
