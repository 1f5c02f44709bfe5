import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {afterAll, beforeAll, describe} from 'vitest';
import {jsonLines} from '../../src/sinks/formats/json-lines.ts';
import {parquet} from '../../src/sinks/formats/parquet.ts';
import type {PartFormat} from '../../src/sinks/formats/part-format.ts';
import {FileStore} from '../../src/sinks/objects/file-store.ts';
import type {ObjectStore} from '../../src/sinks/objects/object-store.ts';
import {S3Store} from '../../src/sinks/objects/s3-store.ts';
import {PostgresSink} from '../../src/sinks/postgres/postgres-sink.ts';
import {ObjectSink} from '../../src/sinks/s3/object-sink.ts';
import type {Sink} from '../../src/sinks/sink.ts';
import {bucketPlace, folderPlace, Lake, type LakePlace, type LakeRow} from '../support/lake.ts';
import {memoryPlace, MemorySink} from '../support/memory-sink.ts';
import {scratchDatabase} from '../support/postgres.ts';
import {hasRealS3, openRealS3, startFauxS3, type TestS3} from '../support/s3.ts';
import {s3Options} from './objects-options.ts';
import {sinkContract, type ScratchSink} from './sink-contract.ts';

const SCOPE = 'user=acme/app=plants';

sinkContract('memory', async () => {
  const place = memoryPlace();
  return {
    open: () => new MemorySink(place),
    current: (stream) =>
      Promise.resolve(
        Object.fromEntries([...(place.rows.get(stream) ?? [])].map(([, [, , id, n]]) => [id ?? '', n ?? '']).sort()),
      ),
    fromTheStart: () => Promise.resolve(null),
    faults: () => Promise.resolve([]),
    // A run without changes moves its position, which nobody sees.
    state: () =>
      Promise.resolve(JSON.stringify([place.owner, [...place.rows].map(([name, rows]) => [name, [...rows]])])),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});

sinkContract('postgres', async () => {
  const database = await scratchDatabase();
  const pool = new pg.Pool({connectionString: database.url, max: 1});
  const sinks = new Sinks(
    () => new PostgresSink({name: 'copy', url: database.url, schema: 'clarifai', history: false}),
  );
  return {
    open: () => sinks.open(),
    current: async (stream) => {
      const there = await pool.query(`select to_regclass('clarifai.${stream}_current') as name`);
      if ((there.rows[0] as {name: string | null}).name === null) return {};
      const {rows} = await pool.query<{id: string; n: string}>(
        `select id, n::text from clarifai.${stream}_current order by id`,
      );
      return Object.fromEntries(rows.map(({id, n}) => [id, n]));
    },
    fromTheStart: () => Promise.resolve(null),
    faults: () => Promise.resolve([]),
    state: async () => {
      const state: unknown[] = [];
      for (const table of ['inputs', 'annotations', '_sync_positions']) {
        state.push((await pool.query(`select xmin::text, t.* from clarifai.${table} t order by t::text`)).rows);
      }
      return JSON.stringify(state);
    },
    [Symbol.asyncDispose]: async () => {
      await sinks.close();
      await pool.end();
      await database.drop();
    },
  };
});

sinkContract('file, json lines', async () => {
  const root = await mkdtemp(join(tmpdir(), 'clarifai-sync-contract-'));
  const sinks = new Sinks(() => objectSink(new FileStore({name: 'lake', root}), jsonLines));
  return objectScratch(sinks, folderPlace(root), () => rm(root, {recursive: true}));
});

describe('s3', () => {
  const servers = [
    {name: 'fauxqs', open: startFauxS3, is: true},
    {name: 'real', open: openRealS3, is: hasRealS3()},
  ];
  for (const {name, open} of servers.filter(({is}) => is)) {
    describe(name, () => {
      let server: TestS3;
      beforeAll(async () => {
        server = await open();
      });
      afterAll(async () => {
        await server[Symbol.asyncDispose]();
      });
      sinkContract('parquet', async () => {
        const bucket = await server.bucket();
        const sinks = new Sinks(() => objectSink(new S3Store(s3Options(server, bucket)), parquet));
        return objectScratch(sinks, bucketPlace(server, bucket, 'feed'), () => Promise.resolve());
      });
    });
  }
});

function objectSink(store: ObjectStore, format: PartFormat): ObjectSink {
  return new ObjectSink({name: 'lake', streams: null, snapshotEveryMs: null, retainMs: null}, store, format);
}

function objectScratch(sinks: Sinks, place: LakePlace, remove: () => Promise<void>): ScratchSink {
  const lake = new Lake(place);
  const keys = ['user_id', 'app_id', 'id'];
  const told = (rows: Map<string, LakeRow>): Record<string, string> =>
    Object.fromEntries([...rows.values()].map((row): [string, string] => [String(row['id']), String(row['n'])]).sort());
  return {
    open: () => sinks.open(),
    current: async (stream) => told(await lake.fold(stream, keys, SCOPE, 'snapshot')),
    fromTheStart: async (stream) => told(await lake.fold(stream, keys, SCOPE, 'start')),
    faults: () => lake.faults(),
    state: async () => {
      const names = await place.names();
      return JSON.stringify(
        await Promise.all(names.map(async (name) => [name, (await place.read(name)).toString('base64')])),
      );
    },
    [Symbol.asyncDispose]: async () => {
      await sinks.close();
      await remove();
    },
  };
}

/** Sinks of one place, closed together. */
class Sinks {
  readonly #make: () => Sink;
  readonly #open: Sink[] = [];

  constructor(make: () => Sink) {
    this.#make = make;
  }

  open(): Sink {
    const sink = this.#make();
    this.#open.push(sink);
    return sink;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((sink) => sink[Symbol.asyncDispose]()));
  }
}
