import {randomBytes} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import type {Change} from '../../src/simulator/changes.ts';
import {jsonLines} from '../../src/sinks/formats/json-lines.ts';
import {parquet} from '../../src/sinks/formats/parquet.ts';
import type {PartFormat} from '../../src/sinks/formats/part-format.ts';
import {FileStore} from '../../src/sinks/objects/file-store.ts';
import type {ObjectStore} from '../../src/sinks/objects/object-store.ts';
import {S3Store} from '../../src/sinks/objects/s3-store.ts';
import {ObjectSink} from '../../src/sinks/s3/object-sink.ts';
import type {RunMode} from '../../src/store/ledger.ts';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {s3Options} from '../sinks/objects-options.ts';
import {isLastingFile, watchFiles} from '../support/edge-files.ts';
import {watchPostgres} from '../support/edge-postgres.ts';
import {isLastingS3, listUploads, watchS3} from '../support/edge-s3.ts';
import {partOf, spread, told, type Death, type Doom} from '../support/edge.ts';
import {killedChanges} from '../support/killed-changes.ts';
import {KilledWorld} from '../support/killed-world.ts';
import {lakeDifferences} from '../support/lake-truth.ts';
import {bucketPlace, folderPlace, Lake} from '../support/lake.ts';
import {hasRealS3, openRealS3, startFauxS3, type TestS3} from '../support/s3.ts';

// Some dozens of runs each; with KILLS=all some hundreds.
const TRIES_ALL = process.env['KILLS'] === 'all';
vi.setConfig({testTimeout: TRIES_ALL ? 3_600_000 : 300_000});

const STREAMS = ['inputs', 'annotations', 'datasets', 'dataset_versions'];
const NAMES = CATALOGUE.map(({name}) => name);
const APP = {inputs: 12, annotations: 16, datasets: 2, versionsPerDataset: 1};
const SCOPE = 'user=acme/app=plants';
/** Of each scenario, behind calls; and one before a call. */
const TRIES = 2;
/** Deaths in one place; what is read back afterwards grows with each. */
const DEATHS_IN_A_PLACE = 12;

/** What is published to: any number of empty places, one after the other. */
interface Places extends AsyncDisposable {
  readonly format: PartFormat;
  /** Its calls, as names of points, that leave something behind. */
  readonly isLasting: (point: string) => boolean;
  /** A further change, without which some calls would not be made. */
  readonly changes: (annotation: {readonly inputId: string; readonly id: string}) => Change[];
  open(): Promise<{readonly lake: Lake; readonly store: () => ObjectStore}>;
}

async function folders(): Promise<Places> {
  const root = await mkdtemp(join(tmpdir(), 'clarifai-sync-kills-'));
  const unwatch = watchFiles(root, NAMES);
  let count = 0;
  return {
    format: parquet,
    isLasting: isLastingFile,
    changes: () => [],
    open: async () => {
      const folder = join(root, String(++count));
      return {lake: new Lake(folderPlace(folder)), store: () => new FileStore({name: 'lake', root: folder})};
    },
    [Symbol.asyncDispose]: async () => {
      unwatch();
      await rm(root, {recursive: true});
    },
  };
}

