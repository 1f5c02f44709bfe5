import fc from 'fast-check';
import {expect, test} from 'vitest';
import {DEFAULT_RETRY, nextStep} from '../../src/core/retry.ts';
import {SourceGoneError, SourceThrottledError, SourceUnavailableError} from '../../src/core/source-errors.ts';

const half = () => 0.5;

test('waits a random part of a pause that doubles with each try', () => {
  const waits = [1, 2, 3, 4].map((attempt) =>
    nextStep(new SourceUnavailableError('down'), attempt, DEFAULT_RETRY, half),
  );
  expect(waits).toEqual([250, 500, 1000, 2000].map((ms) => ({do: 'wait', ms})));
});

test('takes the figure of the other side as it is', () => {
  const error = new SourceUnavailableError('down', {retryAfterMs: 7000});
  expect(nextStep(error, 1, DEFAULT_RETRY, half)).toEqual({do: 'wait', ms: 7000});
});

test('gives a long pause that was asked for back to the queue, also on the last try', () => {
  const error = new SourceThrottledError('busy', {retryAfterMs: 60_000});
  expect(nextStep(error, 1, DEFAULT_RETRY, half)).toEqual({do: 'defer', ms: 60_000});
  expect(nextStep(error, 6, DEFAULT_RETRY, half)).toEqual({do: 'defer', ms: 60_000});
});

test('waits 15 s after a throttled answer without a figure, whatever chance says', () => {
  expect(nextStep(new SourceThrottledError('busy'), 1, DEFAULT_RETRY, () => 0)).toEqual({do: 'wait', ms: 15_000});
});

test('stops after the fifth retry', () => {
  const error = new SourceUnavailableError('down');
  expect(nextStep(error, 5, DEFAULT_RETRY, half).do).toBe('wait');
  expect(nextStep(error, 6, DEFAULT_RETRY, half)).toEqual({do: 'stop'});
});

test.each([new SourceGoneError('gone'), new TypeError('a bug'), 'text', undefined])('never retries %s', (error) => {
  expect(nextStep(error, 1, DEFAULT_RETRY, half)).toEqual({do: 'stop'});
});

test('never waits longer than the policy allows', () => {
  const errors = fc.oneof(
    fc.constant(undefined).map(() => new SourceUnavailableError('down')),
    fc.constant(undefined).map(() => new SourceThrottledError('busy')),
    fc.nat(100_000).map((retryAfterMs) => new SourceThrottledError('busy', {retryAfterMs})),
  );
  fc.assert(
    fc.property(
      errors,
      fc.integer({min: 1, max: 50}),
      fc.double({min: 0, max: 0.999, noNaN: true}),
      (error, attempt, chance) => {
        const step = nextStep(error, attempt, {...DEFAULT_RETRY, maxRetries: 50}, () => chance);
        if (step.do === 'wait') expect(step.ms).toBeLessThanOrEqual(DEFAULT_RETRY.maxWaitMs);
        if (step.do === 'defer') expect(step.ms).toBeGreaterThan(DEFAULT_RETRY.maxWaitMs);
      },
    ),
  );
});
