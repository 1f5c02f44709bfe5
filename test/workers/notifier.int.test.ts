import {expect, test} from 'vitest';
import {MAX_ATTEMPTS} from '../../src/core/notify.ts';
import type {RunOutcome} from '../../src/core/outcome.ts';
import {runMessage} from '../../src/jobs/message.ts';
import type {Store} from '../../src/store/ledger.ts';
import {reportRuns} from '../../src/store/run-reports.ts';
import {finishRun} from '../../src/store/runs.ts';
import {deliverDue, deliverNotifications} from '../../src/workers/notifier.ts';
import {createLogger} from '../../src/telemetry/logger.ts';
import {isSigned, receiver, type Receiver} from '../support/receiver.ts';
import {beginRunOf, Stores} from '../support/stores.ts';
import {syncHarness} from '../support/sync-harness.ts';
import {until} from '../support/until.ts';

const SECRET = 'the-key-of-the-signature';
const ALL = ['failed', 'partial', 'drift', 'recovered'] as const;

/** A run of the scope that ends with this outcome. */
async function endRun(
  store: Store,
  outcome: RunOutcome,
  on: readonly (typeof ALL)[number][] = ALL,
  options: {readonly purgesBefore?: string} = {},
): Promise<string> {
  const {runId} = await beginRunOf(store, ['inputs']);
  await store.database.query(
    `update clarifai_sync.runs set state = 'closed', options = options || $2::jsonb where run_id = $1`,
    [runId, JSON.stringify(options)],
  );
  const [report] = await reportRuns(store, {runId, limit: 1});
  if (report === undefined) throw new Error('no report');
  await finishRun(store, runId, outcome, {on, text: runMessage(report, outcome)});
  await finishRun(store, runId, outcome, {on, text: runMessage(report, outcome)});
  return runId;
}

function partsOf(store: Store, {url}: Receiver) {
  let said = '';
  const {log} = createLogger({level: 'debug', format: 'json', write: (line) => void (said += line)});
  return {store, webhook: {url, secret: SECRET}, log, now: Date.now, said: () => said};
}

const signal = new AbortController().signal;

const tries = (store: Store) =>
  store.database.query<{attempts: number; last_error: string | null; gone: boolean; done: boolean; wait: number}>(
    `select attempts, last_error, given_up_at is not null as gone, delivered_at is not null as done,
       extract(epoch from due_at - clock_timestamp())::float8 as wait from clarifai_sync.notifications order by created_at`,
  );

test('a failed run is told once, in a message that its signature holds for', async () => {
  await using stores = await Stores.make();
  await using hook = await receiver();
  const store = await stores.open();
  const runId = await endRun(store, 'failed');
  const parts = partsOf(store, hook);
  await deliverDue(parts, signal);
  await deliverDue(parts, signal);
  expect(hook.events()).toEqual(['failed']);
  const [told] = hook.received;
  expect(told?.message).toMatchObject({user_id: 'acme', app_id: 'plants', run: {run_id: runId, outcome: 'failed'}});
  expect(told?.headers).toMatchObject({'content-type': 'application/json', 'x-clarifai-sync-event': 'failed'});
  expect(told?.headers['x-clarifai-sync-id']).toBe(told?.message.id);
  expect(told && isSigned(told, SECRET)).toBe(true);
  expect(told && isSigned({...told, body: `${told.body} `}, SECRET)).toBe(false);
});

test('recovery is told when a run succeeds after a failed or partial one, and only then', async () => {
  await using stores = await Stores.make();
  await using hook = await receiver();
  const store = await stores.open();
  for (const outcome of ['succeeded', 'partial', 'interrupted', 'succeeded', 'succeeded', 'throttled'] as const) {
    await endRun(store, outcome);
  }
  await deliverDue(partsOf(store, hook), signal);
  expect(hook.events()).toEqual(['partial', 'recovered']);
});

