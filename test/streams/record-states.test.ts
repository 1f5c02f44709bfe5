import {expect, test} from 'vitest';
import {RECORD_STATES} from '../../src/streams/record-states.ts';
import {loadOfficial} from '../simulator/official-messages.ts';

test('each code has one meaning for its kind of record, and is one of the official ones', () => {
  const official = loadOfficial().lookupEnum('clarifai.api.status.StatusCode').valuesById;
  for (const [kind, {pending, good, bad}] of Object.entries(RECORD_STATES)) {
    const codes: readonly number[] = [...pending, ...good, ...bad];
    expect([kind, codes.filter((code, i) => codes.indexOf(code) !== i)]).toEqual([kind, []]);
    // 64008 (paused) came with 12.x.
    expect([kind, codes.filter((code) => code !== 64008 && official[code] === undefined)]).toEqual([kind, []]);
  }
});

test('codes of jobs and of dataset versions lie between each other: a range would take one for the other', () => {
  const {job, datasetVersion} = RECORD_STATES;
  const jobs: readonly number[] = [...job.pending, ...job.good, ...job.bad];
  const versions: readonly number[] = [...datasetVersion.pending, ...datasetVersion.good, ...datasetVersion.bad];
  expect(versions.some((code) => Math.min(...jobs) < code && code < Math.max(...jobs))).toBe(true);
  expect(jobs.filter((code) => versions.includes(code))).toEqual([]);
});
