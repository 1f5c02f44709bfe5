import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import {expectPublished} from '../support/lake-truth.ts';
import {hasRealS3, openRealS3, startFauxS3, type TestS3} from '../support/s3.ts';
import {signalAt, syncToFolder, syncToS3, type LakeSync} from './lake-sync.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 180_000});

/** Whoever waited for a lease would wait for longer than any test. */
const LONG_LEASE = 'run: {lease_seconds: 300}\n';

const servers = [
  {name: 'fauxqs', open: startFauxS3, is: true},
  {name: 'real', open: openRealS3, is: hasRealS3()},
];
const DEATHS: readonly (readonly [at: string, line: RegExp])[] = [
  ['a part was uploaded', /^PUT .*\/inputs\/.*plants\/run.*partNumber=1/],
  ['an upload was completed', /^POST .*\/inputs\/.*plants\/run.*[?&]uploadId=/],
  ['a manifest of a stream was written', /^PUT .*plants\/000000000001\.inputs\.json/],
  ['the manifest was written', /^PUT .*plants\/000000000001\.json/],
  ['the pointer was moved', /^PUT .*_latest.*plants\.json/],
];
/** A real server takes its time: the two after which most is left behind. */
const OF_THE_REAL_ONE = ['an upload was completed', 'the manifest was written'];

describe.each(servers.filter(({is}) => is))('a publisher to S3 ($name) that is killed', ({name, open}) => {
  let server: TestS3;
  beforeAll(async () => {
    server = await open();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test.each(name === 'real' ? DEATHS.filter(([at]) => OF_THE_REAL_ONE.includes(at)) : DEATHS)(
    'when %s leaves nothing behind once it is run again',
    async (_, line) => {
      await using published = await syncToS3(server, LONG_LEASE);
      const {sync, proxy} = published;
      await using cli = sync.start(['--snapshot']);
      proxy.fail(line, {
        kind: 'hold answer',
        onHeld: () => cli.kill('SIGKILL'),
        release: cli.ended.then(() => undefined),
      });
      expect((await cli.ended).signal, 'it ended before').toBe('SIGKILL');
      await expectRight(published);
    },
  );
});

describe('a publisher to a folder that is killed', () => {
  test.each([
    ['a part is written', 'open', /_staging\/concepts\/.*plants/],
    ['a part was shown', 'rename', /lake-\w+\/annotations\/.*plants\/run/],
    ['the manifest was written', 'rename', /plants\/000000000001\.json/],
    ['the manifest of a snapshot was written', 'rename', /plants\/000000000001\.snapshot\.json/],
    ['the pointer was moved', 'rename', /_latest\/.*plants\.json/],
  ] as const)('when %s leaves nothing behind once it is run again', async (_, call, path) => {
    await using published = await syncToFolder(LONG_LEASE);
    const killed = await published.sync.run(['--snapshot'], signalAt('SIGKILL', call, path));
    expect(killed.signal, `it ended before: ${killed.stderr}`).toBe('SIGKILL');
    await expectRight(published);
  });
});

/** Runs it again, and once more with changes: each time the published is the truth, and nothing else is there. */
async function expectRight({sync, lake}: LakeSync): Promise<void> {
  const again = await sync.harness.sync();
  expect(again.code, again.said).toBe(0);
  await expectPublished(sync.harness, lake);
  const [gone] = sync.harness.truthKeys('datasets') as [string];
  sync.harness.change({kind: 'addInputs', count: 2}, {kind: 'deleteDataset', id: gone});
  const next = await sync.harness.sync();
  expect(next.code, next.said).toBe(0);
  await expectPublished(sync.harness, lake);
}
