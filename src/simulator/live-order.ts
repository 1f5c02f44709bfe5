/** Slots in a block once something in it was changed. */
const BLOCK = 512;

/** A run of slots: counted off (`slots` null: first, first + step, …) or listed. */
interface Chunk {
  first: number;
  count: number;
  slots: number[] | null;
}

/**
 * The living slots of a list in their order, by position. A million that were never touched take one entry; what is
 * touched is listed in blocks, so that any page is found in the logarithm of the number of blocks and a change moves
 * one block. The positions of untouched slots must rise with the slot.
 */
export class LiveOrder implements Iterable<number> {
  /** Steps that reading pages has taken, to show that the last page costs what the first one does. */
  steps = 0;
  readonly #chunks: Chunk[] = [];
  readonly #step: number;
  readonly #positionOf: (slot: number) => number;
  #starts: number[] | null = null;
  #size: number;

  constructor(base: {first: number; step: number; count: number}, positionOf: (slot: number) => number) {
    this.#step = base.step;
    this.#positionOf = positionOf;
    this.#size = base.count;
    if (base.count > 0) this.#chunks.push({first: base.first, count: base.count, slots: null});
  }

  get size(): number {
    return this.#size;
  }

  /** Up to `count` slots from `offset` on. */
  slice(offset: number, count: number): number[] {
    const found: number[] = [];
    if (offset >= this.#size || count <= 0) return found;
    const starts = this.#startOffsets();
    for (let c = this.#lastAtOrBelow(starts, offset); c < this.#chunks.length && found.length < count; c++) {
      const chunk = this.#chunks[c] as Chunk;
      const from = Math.max(0, offset - (starts[c] as number));
      const to = Math.min(chunk.count, from + count - found.length);
      for (let k = from; k < to; k++) found.push(this.#slotAt(chunk, k));
    }
    this.steps += found.length;
    return found;
  }

  /** How many slots have a lower position than this one. */
  rank(position: number): number {
    if (this.#size === 0) return 0;
    const c = this.#chunkFor(position);
    return (this.#startOffsets()[c] as number) + this.#indexIn(this.#chunks[c] as Chunk, position);
  }

  /** Puts a slot at the place that its position gives it. */
  insert(slot: number): void {
    this.#starts = null;
    this.#size++;
    if (this.#chunks.length === 0) {
      this.#chunks.push({first: slot, count: 1, slots: [slot]});
      return;
    }
    const position = this.#positionOf(slot);
    const touched = this.#touch(this.#chunkFor(position), position);
    const chunk = this.#chunks[touched] as Chunk & {slots: number[]};
    chunk.slots.splice(this.#indexIn(chunk, position), 0, slot);
    chunk.count++;
    if (chunk.count > 2 * BLOCK) {
      const rest = chunk.slots.splice(BLOCK);
      chunk.count = BLOCK;
      this.#chunks.splice(touched + 1, 0, {first: rest[0] as number, count: rest.length, slots: rest});
    }
  }

  /** Takes a slot out; false when it was not there. */
  remove(slot: number): boolean {
    if (this.#size === 0) return false;
    const position = this.#positionOf(slot);
    const found = this.#chunkFor(position);
    const at = this.#indexIn(this.#chunks[found] as Chunk, position);
    const chunkFound = this.#chunks[found] as Chunk;
    if (at >= chunkFound.count || this.#slotAt(chunkFound, at) !== slot) return false;
    const touched = this.#touch(found, position);
    const chunk = this.#chunks[touched] as Chunk & {slots: number[]};
    chunk.slots.splice(this.#indexIn(chunk, position), 1);
    chunk.count--;
    if (chunk.count === 0) this.#chunks.splice(touched, 1);
    this.#starts = null;
    this.#size--;
    return true;
  }

  /** All slots in order, read in slices: what is added or removed meanwhile shifts what follows, as for any reader. */
  *[Symbol.iterator](): Generator<number> {
    for (let offset = 0; offset < this.#size; offset += BLOCK) yield* this.slice(offset, BLOCK);
  }

  #slotAt(chunk: Chunk, k: number): number {
    return chunk.slots === null ? chunk.first + k * this.#step : (chunk.slots[k] as number);
  }

  #startOffsets(): number[] {
    if (this.#starts === null) {
      let total = 0;
      this.#starts = this.#chunks.map((chunk) => (total += chunk.count) - chunk.count);
      this.steps += this.#chunks.length;
    }
    return this.#starts;
  }

  #lastAtOrBelow(starts: readonly number[], offset: number): number {
    let low = 0;
    for (let high = starts.length - 1; low < high; this.steps++) {
      const middle = (low + high + 1) >>> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Last chunk that begins at or below the position, else the first. */
  #chunkFor(position: number): number {
    let low = 0;
    for (let high = this.#chunks.length - 1; low < high; this.steps++) {
      const middle = (low + high + 1) >>> 1;
      if (this.#positionOf(this.#slotAt(this.#chunks[middle] as Chunk, 0)) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Index of the first slot of the chunk at or past the position. */
  #indexIn(chunk: Chunk, position: number): number {
    let low = 0;
    for (let high = chunk.count; low < high; this.steps++) {
      const middle = (low + high) >>> 1;
      if (this.#positionOf(this.#slotAt(chunk, middle)) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Makes the place of `position` in chunk `c` a listed block, and says where that block now is. */
  #touch(c: number, position: number): number {
    const chunk = this.#chunks[c] as Chunk;
    if (chunk.slots !== null) return c;
    const at = Math.min(this.#indexIn(chunk, position), chunk.count - 1);
    const from = at - (at % BLOCK);
    const to = Math.min(from + BLOCK, chunk.count);
    const slots = Array.from({length: to - from}, (_, k) => this.#slotAt(chunk, from + k));
    const parts: Chunk[] = [{first: slots[0] as number, count: slots.length, slots}];
    if (from > 0) parts.unshift({first: chunk.first, count: from, slots: null});
    if (to < chunk.count) parts.push({first: this.#slotAt(chunk, to), count: chunk.count - to, slots: null});
    this.#chunks.splice(c, 1, ...parts);
    return from > 0 ? c + 1 : c;
  }
}
