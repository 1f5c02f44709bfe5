import {expect, test} from 'vitest';
import {replay} from '../../src/cli/replay.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

const CONFIG = 'streams: [inputs, concepts]\n';

const open = async (harness: SyncHarness): Promise<string[]> => {
  const rows = await harness.query<{identity: string}>(
    `select identity from clarifai_sync.rejects where kind = 'rejected' and resolved_at is null order by 1`,
  );
  return rows.map(({identity}) => identity);
};

/** Lists a record as rejected, as an older version might have done. */
async function plant(
  harness: SyncHarness,
  key: string[] | null,
  raw: string,
  lastSeen = 'clock_timestamp()',
): Promise<void> {
  await harness.query(
    `insert into clarifai_sync.rejects (scope_id, user_id, app_id, stream, kind, identity, key, reason, detail, raw, first_run_id, last_run_id, last_seen_at)
     select scope_id, user_id, app_id, 'concepts', 'rejected', coalesce($1, 'content:x'), $2, 'store_refused', 'planted', $3, run_id, run_id, ${lastSeen}
     from clarifai_sync.runs where app_id <> '' limit 1`,
    [key === null ? null : JSON.stringify(key), key, Buffer.from(raw)],
  );
}

test('a record that was too large is asked for again, stored with a sequence of its own, and resolved', async () => {
  await using harness = await syncHarness({}, `run: {max_record_bytes: 64KiB}\n${CONFIG}`);
  const [big] = harness.truthKeys('inputs') as [string];
  harness.change({kind: 'editInput', id: big, metadata: {text: 'x'.repeat(80_000)}});
  expect((await harness.sync()).code).toBe(5);
  expect(await open(harness)).toEqual([JSON.stringify([big])]);
  const still = await harness.command((context) => replay(context, {}));
  expect(still.code, still.said).toBe(0);
  expect(await open(harness)).toEqual([JSON.stringify([big])]);
  harness.config = harness.config.replace('64KiB', '1MiB');
  const done = await harness.command((context) => replay(context, {stream: ['inputs']}));
  expect(done.code, done.said).toBe(0);
  expect(await open(harness)).toEqual([]);
  expect(await harness.differences(['inputs'])).toEqual([]);
  const [row] = await harness.query('select _sync_sequence::int as n from clarifai.inputs where id = $1', [big]);
  expect(row).toEqual({n: 3});
});

test('a record that the ledger holds as a whole is stored from there, also one whose key could not be read', async () => {
  await using harness = await syncHarness({}, CONFIG);
  await harness.sync();
  await plant(harness, ['planted'], '{"id": "planted", "name": "from the ledger"}');
  await plant(harness, null, '{"id": "keyless", "name": "can be read now"}');
  const done = await harness.command((context) => replay(context, {}));
  expect(done.code, done.said).toBe(0);
  expect(await open(harness)).toEqual([]);
  const names = await harness.query(
    `select raw ->> 'name' as name from clarifai.concepts where id in ('planted', 'keyless') order by 1`,
  );
  expect(names).toEqual([{name: 'can be read now'}, {name: 'from the ledger'}]);
});

test('what was read or found deleted since it was rejected stays as it is', async () => {
  await using harness = await syncHarness({}, CONFIG);
  await harness.sync();
  const [living, gone] = harness.truthKeys('concepts') as [string, string];
  await harness.query('update clarifai.concepts set _sync_deleted_at = _sync_changed_at where id = $1', [gone]);
  for (const id of [living, gone])
    await plant(harness, [id], JSON.stringify({id, name: 'old'}), `now() - interval '1 day'`);
  expect((await harness.command((context) => replay(context, {}))).code).toBe(0);
  expect(await open(harness)).toEqual([]);
  expect(await harness.query(`select 1 from clarifai.concepts where raw ->> 'name' = 'old'`)).toEqual([]);
  expect(
    await harness.query(`select 1 from clarifai.concepts where id = $1 and _sync_deleted_at is null`, [gone]),
  ).toEqual([]);
});
