import pg from 'pg';
import {expect, test} from 'vitest';
import {cutConnections, scratchDatabase} from './postgres.ts';

test('gives every test a database of its own', async () => {
  await using one = await scratchDatabase();
  await using other = await scratchDatabase();
  for (const scratch of [one, other]) {
    const client = new pg.Client({connectionString: scratch.url});
    await client.connect();
    await client.query('create table t ()');
    expect((await client.query('select current_database() as name')).rows).toEqual([{name: scratch.name}]);
    await client.end();
  }
});

test('fails the test that leaves a connection open, and drops the database all the same', async () => {
  const scratch = await scratchDatabase();
  const client = new pg.Client({connectionString: scratch.url, application_name: 'forgotten'});
  client.on('error', () => undefined);
  await client.connect();
  await expect(scratch.drop()).rejects.toThrow(/left 1 connection\(s\) open: forgotten/);
  await expect(new pg.Client({connectionString: scratch.url}).connect()).rejects.toMatchObject({code: '3D000'});
});

test('cuts connections from the server’s side', async () => {
  await using scratch = await scratchDatabase();
  const client = new pg.Client({connectionString: scratch.url});
  const lost = new Promise((resolve) => client.on('error', resolve));
  await client.connect();
  expect(await cutConnections(scratch)).toBe(1);
  await expect(lost).resolves.toMatchObject({code: '57P01'});
});
