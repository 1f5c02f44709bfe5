import {expect, test} from 'vitest';
import {SourceThrottledError, SourceUnavailableError} from '../../src/core/source-errors.ts';
import {RequestCounter} from '../../src/workers/request-counter.ts';

const REQUEST = {
  method: 'GET',
  template: '/v2/x',
  outcome: 'ok',
  httpStatus: 200,
  apiCode: 10000,
  attempt: 1,
  bytes: 1,
  durationMs: 5,
  placeWaitMs: 70,
  slotWaitMs: 0,
} as const;
const RETRY = {template: '/v2/x', attempt: 1, waitMs: 1000} as const;

const counter = (): RequestCounter => new RequestCounter(() => undefined);

test('waits for slots and before tries are added up', () => {
  const counted = counter();
  counted.requested({...REQUEST, slotWaitMs: 300});
  counted.retrying({...RETRY, error: new SourceUnavailableError('away')});
  counted.requested({...REQUEST, slotWaitMs: 200});
  expect(counted.take()).toEqual({requests: 2, throttled: 0, waitedMs: 1500});
  expect(counted.take()).toEqual({requests: 0, throttled: 0, waitedMs: 0});
});

test('the pause after a throttled answer is counted once: in the wait for the next slot', () => {
  const counted = counter();
  counted.requested({...REQUEST, outcome: 'throttled'});
  counted.retrying({...RETRY, error: new SourceThrottledError('slow down')});
  counted.requested({...REQUEST, slotWaitMs: 1000});
  expect(counted.take()).toEqual({requests: 2, throttled: 1, waitedMs: 1000});
});

test('parts of a millisecond are not lost, however often it is asked', () => {
  const counted = counter();
  let waitedMs = 0;
  for (let i = 0; i < 10; i++) {
    counted.requested({...REQUEST, slotWaitMs: 0.3});
    waitedMs += counted.take().waitedMs;
  }
  expect(waitedMs).toBe(3);
});
