import {expect, test} from 'vitest';
import {start} from '../../src/cli/start.ts';
import {Interrupted} from '../../src/core/interrupted.ts';
import {syncHarness} from '../support/sync-harness.ts';

test('start ends with 0 when it is told to end while it still asks which apps there are', async () => {
  await using harness = await syncHarness({}, 'apps: [{user_id: me, app_id: "*"}]\nhttp: {port: 1}\n');
  const stop = new AbortController();
  harness.simulator.changeEvery(1, () => stop.abort(new Interrupted('SIGTERM')));
  const ended = await harness.command((context) => start(context, {roles: 'http,scheduler'}), stop.signal);
  expect(harness.requests()).toHaveLength(1);
  expect([ended.code, ended.said]).toEqual([0, expect.not.stringContaining('service was started')]);
});
