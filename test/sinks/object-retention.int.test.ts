import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {jsonLines} from '../../src/sinks/formats/json-lines.ts';
import {FileStore} from '../../src/sinks/objects/file-store.ts';
import type {ObjectStore} from '../../src/sinks/objects/object-store.ts';
import {S3Store} from '../../src/sinks/objects/s3-store.ts';
import {ObjectSink, type ObjectSinkOptions} from '../../src/sinks/s3/object-sink.ts';
import {bucketPlace, folderPlace, Lake} from '../support/lake.ts';
import {ScriptedMirror, STREAMS} from '../support/scripted-mirror.ts';
import {hasRealS3, openRealS3, startFauxS3, type TestS3} from '../support/s3.ts';
import {s3Options} from './objects-options.ts';

const DAY_MS = 86_400_000;
const SCOPE = 'user=acme/app=plants';

/** A place for objects, and what is published there. */
interface Scratch extends AsyncDisposable {
  readonly store: ObjectStore;
  readonly lake: Lake;
}

/** Snapshots and retention; the scripted mirror closes a run a day. */
function retention(openScratch: () => Promise<Scratch>): void {
  const sinkOf = ({store}: Scratch, options: Partial<ObjectSinkOptions>): ObjectSink =>
    new ObjectSink({name: 'lake', streams: null, snapshotEveryMs: null, retainMs: null, ...options}, store, jsonLines);
  const sequences = async ({lake}: Scratch, kind: 'changes' | 'snapshot'): Promise<number[]> =>
    (await lake.manifests(kind, SCOPE)).map(({sequence}) => sequence);

  test('snapshots are made when they are due, and only what they make superfluous goes, once it is old enough', async () => {
    await using scratch = await openScratch();
    const sink = sinkOf(scratch, {snapshotEveryMs: 3 * DAY_MS, retainMs: 4 * DAY_MS});
    const mirror = new ScriptedMirror();
    for (let day = 1; day <= 11; day++) {
      mirror.run({'inputs/a': day, [`inputs/new${day}`]: day, ...(day > 4 && {[`inputs/new${day - 3}`]: null})});
      await mirror.apply(sink);
      await expectCurrent(scratch, mirror, 'snapshot');
    }
    expect(await sequences(scratch, 'snapshot')).toEqual([7, 10]);
    expect(await sequences(scratch, 'changes')).toEqual([6, 7, 8, 9, 10, 11]);
  });

  test('the pointer shows no changes that are gone, and the next ones go on behind the snapshot', async () => {
    await using scratch = await openScratch();
    const sink = sinkOf(scratch, {retainMs: DAY_MS});
    const mirror = new ScriptedMirror();
    mirror.run({'inputs/a': 1, 'annotations/x': 1});
    await mirror.apply(sink);
    for (let day = 2; day <= 5; day++) mirror.run({});
    await mirror.apply(sink, {wantsSnapshot: true});
    await expectCurrent(scratch, mirror, 'snapshot');
    expect(await sequences(scratch, 'changes')).toEqual([]);
    const latest = await scratch.lake.json<{manifest: string | null; sequence: number}>(`_latest/${SCOPE}.json`);
    expect(latest).toMatchObject({manifest: null, sequence: 5});
    mirror.run({'inputs/b': 2});
    await mirror.apply(sink);
    await expectCurrent(scratch, mirror, 'snapshot');
    const [changes] = await scratch.lake.manifests('changes', SCOPE);
    expect(changes).toMatchObject({sequence: 6, previous_sequence: 5, streams: {inputs: {rows: 1, inserted: 1}}});
  });

  test('a stream that the sink takes again after a snapshot without it is whole whichever way it is read', async () => {
    await using scratch = await openScratch();
    const all = sinkOf(scratch, {});
    const few = sinkOf(scratch, {streams: new Set(['inputs'])});
    const mirror = new ScriptedMirror();
    mirror.run({'inputs/a': 1, 'annotations/x': 1, 'annotations/y': 2});
    await mirror.apply(all);
    mirror.run({'inputs/a': 2, 'annotations/x': null});
    await mirror.apply(few, {wantsSnapshot: true});
    mirror.run({'annotations/z': 3});
    await mirror.apply(all);
    await expectCurrent(scratch, mirror, 'snapshot');
    await expectCurrent(scratch, mirror, 'start');
    mirror.run({'annotations/z': 4});
    await mirror.apply(all);
    await expectCurrent(scratch, mirror, 'snapshot');
    expect(await sequences(scratch, 'snapshot')).toEqual([2, 3]);
  });

  test('a snapshot that is made twice is the same, and changes are published beside it', async () => {
    await using scratch = await openScratch();
    const sink = sinkOf(scratch, {});
    const mirror = new ScriptedMirror();
    mirror.run({'inputs/a': 1});
    await mirror.apply(sink, {wantsSnapshot: true});
    const names = await scratch.lake.place.names();
    await mirror.apply(sink, {wantsSnapshot: true});
    expect(await scratch.lake.place.names()).toEqual(names);
    await expectCurrent(scratch, mirror, 'snapshot');
    await expectCurrent(scratch, mirror, 'start');
  });
}

async function expectCurrent({lake}: Scratch, mirror: ScriptedMirror, from: 'start' | 'snapshot'): Promise<void> {
  for (const stream of STREAMS) {
    const rows = await lake.fold(stream, ['id'], SCOPE, from);
    const told = Object.fromEntries([...rows].map(([id, row]): [string, string] => [id, String(row['n'])]).sort());
    expect(told, `${stream} from the ${from}`).toEqual(mirror.current(stream));
  }
  expect(await lake.faults()).toEqual([]);
}

describe('file', () => {
  retention(async () => {
    const root = await mkdtemp(join(tmpdir(), 'clarifai-sync-retention-'));
    return {
      store: new FileStore({name: 'lake', root}),
      lake: new Lake(folderPlace(root)),
      [Symbol.asyncDispose]: () => rm(root, {recursive: true}),
    };
  });
});

const servers = [
  {name: 'fauxqs', open: startFauxS3, is: true},
  {name: 'real', open: openRealS3, is: hasRealS3()},
];
describe.each(servers.filter(({is}) => is))('s3 ($name)', ({open}) => {
  let server: TestS3;
  beforeAll(async () => {
    server = await open();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  retention(async () => {
    const bucket = await server.bucket();
    const store = new S3Store(s3Options(server, bucket));
    return {
      store,
      lake: new Lake(bucketPlace(server, bucket, 'feed')),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  });
});
