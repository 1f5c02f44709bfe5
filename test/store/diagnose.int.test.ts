import {describe, expect, test} from 'vitest';
import {hasTransactionPooler, probeWriting, serverVersion} from '../../src/store/diagnose.ts';
import {StoreRefusedError, StoreUnavailableError} from '../../src/store/errors.ts';
import {closeStore, openStore} from '../../src/store/open.ts';
import {scratchDatabase} from '../support/postgres.ts';
import {transactionPooler} from '../support/transaction-pooler.ts';

const OPTIONS = {schema: 'clarifai', history: false, leaseMs: 15_000};

describe('hasTransactionPooler', () => {
  test('finds none where every connection has a session of its own', async () => {
    await using scratch = await scratchDatabase();
    expect(await hasTransactionPooler({url: scratch.url})).toBe(false);
  });

  test.each([1, 2])('finds one that shares %i connections, and leaves no lock behind', async (connections) => {
    await using scratch = await scratchDatabase();
    {
      await using pooler = await transactionPooler(scratch.url, connections);
      expect(await hasTransactionPooler({url: pooler.url})).toBe(true);
      // Asked again, of the same sessions: a lock that was left would make no difference to this answer, the list does.
      const store = await openStore({connection: {url: scratch.url}, ...OPTIONS});
      const locks = await store.database.query(
        `select 1 from pg_locks where locktype = 'advisory' and classid = ${0x6368636b}`,
      );
      await closeStore(store);
      expect(locks).toEqual([]);
    }
  });

  test('says that the store cannot be reached where nobody listens', async () => {
    await expect(hasTransactionPooler({url: 'postgresql://a@127.0.0.1:1/a'})).rejects.toThrow(StoreUnavailableError);
  });
});

test('the probe of the store leaves no table, and tells which right is missing', async () => {
  await using scratch = await scratchDatabase();
  const store = await openStore({connection: {url: scratch.url}, ...OPTIONS});
  try {
    await probeWriting(store);
    expect(await store.database.query(`select 1 from pg_class where relname like '%probe%'`)).toEqual([]);
    expect(await serverVersion(store)).toMatch(/^\d+/);
    const read = {...store, schema: 'pg_catalog'};
    await expect(probeWriting(read)).rejects.toThrow(StoreRefusedError);
  } finally {
    await closeStore(store);
  }
});
