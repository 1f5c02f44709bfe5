import {describe, expect, test} from 'vitest';
import {requestsFor, secondsFor} from '../../src/jobs/estimate.ts';
import {streamNamed} from '../../src/streams/catalogue.ts';

const sizeOf = (name: string, records: number | null, parents: number | null = 0) => {
  const stream = streamNamed(name);
  return {stream, strategy: stream.strategy, pageSize: 1000, records, parents};
};

describe('requestsFor', () => {
  test.each([
    // Pages, the empty one that ends each list, and what the strategy asks beside.
    ['inputs', 20_000, 0, {all: 20 + 1 + 1, unchanged: 0}],
    ['annotations', 80_000, 0, {all: 80 + 1 + 4, unchanged: 0}],
    ['concepts', 0, 0, {all: 1, unchanged: 1}],
    ['concepts', 1001, 0, {all: 3, unchanged: 3}],
    // Two lists, each with a page of its own.
    ['datasets', 7, 0, {all: 4, unchanged: 4}],
    ['dataset_versions', 28, 7, {all: 14, unchanged: 0}],
    ['dataset_inputs', 50_000, 7, {all: 57, unchanged: 0}],
    ['dataset_inputs', 0, 7, {all: 7, unchanged: 0}],
  ] as const)('of %s, %i records under %i parents', (name, records, parents, requests) => {
    expect(requestsFor(sizeOf(name, records, parents))).toEqual(requests);
  });

  test('is unknown where the size is, but for what the marker spares', () => {
    expect(requestsFor(sizeOf('annotations', null))).toEqual({all: null, unchanged: 0});
    expect(requestsFor(sizeOf('concepts', null))).toEqual({all: null, unchanged: null});
    expect(requestsFor(sizeOf('dataset_inputs', 5, null))).toEqual({all: null, unchanged: 0});
  });
});

describe('secondsFor', () => {
  const pace = {requestsPerSecond: 14, maxConcurrency: 16, latencySeconds: 0.2};

  test('is what the budget takes where nothing is slower', () => {
    expect(secondsFor(140, 0, pace)).toBe(10);
  });

  test('is what the API takes where requests wait for one another, or for a place', () => {
    expect(secondsFor(140, 140, pace)).toBe(28);
    expect(secondsFor(1600, 0, {...pace, requestsPerSecond: 0})).toBe(20);
  });
});
