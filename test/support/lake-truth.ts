import {isDeepStrictEqual} from 'node:util';
import {expect} from 'vitest';
import {CATALOGUE, streamNamed} from '../../src/streams/catalogue.ts';
import {keyNames} from '../../src/streams/stream.ts';
import type {Lake} from './lake.ts';
import {comparable, type SyncHarness} from './sync-harness.ts';

/** What differs between the simulated source and what is published, record by record; empty when they are equal. */
export async function lakeDifferences(
  harness: SyncHarness,
  lake: Lake,
  from: 'start' | 'snapshot' = 'start',
  streams: readonly string[] = CATALOGUE.map((stream) => stream.name),
): Promise<string[]> {
  const found: string[] = [];
  for (const stream of streams.map(streamNamed)) {
    const {name} = stream;
    const scope = `user=acme/app=${stream.scope === 'app' ? 'plants' : '_'}`;
    const rows = await lake.fold(name, keyNames(stream), scope, from);
    for (const {key, raw} of harness.simulator.truth(name)) {
      const id = key.join('/');
      const row = rows.get(id)?.['raw'];
      rows.delete(id);
      if (row === undefined) {
        found.push(`${name} ${id}: missing`);
        continue;
      }
      const parsed: unknown = typeof row === 'string' ? JSON.parse(row) : row;
      if (!isDeepStrictEqual(comparable(name, parsed), comparable(name, raw))) found.push(`${name} ${id}: differs`);
    }
    for (const id of rows.keys()) found.push(`${name} ${id}: published, but gone at the source`);
  }
  return found;
}

/** The published is the truth, and nothing is there that should not be. */
export async function expectPublished(harness: SyncHarness, lake: Lake): Promise<void> {
  expect(await lakeDifferences(harness, lake)).toEqual([]);
  const scope = 'user=acme/app=plants';
  if ((await lake.manifests('snapshot', scope)).length > 0) {
    expect(await lakeDifferences(harness, lake, 'snapshot')).toEqual([]);
  }
  expect(await lake.faults()).toEqual([]);
}

/** So much in some inputs, and of such a kind, that their part is a multipart upload. */
export function fatten(harness: SyncHarness, random: () => string): void {
  for (const id of harness.truthKeys('inputs').slice(0, 30)) {
    harness.change({kind: 'editInput', id, metadata: {text: random()}, annotationToo: true});
  }
}
