import {expect, test} from 'vitest';
import {RunStops} from '../../src/workers/run-stops.ts';

test('the end of a run stops what goes on for it, and nothing of another run', () => {
  const stops = new RunStops();
  const [one, two, other] = [stops.listen('a'), stops.listen('a'), stops.listen('b')];
  stops.stop('a', new Error('over'));
  expect([one, two, other].map(({signal}) => signal.aborted)).toEqual([true, true, false]);
});

test('what begins for a run after it was stopped goes on, since the run may have been taken up', () => {
  const stops = new RunStops();
  const before = stops.listen('a');
  stops.stop('a', new Error('over'));
  const after = stops.listen('a');
  expect(after.signal.aborted).toBe(false);
  before.close();
  stops.stop('a', new Error('over again'));
  expect(after.signal.aborted).toBe(true);
});

test('a task that was over hears nothing, and the next one of its run is not forgotten with it', () => {
  const stops = new RunStops();
  const first = stops.listen('a');
  first.close();
  const second = stops.listen('a');
  first.close();
  stops.stop('a', new Error('over'));
  expect([first.signal.aborted, second.signal.aborted]).toEqual([false, true]);
});
