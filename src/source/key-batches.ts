import {MAX_IDS, type RepeatedKeys} from './calls.ts';
import {encodePart} from './paths.ts';

/** Servers and proxies take 8 KiB of request line; the rest is left for the path and other parameters. */
const MAX_KEY_BYTES = 6000;

/**
 * Splits keys into batches that fit into one request: at most `maxCount` of them and 6,000 bytes of query.
 * @param keys one object per key: value of each repeated parameter, every key with the same parameters
 * @example [...keyBatches([{ids: 'a'}, {ids: 'b'}], 1)] // [{ids: ['a']}, {ids: ['b']}]
 */
export function* keyBatches<Name extends string>(
  keys: Iterable<Readonly<Record<Name, string>>>,
  maxCount: number = MAX_IDS,
): Generator<Readonly<Record<Name, readonly string[]>> & RepeatedKeys> {
  let batch: Readonly<Record<Name, string>>[] = [];
  let bytes = 0;
  for (const key of keys) {
    const keyBytes = Object.entries<string>(key).reduce((sum, [name, value]) => sum + sizeOf(name, value), 0);
    if (batch.length > 0 && (batch.length === maxCount || bytes + keyBytes > MAX_KEY_BYTES)) {
      yield repeated(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(key);
    bytes += keyBytes;
  }
  if (batch.length > 0) yield repeated(batch);
}

const sizeOf = (name: string, value: string) => name.length + encodePart(value).length + 2;

function repeated<Name extends string>(batch: readonly Readonly<Record<Name, string>>[]) {
  const names = Object.keys(batch[0]!) as Name[];
  return Object.fromEntries(names.map((name) => [name, batch.map((key) => key[name])])) as Record<Name, string[]>;
}
