import {LiveOrder} from './live-order.ts';

/** Which inputs a dataset holds, oldest member first. At first every `step`-th input of the app, or none. */
export class Members {
  readonly order: LiveOrder;
  readonly #positions = new Map<number, number>();
  readonly #addedUs = new Map<number, number>();
  #nextPosition: number;

  constructor(base: {first: number; step: number; inputs: number}) {
    const count = base.first >= base.inputs ? 0 : Math.floor((base.inputs - 1 - base.first) / base.step) + 1;
    this.#nextPosition = base.inputs;
    const positionOf = (slot: number): number => this.#positions.get(slot) ?? slot;
    this.order = new LiveOrder({first: base.first, step: base.step, count}, positionOf);
  }

  /** When the input joined; undefined for the members of the beginning. */
  addedUs(slot: number): number | undefined {
    return this.#addedUs.get(slot);
  }

  has(slot: number): boolean {
    const position = this.#positions.get(slot) ?? slot;
    return this.order.slice(this.order.rank(position), 1)[0] === slot;
  }

  /** False when the input is a member already. */
  add(slot: number, us: number): boolean {
    if (this.has(slot)) return false;
    this.#positions.set(slot, this.#nextPosition++);
    this.#addedUs.set(slot, us);
    this.order.insert(slot);
    return true;
  }

  remove(slot: number): boolean {
    return this.order.remove(slot);
  }
}
