import {afterAll, beforeAll, expect, test, vi} from 'vitest';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';

// One world for all; a busy machine takes its time.
vi.setConfig({testTimeout: 120_000, hookTimeout: 120_000});

let harness: SyncHarness;

beforeAll(async () => {
  harness = await syncHarness({inputs: 1, annotations: 0, datasets: 0, concepts: 3}, 'streams: [concepts]\n');
  expect((await harness.sync()).code).toBe(0);
});
afterAll(() => harness[Symbol.asyncDispose]());

/** From now on the first writes of a concept meet these errors, one each. Sequences are not rolled back. */
async function failWrites(...states: string[]): Promise<void> {
  await harness.query(`drop trigger if exists failing on clarifai.concepts`);
  await harness.query(`drop sequence if exists tried`);
  await harness.query(`create sequence tried`);
  await harness.query(`create or replace function fail() returns trigger language plpgsql as $$
    declare states text[] := '{${states.join(',')}}'; nth int := nextval('tried');
    begin
      if nth <= cardinality(states) then raise exception using errcode = states[nth], message = 'as the test wants it'; end if;
      return new;
    end $$`);
  await harness.query(
    `create trigger failing before insert or update on clarifai.concepts for each row execute function fail()`,
  );
}

const attempts = async (): Promise<number | undefined> =>
  (
    await harness.query<{attempts: number}>(
      `select attempts from clarifai_sync.tasks t join clarifai_sync.runs r using (run_id)
       where kind = 'crawl' and stream = 'concepts' order by r.started_at desc limit 1`,
    )
  )[0]?.attempts;

test('a task whose commit meets a deadlock and then a restart of the server is done again, and its run succeeds', async () => {
  await failWrites('40P01', '57P01');
  harness.change({kind: 'addConcept'});
  const {code, document} = await harness.sync();
  expect([code, document.outcome]).toEqual([0, 'succeeded']);
  expect(await attempts()).toBe(3);
  expect(await harness.differences(['concepts'])).toEqual([]);
});

test('a task that the server fails for another reason ends its run at once', async () => {
  await failWrites('XX000');
  harness.change({kind: 'addConcept'});
  const {code, document} = await harness.sync();
  expect([code, document.outcome]).toEqual([4, 'failed']);
  expect(await attempts()).toBe(1);
});

test('a task that the store has failed five times ends its run the next time', async () => {
  await failWrites('40P01');
  await harness.query(
    `create function tired() returns trigger language plpgsql as 'begin new.store_failures := 5; return new; end'`,
  );
  await harness.query(
    `create trigger tired before insert on clarifai_sync.tasks for each row execute function tired()`,
  );
  harness.change({kind: 'addConcept'});
  const {code, document} = await harness.sync();
  expect([code, document.outcome]).toEqual([4, 'failed']);
  expect(await attempts()).toBe(1);
  await harness.query('drop trigger tired on clarifai_sync.tasks');
  expect((await harness.sync()).code).toBe(0);
  expect(await harness.differences(['concepts'])).toEqual([]);
});