test('a purge that succeeds is no recovery of a reading that failed, nor does it hide the one that comes', async () => {
  await using stores = await Stores.make();
  await using hook = await receiver();
  const store = await stores.open();
  await endRun(store, 'failed');
  await endRun(store, 'succeeded', ALL, {purgesBefore: '2024-01-01T00:00:00.000Z'});
  await endRun(store, 'succeeded');
  await deliverDue(partsOf(store, hook), signal);
  expect(hook.received.map(({message}) => [message.event, message.run?.outcome])).toEqual([
    ['failed', 'failed'],
    ['recovered', 'succeeded'],
  ]);
  const ids = await store.database.query<{run_id: string}>('select run_id from clarifai_sync.runs order by sequence');
  expect(hook.received.map(({message}) => message.run?.run_id)).toEqual([ids[0]?.run_id, ids[2]?.run_id]);
});

test('a difference in counts is told in the run in which it becomes a lasting one, and not again', async () => {
  await using stores = await Stores.make();
  await using hook = await receiver();
  const store = await stores.open();
  for (const countRuns of [1, 2, 3]) {
    const {runId, scopeId} = await beginRunOf(store, ['inputs']);
    await store.database.query(`update clarifai_sync.runs set state = 'closed' where run_id = $1`, [runId]);
    await store.database.query(
      'update clarifai_sync.stream_runs set source_count = 7, mirror_count = 5 where run_id = $1',
      [runId],
    );
    await store.database.query(
      `insert into clarifai_sync.stream_states (scope_id, stream, count_gap, count_runs) values ($1, 'inputs', 2, $2)
       on conflict (scope_id, stream) do update set count_runs = $2`,
      [scopeId, countRuns],
    );
    await finishRun(store, runId, 'succeeded', {on: ALL, text: (event, id) => JSON.stringify({event, id, countRuns})});
  }
  await deliverDue(partsOf(store, hook), signal);
  expect(hook.received.map(({body}) => JSON.parse(body) as object)).toMatchObject([{event: 'drift', countRuns: 2}]);
});

test('events that were not asked for are not told', async () => {
  await using stores = await Stores.make();
  await using hook = await receiver();
  const store = await stores.open();
  await endRun(store, 'failed', ['recovered']);
  await endRun(store, 'succeeded', ['recovered']);
  await deliverDue(partsOf(store, hook), signal);
  expect(hook.events()).toEqual(['recovered']);
});

test('a message that does not arrive is sent again after a pause, with the same id, and given up at last', async () => {
  await using stores = await Stores.make();
  await using hook = await receiver();
  const store = await stores.open();
  await endRun(store, 'failed');
  const parts = partsOf(store, hook);
  hook.answer = (response) => void response.writeHead(500).end();
  const due = () => store.database.query('update clarifai_sync.notifications set due_at = clock_timestamp()');
  await deliverDue(parts, signal);
  const [once] = await tries(store);
  expect(once).toMatchObject({attempts: 1, last_error: 'the webhook answered 500', gone: false, done: false});
  expect(once?.wait).toBeGreaterThan(5);
  for (let i = 1; i < MAX_ATTEMPTS; i++) {
    await due();
    await deliverDue(parts, signal);
  }
  await due();
  await deliverDue(parts, signal);
  expect(hook.received).toHaveLength(MAX_ATTEMPTS);
  expect(new Set(hook.received.map(({message}) => message.id)).size).toBe(1);
  expect(await tries(store)).toMatchObject([{attempts: MAX_ATTEMPTS, gone: true}]);
  expect(parts.said()).toContain('notification was given up');
});

