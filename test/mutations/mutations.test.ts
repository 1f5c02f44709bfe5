import {readFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {MUTATIONS} from './mutations.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test.each(MUTATIONS.map((each) => [each.name, each] as const))('"%s" can still be tried', (_, mutation) => {
  const {file, find, replace, test: testFile, named} = mutation;
  expect(read(file).split(find).length - 1, `times that ${file} has the text to be replaced`).toBe(1);
  expect(replace).not.toBe(find);
  expect(read(testFile).includes(named) || read(CONTRACT).includes(named), `${testFile} has no "${named}"`).toBe(true);
});

/** Where the tests of what every sink must do are written down. */
const CONTRACT = 'test/sinks/sink-contract.ts';

test('each invariant is broken in two ways at least', () => {
  for (let invariant = 1; invariant <= 12; invariant++) {
    expect(MUTATIONS.filter((each) => each.invariant === invariant).length, `${invariant}`).toBeGreaterThanOrEqual(2);
  }
});

test('no two mutations have one name', () => {
  expect(new Set(MUTATIONS.map(({name}) => name)).size).toBe(MUTATIONS.length);
});
