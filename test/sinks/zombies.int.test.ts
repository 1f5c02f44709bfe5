import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {jsonLines} from '../../src/sinks/formats/json-lines.ts';
import {FileStore} from '../../src/sinks/objects/file-store.ts';
import type {ObjectStore} from '../../src/sinks/objects/object-store.ts';
import {S3Store} from '../../src/sinks/objects/s3-store.ts';
import {PostgresSink} from '../../src/sinks/postgres/postgres-sink.ts';
import {ObjectSink} from '../../src/sinks/s3/object-sink.ts';
import type {Sink} from '../../src/sinks/sink.ts';
import {bucketPlace, folderPlace, Lake, type LakePlace} from '../support/lake.ts';
import {scratchDatabase, type ScratchDatabase} from '../support/postgres.ts';
import {startFauxS3, type TestS3} from '../support/s3.ts';
import {ScriptedMirror, STREAMS, type StreamName} from '../support/scripted-mirror.ts';
import {s3Options} from './objects-options.ts';

/** An empty place, and what is in it. */
interface Place {
  open(): Sink;
  current(stream: StreamName): Promise<Record<string, string>>;
  /** What a reader would stumble over. */
  broken(): Promise<string[]>;
  /** That, and what was left lying about. */
  faults(): Promise<string[]>;
}

const FIRST = {'inputs/a': 1, 'inputs/b': 2, 'inputs/c': 3, 'annotations/x': 1};
const SECOND = {'inputs/b': 20, 'inputs/d': 4, 'annotations/y': 2};
const THIRD = {'inputs/b': 30, 'inputs/a': null, 'annotations/x': null};

class Overtaken extends Error {}

/**
 * A publisher looks whether it still may, for the n-th time, hears that it may, and stands still. Another one, with a
 * greater fence, publishes meanwhile; then it wakes and goes on with what it was about to do.
 * @param next what another run has changed by then; null: the other one publishes the same run
 * @returns whether it had so many looks
 */
async function wakeUp(place: Place, mirror: ScriptedMirror, at: number, next: typeof SECOND | null): Promise<boolean> {
  const frozen = mirror.backup();
  frozen.unfinished = mirror.unfinished;
  const order = frozen.order({fence: String(++mirror.fence)});
  let looks = 0;
  const guard = async (): Promise<void> => {
    if (looks >= at) throw new Overtaken();
    if (++looks < at) return;
    mirror.unfinished = [...mirror.unfinished, order];
    if (next !== null) mirror.run(next);
    await mirror.apply(place.open());
  };
  await place
    .open()
    .apply({...order, guard}, new AbortController().signal)
    .catch(() => undefined);
  return looks >= at;
}

async function expectEqual(place: Place, mirror: ScriptedMirror, when: string): Promise<void> {
  for (const stream of STREAMS)
    expect(await place.current(stream), `${stream}, ${when}`).toEqual(mirror.current(stream));
}

/**
 * Has a publisher wake up at each moment at which it looks; in a place of its own each time.
 * @param fillings whether something has been published before
 */
async function tryAll(open: () => Promise<Place>, fillings: readonly boolean[]): Promise<number> {
  let tried = 0;
  for (const isFilled of fillings) {
    for (const next of [null, SECOND]) {
      for (let at = 1; ; at++) {
        const place = await open();
        const mirror = new ScriptedMirror();
        mirror.run(FIRST);
        if (isFilled) {
          await mirror.apply(place.open());
          mirror.run(THIRD);
        }
        const when = `look ${at}, ${isFilled ? 'filled' : 'empty'}, ${next === null ? 'the same run' : 'the next run'}`;
        if (!(await wakeUp(place, mirror, at, next))) break;
        tried++;
        await expectEqual(place, mirror, when);
        expect(await place.broken(), when).toEqual([]);
        mirror.run({'inputs/e': at, 'annotations/y': at});
        await mirror.apply(place.open());
        await expectEqual(place, mirror, `${when}, a run later`);
        expect(await place.faults(), `${when}, a run later`).toEqual([]);
      }
    }
  }
  return tried;
}

/** Closed after each test. */
const sinks: Sink[] = [];
function opened(sink: Sink): Sink {
  sinks.push(sink);
  return sink;
}

function lakePlace(store: () => ObjectStore, place: LakePlace): Place {
  const lake = new Lake(place);
  const options = {name: 'lake', streams: null, snapshotEveryMs: null, retainMs: null};
  return {
    open: () => opened(new ObjectSink(options, store(), jsonLines)),
    current: async (stream) => {
      const rows = await lake.fold(stream, ['user_id', 'app_id', 'id'], 'user=acme/app=plants', 'start');
      return Object.fromEntries(
        [...rows.values()].map((row): [string, string] => [String(row['id']), String(row['n'])]).sort(),
      );
    },
    broken: async () => (await lake.faults()).filter((fault) => /not there$/.test(fault)),
    faults: () => lake.faults(),
  };
}

let database: ScratchDatabase;
let pool: pg.Pool;
let server: TestS3;
let folder: string;

beforeAll(async () => {
  database = await scratchDatabase();
  pool = new pg.Pool({connectionString: database.url, max: 1});
  server = await startFauxS3();
  folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-zombies-'));
});

afterAll(async () => {
  await Promise.all(sinks.map((sink) => sink[Symbol.asyncDispose]()));
  await pool.end();
  await database[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await rm(folder, {recursive: true});
});

test('a publisher to another Postgres that wakes up after it was overtaken changes nothing, whenever it fell asleep', async () => {
  let count = 0;
  const tried = await tryAll(() => {
    const schema = `zombie_${++count}`;
    return Promise.resolve({
      open: () => opened(new PostgresSink({name: 'copy', url: database.url, schema, history: false})),
      current: async (stream) => {
        const {rows} = await pool.query<{id: string; n: string}>(
          `select id, n::text from ${schema}.${stream}_current order by id`,
        );
        return Object.fromEntries(rows.map(({id, n}) => [id, n]));
      },
      broken: () => Promise.resolve([]),
      faults: () => Promise.resolve([]),
    });
  }, [false, true]);
  expect(tried).toBeGreaterThanOrEqual(8);
});

test('a publisher to a folder that wakes up after it was overtaken breaks nothing, whenever it fell asleep', async () => {
  let count = 0;
  const tried = await tryAll(() => {
    const root = join(folder, String(++count));
    return Promise.resolve(lakePlace(() => new FileStore({name: 'lake', root}), folderPlace(root)));
  }, [false, true]);
  expect(tried).toBeGreaterThanOrEqual(20);
});

test('a publisher to S3 that wakes up after it was overtaken breaks nothing, whenever it fell asleep', async () => {
  const tried = await tryAll(async () => {
    const bucket = await server.bucket();
    return lakePlace(() => new S3Store(s3Options(server, bucket)), bucketPlace(server, bucket, 'feed'));
  }, [true]);
  expect(tried).toBeGreaterThanOrEqual(10);
});
