import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {BugError, UsageError} from '../../src/core/errors.ts';
import {causeOf, exitCodeOfRun, exitCodeOfRuns, runOutcome} from '../../src/core/outcome.ts';
import type {FailureCause, RunBreak, RunFacts, StreamEnd} from '../../src/core/outcome.ts';
import {
  SourceCredentialError,
  SourceNotOfferedError,
  SourceQuotaError,
  SourceScopeError,
  SourceThrottledError,
  SourceUnavailableError,
} from '../../src/core/source-errors.ts';

const CALM: RunFacts = {newRejects: 0, heldBack: 0, sinksBehind: 0, sinksWritten: 1, endedBy: null};
const CAUSES: FailureCause[] = ['throttled', 'unavailable', 'credential', 'scope', 'store', 'usage', 'unexpected'];
const ok: StreamEnd = {outcome: 'succeeded'};
const skipped: StreamEnd = {outcome: 'skipped'};
const unavailable: StreamEnd = {outcome: 'unavailable'};
const interrupted: StreamEnd = {outcome: 'interrupted'};
const failed = (cause: FailureCause): StreamEnd => ({outcome: 'failed', cause});
const brokenBy = (cause: FailureCause): Partial<RunFacts> => ({endedBy: {kind: 'error', cause}});
const signal = (signal: 'SIGINT' | 'SIGTERM'): Partial<RunFacts> => ({endedBy: {kind: 'signal', signal}});

describe('outcome and exit code of a run', () => {
  test.each<[string, StreamEnd[], Partial<RunFacts>, string, number]>([
    ['nothing to read', [], {}, 'succeeded', 0],
    ['all succeeded', [ok, ok], {}, 'succeeded', 0],
    ['nothing to do anywhere', [skipped, skipped], {}, 'succeeded', 0],
    ['a stream that was never offered', [ok, unavailable], {}, 'succeeded', 0],
    ['only streams that were never offered', [unavailable], {}, 'succeeded', 0],
    ['a stream failed', [ok, failed('unexpected')], {}, 'partial', 5],
    ['a stream failed and the others had nothing to do', [skipped, failed('unavailable')], {}, 'partial', 5],
    ['a stream lacks a scope', [ok, failed('scope')], {}, 'partial', 5],
    ['a stream was throttled to the end', [ok, failed('throttled')], {}, 'partial', 5],
    ['a record was newly rejected', [ok], {newRejects: 1}, 'partial', 5],
    ['a guard held deletions back', [ok], {heldBack: 1}, 'partial', 5],
    ['a sink of several is behind', [ok], {sinksBehind: 1}, 'partial', 5],
    ['no sink could be written', [ok], {sinksBehind: 2, sinksWritten: 0}, 'partial', 4],
    ['there is no sink', [ok], {sinksWritten: 0}, 'succeeded', 0],
    ['the only stream lacks a scope', [failed('scope')], {}, 'failed', 3],
    ['the only stream that is offered lacks a scope', [unavailable, failed('scope')], {}, 'failed', 3],
    ['all were throttled', [failed('throttled'), failed('throttled')], {}, 'throttled', 75],
    ['the API was away for all', [failed('unavailable'), failed('unavailable')], {}, 'failed', 75],
    ['all failed for different temporary causes', [failed('throttled'), failed('unavailable')], {}, 'failed', 75],
    ['all failed, one by a defect', [failed('throttled'), failed('unexpected')], {}, 'failed', 1],
    ['all failed, one for a scope', [failed('unavailable'), failed('scope')], {}, 'failed', 3],
    ['all failed at the store', [failed('store'), failed('throttled')], {}, 'failed', 4],
    ['the credential was revoked on the way', [ok, failed('credential')], {}, 'failed', 3],
    ['the quota ended it', [ok, interrupted], brokenBy('throttled'), 'throttled', 75],
    ['the API going away ended it', [ok, interrupted], brokenBy('unavailable'), 'failed', 75],
    ['a refused credential ended it', [interrupted], brokenBy('credential'), 'failed', 3],
    ['an unknown app ended it', [], brokenBy('usage'), 'failed', 2],
    ['the store ended it', [ok, interrupted], brokenBy('store'), 'failed', 4],
    ['a defect ended it', [ok, interrupted], brokenBy('unexpected'), 'failed', 1],
    ['SIGINT ended it', [ok, interrupted], signal('SIGINT'), 'interrupted', 130],
    ['SIGTERM ended it after a failure', [failed('unexpected'), interrupted], signal('SIGTERM'), 'interrupted', 143],
    ['a stream stopped although nothing ended the run', [ok, interrupted], {}, 'partial', 5],
    ['all stopped although nothing ended the run', [interrupted], {}, 'failed', 1],
  ])('%s', (_, streams, facts, outcome, code) => {
    const all = {...CALM, ...facts};
    expect([runOutcome(streams, all), exitCodeOfRun(streams, all)]).toEqual([outcome, code]);
  });

  const stream = fc.oneof(
    fc.constantFrom(ok, skipped, unavailable, interrupted),
    fc.constantFrom(...CAUSES).map(failed),
  );
  const endedBy = fc.option<RunBreak>(
    fc.oneof(
      fc.constantFrom<RunBreak>({kind: 'signal', signal: 'SIGINT'}, {kind: 'signal', signal: 'SIGTERM'}),
      fc.constantFrom(...CAUSES).map((cause): RunBreak => ({kind: 'error', cause})),
    ),
  );
  const facts = fc.record({
    newRejects: fc.nat(1),
    heldBack: fc.nat(1),
    sinksBehind: fc.nat(2),
    sinksWritten: fc.nat(2),
    endedBy,
  });
  const anyRun = [fc.array(stream, {maxLength: 4}), facts] as const;

  test('is success if and only if nothing at all went wrong', () => {
    fc.assert(
      fc.property(...anyRun, (streams, facts) => {
        const isClean = streams.every(({outcome}) => outcome !== 'failed' && outcome !== 'interrupted');
        const isQuiet = facts.newRejects + facts.heldBack + facts.sinksBehind === 0 && facts.endedBy === null;
        expect(runOutcome(streams, facts) === 'succeeded').toBe(isClean && isQuiet);
        expect(exitCodeOfRun(streams, facts) === 0).toBe(isClean && isQuiet);
      }),
      {numRuns: 2_000},
    );
  });

  test('fit each other', () => {
    const codes: Record<string, number[]> = {
      succeeded: [0],
      partial: [4, 5],
      throttled: [75],
      interrupted: [130, 143],
      failed: [1, 2, 3, 4, 75],
    };
    fc.assert(
      fc.property(...anyRun, (streams, facts) => {
        expect(codes[runOutcome(streams, facts)]).toContain(exitCodeOfRun(streams, facts));
      }),
      {numRuns: 2_000},
    );
  });

  test('do not depend on the order of the streams', () => {
    fc.assert(
      fc.property(...anyRun, (streams, facts) => {
        expect(exitCodeOfRun(streams.toReversed(), facts)).toBe(exitCodeOfRun(streams, facts));
        expect(runOutcome(streams.toReversed(), facts)).toBe(runOutcome(streams, facts));
      }),
    );
  });
});