test('a redirect is not followed, and neither log nor ledger name the address or the secret', async () => {
  await using stores = await Stores.make();
  await using hook = await receiver();
  const store = await stores.open();
  await endRun(store, 'failed');
  hook.answer = (response) => void response.writeHead(307, {location: '/elsewhere'}).end();
  const parts = partsOf(store, hook);
  const webhook = {url: `${hook.url.replace('//', '//me:pass-word@')}?key=in-the-address`, secret: SECRET};
  await deliverDue({...parts, webhook}, signal);
  expect(hook.received.map(({path}) => path)).toEqual(['/hook?key=in-the-address']);
  expect(hook.received[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:pass-word').toString('base64')}`);
  await store.database.query('update clarifai_sync.notifications set due_at = clock_timestamp()');
  await deliverDue({...parts, webhook: {...webhook, url: 'http://127.0.0.1:1/in-the-address'}}, signal);
  const rows = await tries(store);
  expect(rows).toMatchObject([{attempts: 2, last_error: expect.stringContaining('cannot be reached') as string}]);
  expect(parts.said() + JSON.stringify(rows)).not.toMatch(/in-the-address|pass-word|the-key-of/);
});

test('two processes that deliver at once send each message once', async () => {
  await using stores = await Stores.make();
  await using hook = await receiver();
  const [one, other] = [await stores.open(), await stores.open()];
  for (let i = 0; i < 8; i++) await endRun(one, 'failed');
  await Promise.all([deliverDue(partsOf(one, hook), signal), deliverDue(partsOf(other, hook), signal)]);
  expect(hook.received).toHaveLength(8);
  expect(new Set(hook.received.map(({message}) => message.id)).size).toBe(8);
});

test('the loop sends what comes while it runs, and ends when it is told to', async () => {
  await using stores = await Stores.make();
  await using hook = await receiver();
  const store = await stores.open();
  await endRun(store, 'failed');
  const stop = new AbortController();
  const loop = deliverNotifications(partsOf(store, hook), stop.signal);
  await until('the first message arrives', () => hook.received.length === 1);
  await endRun(store, 'succeeded');
  await until('the second message arrives', () => hook.received.length === 2);
  stop.abort();
  await loop;
  expect(hook.events()).toEqual(['failed', 'recovered']);
});

test('sync tells that it could not begin, and that it has recovered', async () => {
  await using hook = await receiver();
  await using sync = await syncHarness({}, `notify: {webhook: "${hook.url}", secret: ${SECRET}}\n`);
  const {CLARIFAI_PAT: pat} = sync.env;
  sync.env['CLARIFAI_PAT'] = 'another-token';
  expect((await sync.sync()).code).toBe(3);
  sync.env['CLARIFAI_PAT'] = pat ?? '';
  expect((await sync.sync()).code).toBe(0);
  expect((await sync.sync()).code).toBe(0);
  expect(hook.events()).toEqual(['failed', 'recovered']);
  expect(hook.received[0]?.message).toMatchObject({run: null, error: {code: 'SYNC_SOURCE_CREDENTIAL'}});
  expect(hook.received.every((each) => isSigned(each, SECRET))).toBe(true);
});

test('sync does not wait for a receiver that does not answer, and the next one sends the message', async () => {
  await using hook = await receiver();
  await using sync = await syncHarness({}, `notify: {webhook: "${hook.url}"}\n`);
  const first = await sync.sync();
  expect(hook.received.map(({body}) => body)).toEqual([]);
  expect(first.code, first.said).toBe(0);
  sync.simulator.faults.add({kind: 'scope', match: '/concepts\\?'});
  hook.answer = () => undefined;
  expect((await sync.sync()).document.outcome).toBe('partial');
  sync.simulator.faults.clear();
  hook.answer = (response) => void response.writeHead(200).end();
  await sync.query('update clarifai_sync.notifications set due_at = clock_timestamp()');
  await sync.sync();
  expect(hook.events()).toEqual(['partial', 'partial', 'recovered']);
  expect(hook.received[1]?.message.id).toBe(hook.received[0]?.message.id);
});

test('sync tells of a token that is refused before the apps are known, and of its recovery', async () => {
  await using hook = await receiver();
  await using sync = await syncHarness({}, `notify: {webhook: "${hook.url}"}\n`);
  sync.env['CLARIFAI_USER_ID'] = 'me';
  const pat = sync.env['CLARIFAI_PAT'] ?? '';
  sync.env['CLARIFAI_PAT'] = 'another-token';
  await expect(sync.sync()).rejects.toThrow();
  sync.env['CLARIFAI_PAT'] = pat;
  expect((await sync.sync()).code).toBe(0);
  expect(hook.events()).toEqual(['failed', 'recovered']);
});