async function buckets(startServer: () => Promise<TestS3>): Promise<Places> {
  const server = await startServer();
  const unlist = server.kind === 'fauxqs' ? listUploads() : () => undefined;
  const unwatch = watchS3('feed', NAMES);
  return {
    format: jsonLines,
    isLasting: isLastingS3,
    // So much, and of such a kind, that the part is a multipart upload.
    changes: (annotation) => [
      {kind: 'editAnnotation', ...annotation, metadata: {text: randomBytes(1_300_000).toString('base64')}},
    ],
    open: async () => {
      const bucket = await server.bucket();
      return {
        lake: new Lake(bucketPlace(server, bucket, 'feed')),
        store: () => new S3Store(s3Options(server, bucket)),
      };
    },
    [Symbol.asyncDispose]: async () => {
      unwatch();
      unlist();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A run that publishes, and what there is before it. */
interface Scenario {
  readonly mode: RunMode;
  readonly isSnapshot?: true;
  /** What a snapshot makes superfluous goes at once. */
  readonly isRetired?: true;
  /** Nothing is there yet. */
  readonly isFirst?: true;
  /** What has become of one before it, at which call. */
  readonly before?: {readonly death: Death; readonly at: RegExp};
}

const MANIFEST = /(open wx|PutObject) .*_manifests\/scope\/n\.json/;

const SCENARIOS: Record<string, Scenario> = {
  'the first run and a snapshot': {mode: 'incremental', isSnapshot: true, isFirst: true},
  changes: {mode: 'incremental'},
  'a full run with deletions, and a snapshot': {mode: 'full', isSnapshot: true},
  'a snapshot, and removes what it makes superfluous': {mode: 'full', isSnapshot: true, isRetired: true},
  'what another has left that died before its manifest': {
    mode: 'incremental',
    before: {death: 'before', at: MANIFEST},
  },
  // That run is over: this one has another id, and clears up its parts.
  'after an outage before the manifest': {
    mode: 'incremental',
    before: {death: 'outage', at: MANIFEST},
  },
};

const KINDS = [
  {name: 'a folder', open: folders, is: true},
  {name: 'S3 (fauxqs)', open: () => buckets(startFauxS3), is: true},
  {name: 'S3 (real)', open: () => buckets(openRealS3), is: hasRealS3()},
];

describe.each(KINDS.filter(({is}) => is))('a process that publishes to $name', ({open}) => {
  let unwatch: () => void;
  let places: Places;
  let world: KilledWorld;
  let place: Awaited<ReturnType<Places['open']>>;
  let scenario: Scenario = {mode: 'incremental'};

  beforeAll(async () => {
    unwatch = watchPostgres(NAMES);
    places = await open();
    place = await places.open();
    const sinks = (): ObjectSink[] => {
      const {isSnapshot, isRetired} = scenario;
      const options = {snapshotEveryMs: isSnapshot ? 0 : null, retainMs: isRetired ? 0 : null};
      return [new ObjectSink({name: 'lake', streams: null, ...options}, place.store(), places.format)];
    };
    world = await KilledWorld.make(APP, STREAMS, sinks);
    await world.watch('full', []);
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await places[Symbol.asyncDispose]();
    unwatch();
  });

  const changes = (): Change[] => {
    const [inputId, id] = (world.harness.truthKeys('annotations')[0] ?? '').split('/') as [string, string];
    return [...killedChanges(world.harness, scenario.mode), ...places.changes({inputId, id})];
  };

  /** A new place, and in it what the scenario finds there. */
  async function begin(): Promise<void> {
    place = await places.open();
    if (!scenario.isFirst) await world.watch(scenario.mode, changes());
  }

  const objectsOnly = (points: readonly string[]): string[] => points.filter((point) => /^(file|s3) /.test(point));

  /** Points of a run that nobody interrupts, and how one died before it. */
  async function watched(): Promise<{points: string[]; dooms: Doom[]}> {
    await begin();
    const points = objectsOnly(await world.watch(scenario.mode, changes()));
    const {before} = scenario;
    if (before === undefined) return {points, dooms: []};
    const dooms: Doom[] = [{point: points.find((each) => before.at.test(each)) as string, death: before.death}];
    return {points: objectsOnly(await world.watch(scenario.mode, changes(), ...dooms)), dooms};
  }

  /** Everything that is published is the truth, and nothing is there that should not be. */
  async function lakeFaults(): Promise<string[]> {
    const {lake} = place;
    const hasSnapshot = (await lake.manifests('snapshot', SCOPE)).length > 0;
    return [
      ...(scenario.isRetired ? [] : await lakeDifferences(world.harness, lake, 'start', STREAMS)),
      ...(hasSnapshot ? await lakeDifferences(world.harness, lake, 'snapshot', STREAMS) : []),
      ...(await lake.faults()),
    ];
  }

  /** Dies at each of these points in turn; gives what is wrong afterwards, by point. */
  async function faultsOf(death: Death, doomed: readonly string[], dooms: readonly Doom[]) {
    const found: Record<string, string[]> = {};
    for (const [i, point] of doomed.entries()) {
      if (scenario.isFirst || i % DEATHS_IN_A_PLACE === 0) await begin();
      const faults = await world.kill(scenario.mode, changes(), ...dooms, {point, death});
      faults.push(...(await lakeFaults()));
      if (faults.length > 0) found[`${point}, ${death}`] = faults.map((fault) => fault.slice(0, 200));
    }
    return {...found, ...world.unreached(doomed.length)};
  }

  test.each(Object.entries(SCENARIOS))('leaves no trace of its death while it publishes %s', async (what, given) => {
    scenario = given;
    const from = Object.keys(SCENARIOS).indexOf(what);
    const {points, dooms} = await watched();
    const lasting = points.filter(places.isLasting);
    // Nothing changes from one lasting call to the next, so that these are all the states in which a death can leave it.
    const after = told(
      `${what}, behind its calls`,
      TRIES_ALL ? partOf(lasting) : spread(lasting, TRIES, from),
      lasting,
    );
    const kinds = points.filter((point) => point.endsWith(' #1'));
    const before = told(
      `${what}, before a call of each kind`,
      TRIES_ALL ? partOf(kinds) : spread(kinds, 1, from),
      kinds,
    );
    const found = {...(await faultsOf('after', after, dooms)), ...(await faultsOf('before', before, dooms))};
    expect(found).toEqual({});
  });
});
