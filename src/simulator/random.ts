const HEX16: readonly string[] = Array.from({length: 65536}, (_, n) => n.toString(16).padStart(4, '0'));

/** Scatters 32 bits over 32 bits, one to one (the finaliser of MurmurHash3), so that `unmix32` can take it back. */
export function mix32(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Takes `mix32` back. */
export function unmix32(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7ed1b41d);
  x = Math.imul(x ^ (x >>> 13) ^ (x >>> 26), 0xa5cb9243);
  return (x ^ (x >>> 16)) >>> 0;
}

/** A 32-bit number that looks random, from a seed and a number. Same in, same out. */
export function hash32(seed: number, n: number): number {
  return mix32((Math.imul(n, 0x9e3779b1) + seed) | 0);
}

/** A seed from text, FNV-1a scattered. */
export function seedFrom(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix32(h);
}

/** 32 bits as eight hex digits. */
export function hex8(value: number): string {
  return (HEX16[value >>> 16] as string) + (HEX16[value & 0xffff] as string);
}
