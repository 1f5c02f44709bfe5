import {execFileSync} from 'node:child_process';
import {closeSync, constants, openSync, readSync, renameSync} from 'node:fs';
import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {fifoPath, firstSeat, knock, removeDeadFifos, takeSeat} from '../../src/store/embedded/users.ts';

const RUN = '0123abcd';
const HOUR_MS = 3_600_000;

let cluster: string;
let open: number[];

beforeEach(async () => {
  cluster = await mkdtemp(join(tmpdir(), 'clarifai-sync-seats-'));
  open = [];
});
afterEach(async () => {
  for (const fd of open) closeSync(fd);
  await rm(cluster, {recursive: true, force: true});
});

/** The keeper's side of a fifo, read by the test and not waiting. */
function keeperOf(path: string): number {
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  open.push(fd);
  return fd;
}

/** What the keeper can read now; `end` when no user is left. */
function heard(keeper: number): string {
  const buffer = Buffer.alloc(16);
  try {
    const bytes = readSync(keeper, buffer);
    return bytes === 0 ? 'end' : buffer.toString('utf8', 0, bytes);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error';
  }
}

test('a seat greets the keeper, who meets the end when the last one is left', () => {
  const keeper = keeperOf(fifoPath(cluster, RUN));
  const [one, other] = [takeSeat(cluster, RUN), takeSeat(cluster, RUN)];
  expect(heard(keeper)).toBe('\n\n');
  one?.leave();
  expect(heard(keeper)).toBe('EAGAIN');
  other?.leave();
  expect(heard(keeper)).toBe('end');
});

test('there is no seat where no keeper reads', () => {
  execFileSync('mkfifo', [fifoPath(cluster, RUN)]);
  expect(takeSeat(cluster, RUN)).toBeUndefined();
});

test('there is no seat once the keeper has moved the fifo away, and a knock reaches it there', () => {
  const path = fifoPath(cluster, RUN);
  const keeper = keeperOf(path);
  renameSync(path, `${path}.closing`);
  expect(takeSeat(cluster, RUN)).toBeUndefined();
  knock(cluster, RUN);
  expect(heard(keeper)).toBe('\n');
});

test('whoever left can tell whether others are there', () => {
  keeperOf(fifoPath(cluster, RUN));
  const [one, other] = [takeSeat(cluster, RUN), takeSeat(cluster, RUN)];
  one?.leave();
  expect(one?.hasOthers()).toBe(true);
  other?.leave();
  expect(one?.hasOthers()).toBe(false);
});

test('a first seat takes up a fifo that a killed keeper had moved away', async () => {
  execFileSync('mkfifo', [`${fifoPath(cluster, RUN)}.closing`]);
  const {seat, keeperEnd} = await firstSeat(cluster, RUN, undefined);
  open.push(keeperEnd);
  expect(await readdir(cluster)).toEqual([`users-${RUN}`]);
  seat.leave();
});

test('what is no fifo is neither written nor taken for one', async () => {
  await writeFile(fifoPath(cluster, RUN), '');
  expect(() => takeSeat(cluster, RUN)).toThrow(/is not the fifo/);
});

test('old fifos are removed when nobody reads them, and kept otherwise', async () => {
  keeperOf(fifoPath(cluster, 'aaaaaaaa'));
  execFileSync('mkfifo', [fifoPath(cluster, 'bbbbbbbb')]);
  removeDeadFifos(cluster, Date.now());
  expect((await readdir(cluster)).sort()).toEqual(['users-aaaaaaaa', 'users-bbbbbbbb']);
  removeDeadFifos(cluster, Date.now() + HOUR_MS);
  expect(await readdir(cluster)).toEqual(['users-aaaaaaaa']);
});
