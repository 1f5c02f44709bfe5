import {createHash} from 'node:crypto';
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import type {Lake} from '../support/lake.ts';
import {expectPublished} from '../support/lake-truth.ts';
import {hasRealS3, openRealS3, startFauxS3, type TestS3} from '../support/s3.ts';
import {until} from '../support/until.ts';
import {signalAt, syncToFolder, syncToS3, type LakeSync} from './lake-sync.ts';

// Each starts several processes, which take what a busy machine gives them.
vi.setConfig({testTimeout: 180_000});

/** Long enough for a busy machine to renew it, and soon over for one that stands still. */
const SHORT_LEASE = 'run: {lease_seconds: 3}\n';

const servers = [
  {name: 'fauxqs', open: startFauxS3, is: true},
  {name: 'real', open: openRealS3, is: hasRealS3()},
];
describe.each(servers.filter(({is}) => is))('a publisher to S3 ($name) that stands still', ({open}) => {
  let server: TestS3;
  beforeAll(async () => {
    server = await open();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test.each([
    ['its uploads are completed', /^POST .*\/inputs\/.*plants\/run.*[?&]uploadId=/],
    ['its manifest arrives', /^PUT .*plants\/000000000001\.json/],
    ['it reads the pointer', /^GET .*_latest.*plants\.json/, 2],
  ])('before %s, and wakes when others have done its work, changes nothing', async (_, line, n = 1) => {
    await using published = await syncToS3(server, SHORT_LEASE);
    const {sync, proxy} = published;
    await using cli = sync.start();
    let wake = (): void => undefined;
    const release = new Promise<void>((resolve) => (wake = resolve));
    const stopped = new Promise<void>((resolve) => {
      // Those before it go their way.
      proxy.fail(line, {kind: 'slow', ms: 0}, n - 1);
      const onHeld = (): void => {
        cli.kill('SIGSTOP');
        resolve();
      };
      proxy.fail(line, {kind: 'hold', onHeld, release});
    });
    await Promise.race([stopped, cli.ended]);
    await overtake(published);
    const before = await contents(published.lake);
    wake();
    cli.kill('SIGCONT');
    const ended = await cli.ended;
    expect(ended.signal, ended.stderr).toBeNull();
    expect(await contents(published.lake)).toEqual(before);
    await expectPublished(sync.harness, published.lake);
  });
});

test('a publisher to a folder that stands still when a part is shown, and wakes when others have done its work, changes nothing', async () => {
  await using published = await syncToFolder(SHORT_LEASE);
  const {sync} = published;
  await using cli = sync.start([], signalAt('SIGSTOP', 'rename', /lake-\w+\/inputs\/.*plants\/run/));
  await until('a part is shown', async () =>
    (await published.lake.place.names()).some((name) => /^inputs\//.test(name)),
  );
  await overtake(published);
  const before = await contents(published.lake);
  cli.kill('SIGCONT');
  const ended = await cli.ended;
  expect(ended.signal, ended.stderr).toBeNull();
  expect(await contents(published.lake)).toEqual(before);
  await expectPublished(sync.harness, published.lake);
});

/** Waits until nobody believes in the publisher any more, does its work, and another run's. */
async function overtake({sync, lake}: LakeSync): Promise<void> {
  await until('the lease is over', async () => {
    const left = await sync.harness.query(
      `select 1 from clarifai_sync.runs r left join clarifai_sync.tasks t using (run_id)
       where r.state <> 'finished' and (driver_until > clock_timestamp() or t.lease_until > clock_timestamp())`,
    );
    return left.length === 0;
  });
  for (const count of [0, 2]) {
    if (count > 0) sync.harness.change({kind: 'addInputs', count});
    const {code, said} = await sync.harness.sync();
    expect(code, said).toBe(0);
    await expectPublished(sync.harness, lake);
  }
}

async function contents(lake: Lake): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await lake.place.names()) {
    found[name] = createHash('sha256')
      .update(await lake.place.read(name))
      .digest('hex');
  }
  return found;
}