describe('exit code over several runs', () => {
  test.each([
    [[], 0],
    [[0, 0], 0],
    [[0, 75], 75],
    [[75, 5], 5],
    [[5, 4], 4],
    [[4, 3], 3],
    [[3, 2], 2],
    [[2, 1], 1],
    [[0, 6], 6],
    [[1, 130], 130],
    [[143, 0], 143],
    [[0, 99], 1],
  ])('%j end with %i', (codes, code) => {
    expect(exitCodeOfRuns(codes)).toBe(code);
    expect(exitCodeOfRuns(codes.toReversed())).toBe(code);
  });
});

describe('a run that made way', () => {
  const nothing = {newRejects: 0, heldBack: 0, sinksBehind: 0, sinksWritten: 0, endedBy: {kind: 'yielded'}} as const;

  test('is interrupted, which is no failure, whatever it has not read', () => {
    expect(runOutcome([{outcome: 'succeeded'}, {outcome: 'interrupted'}], nothing)).toBe('interrupted');
  });

  test('tells what went wrong in what it did read', () => {
    const failed = {outcome: 'failed', cause: 'unavailable'} as const;
    expect(runOutcome([{outcome: 'succeeded'}, failed, {outcome: 'interrupted'}], nothing)).toBe('partial');
    expect(runOutcome([{outcome: 'succeeded'}, {outcome: 'interrupted'}], {...nothing, newRejects: 1})).toBe('partial');
  });
});

test.each<[string, unknown, FailureCause]>([
  ['quota', new SourceQuotaError('x'), 'throttled'],
  ['throttling', new SourceThrottledError('x'), 'throttled'],
  ['an API that is away', new SourceUnavailableError('x'), 'unavailable'],
  ['a refused credential', new SourceCredentialError('x'), 'credential'],
  ['a missing scope', new SourceScopeError('x'), 'scope'],
  ['a stream that is not offered', new SourceNotOfferedError('x'), 'unexpected'],
  ['a usage error', new UsageError('x'), 'usage'],
  ['a defect', new BugError('x'), 'unexpected'],
  ['an error that is not ours', new TypeError('x'), 'unexpected'],
  ['what is no error', 'x', 'unexpected'],
])('the cause of %s', (_, error, cause) => {
  expect(causeOf(error)).toBe(cause);
});
