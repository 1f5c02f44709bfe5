import {expect, test} from 'vitest';
import type {ReadyTask} from '../../src/store/tasks.ts';
import {closeWorkers} from '../../src/workers/close-workers.ts';
import {TasksHere} from '../../src/workers/tasks-here.ts';

const task = (taskId: string, kind: ReadyTask['kind'], mode: ReadyTask['mode'], fence = '1'): ReadyTask => ({
  taskId,
  fence,
  kind,
  mode,
});

const UNHEARD = {done: () => undefined, failed: () => undefined};

/** Tasks that end when they are told to; `begun` are those that have begun so far. */
function held() {
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const work = (taskId: string): Promise<void> => {
    begun.push(taskId);
    return new Promise((resolve, reject) =>
      ends.set(taskId, (error) => (error === undefined ? resolve() : reject(error))),
    );
  };
  const end = async (taskId: string, error?: Error): Promise<void> => {
    ends.get(taskId)?.(error);
    await new Promise(setImmediate);
  };
  return {begun, work, end};
}

test('tasks begin by what they are, then in the order they came in, so many at once', async () => {
  const tasks = new TasksHere();
  await tasks.give(task('sweep', 'crawl', 'full'));
  await tasks.give(task('fresh', 'crawl', 'incremental'));
  await tasks.give(task('seal', 'seal', 'full'));
  await tasks.give(task('fresher', 'crawl', 'incremental'));
  const {begun, work, end} = held();
  tasks.work(work, 2, UNHEARD);
  expect(begun).toEqual(['seal', 'fresh']);
  await end('fresh');
  expect(begun).toEqual(['seal', 'fresh', 'fresher']);
  await end('seal');
  expect(begun).toEqual(['seal', 'fresh', 'fresher', 'sweep']);
});

test('a task that is named again is done once, and again when it was taken since', async () => {
  const tasks = new TasksHere();
  const {begun, work} = held();
  for (const fence of ['1', '1', '2']) await tasks.give(task('a', 'crawl', 'full', fence));
  tasks.work(work, 4, UNHEARD);
  expect(begun).toEqual(['a', 'a']);
});

test('what a task fails with is told, and the next one begins', async () => {
  const tasks = new TasksHere();
  const {begun, work, end} = held();
  const failures: string[] = [];
  let done = 0;
  tasks.work(work, 1, {done: () => done++, failed: (error) => failures.push(error.message)});
  await tasks.give(task('bad', 'crawl', 'full'));
  await tasks.give(task('good', 'crawl', 'full'));
  await end('bad', new Error('the store is away'));
  await end('good');
  expect({begun, failures, done}).toEqual({begun: ['bad', 'good'], failures: ['the store is away'], done: 1});
});

test('a worker that is closed tells what is under way to stop, waits for it, and begins nothing more', async () => {
  const tasks = new TasksHere();
  const begun: string[] = [];
  const worker = tasks.work(
    (taskId, drain) => {
      begun.push(taskId);
      return new Promise((resolve) => drain.addEventListener('abort', () => resolve(), {once: true}));
    },
    1,
    UNHEARD,
  );
  await tasks.give(task('a', 'crawl', 'full'));
  await tasks.give(task('b', 'crawl', 'full'));
  expect(await closeWorkers([worker], 60_000)).toBe(true);
  expect(begun).toEqual(['a']);
});
