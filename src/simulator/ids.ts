import {hash32, hex8, mix32, unmix32} from './random.ts';

/** How the records of one kind are named, so that a million names need no memory. */
export interface IdScheme {
  idOf(slot: number): string;
  /** Slot whose name this would be; undefined when it is no such name. */
  slotOf(id: string): number | undefined;
}

/**
 * Names of 32 hex digits, like the API's own, that can be traced back to their slot: the first eight digits are the
 * slot, scattered one to one. Their order is the order of those digits, which `hexKey` gives as a number.
 */
export class HexIds implements IdScheme {
  readonly #salt: number;

  constructor(seed: number) {
    this.#salt = seed;
  }

  idOf(slot: number): string {
    const a = mix32(slot ^ this.#salt);
    const b = hash32(this.#salt, a);
    const c = mix32(b ^ 0x51ab3f07);
    return hex8(a) + hex8(b) + hex8(c) + hex8(mix32(c ^ a));
  }

  slotOf(id: string): number | undefined {
    if (id.length !== 32) return undefined;
    const first = Number.parseInt(id.slice(0, 8), 16);
    if (Number.isNaN(first)) return undefined;
    const slot = (unmix32(first) ^ this.#salt) >>> 0;
    return this.idOf(slot) === id ? slot : undefined;
  }

  /** Number by which names sort. */
  hexKey(slot: number): number {
    return mix32(slot ^ this.#salt);
  }

  /** Takes `hexKey` back. */
  slotOfHexKey(key: number): number {
    return (unmix32(key) ^ this.#salt) >>> 0;
  }
}

/** Names that people give: a word and the slot, as in `leaf-12`. */
export class WordIds implements IdScheme {
  readonly #words: readonly string[];

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  idOf(slot: number): string {
    return `${this.#words[slot % this.#words.length] as string}-${slot}`;
  }

  slotOf(id: string): number | undefined {
    const slot = Number(/-(\d{1,15})$/.exec(id)?.[1] ?? Number.NaN);
    return !Number.isNaN(slot) && this.idOf(slot) === id ? slot : undefined;
  }
}
