import {hash32} from './random.ts';

/** Words for concepts and other names that people give. */
export const WORDS: readonly string[] = ['leaf', 'stem', 'root', 'bee', 'petal', 'moss', 'bark', 'seed', 'fern', 'dew'];

/** Text that breaks careless code: emoji in surrogate pairs, combining marks, right to left, quotes, controls. */
export const AWKWARD: readonly string[] = [
  'naïve café 🌿👩‍🔬',
  'e\u0301 ≠ é',
  'שלום \u200f(עולם)\u200f',
  '"quoted" \\ back/slash',
  'tab\tline\nfeed\u0001',
  '日本語\u3000全角',
  "'; DROP TABLE inputs; --",
  'ﷺ \u202etxet\u202c',
];

/** JSON text of the awkward strings, made once. */
const AWKWARD_JSON = AWKWARD.map((text) => JSON.stringify(text));
const SITES = ['north', 'south', 'east', 'west'].map((site) => JSON.stringify(site));

/** One of the awkward strings. */
export function awkward(h: number): string {
  return AWKWARD[h % AWKWARD.length] as string;
}

/** JSON text of a record's free metadata, or '' for none. One in 32 is nested and awkward. */
export function metadataText(h: number): string {
  if ((h & 7) === 0) return '';
  const site = SITES[(h >>> 3) & 3] as string;
  const lot = (h >>> 5) % 5000;
  if ((h & 31) !== 31) return `{"site":${site},"lot":${lot}}`;
  const odd = AWKWARD_JSON[(h >>> 11) % AWKWARD_JSON.length] as string;
  const ratio = hash32(h, 1) / 0x1_0000_0000;
  return `{"site":${site},"lot":${lot},"note":${odd},${odd}:null,"nested":{"list":[1,-2.5e-7,${ratio},[],{"k":${odd}}],"empty":{},"yes":true,"no":false},"big":9007199254740992}`;
}
