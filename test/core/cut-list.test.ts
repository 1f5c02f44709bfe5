import {expect, test} from 'vitest';
import {CutList} from '../../src/core/cut-list.ts';

const BYTES = Buffer.from('0123456789'.repeat(20));

test('copies what is between the cuts, short and long pieces alike', () => {
  const cuts = new CutList();
  cuts.push(0, 1);
  cuts.push(3, 5);
  cuts.push(105, 190);
  expect(rest(cuts, 0, 195)).toBe(BYTES.toString('latin1', 1, 3) + BYTES.toString('latin1', 5, 105) + '01234');
});

test('minds only the cuts of the stretch asked for', () => {
  const cuts = new CutList();
  cuts.push(0, 2);
  cuts.push(4, 5);
  cuts.push(9, 12);
  expect(rest(cuts, 2, 9)).toBe('235678');
});

test('fills no more than the target', () => {
  const cuts = new CutList();
  cuts.push(1, 100);
  const target = Buffer.alloc(80);
  expect(cuts.copyRest(BYTES, 0, 200, target)).toBe(80);
  expect(target.toString()).toBe('0' + BYTES.toString('latin1', 100, 179));
  expect(cuts.copyRest(BYTES, 0, 120, Buffer.alloc(7))).toBe(7);
});

test('puts a cut around earlier ones in their place', () => {
  const cuts = new CutList();
  cuts.push(1, 2);
  const mark = cuts.length;
  for (let at = 4; at < 190; at += 2) cuts.push(at, at + 1);
  cuts.pushAround(mark, 3, 195);
  expect(rest(cuts, 0, 197)).toBe('0256');
});

function rest(cuts: CutList, start: number, end: number): string {
  const target = Buffer.alloc(end - start);
  return target.toString('latin1', 0, cuts.copyRest(BYTES, start, end, target));
}
