import pg from 'pg';
import {expect, test} from 'vitest';
import {purge} from '../../src/cli/purge.ts';
import {verify} from '../../src/cli/verify.ts';
import {scratchDatabase, type ScratchDatabase} from '../support/postgres.ts';
import {syncHarness} from '../support/sync-harness.ts';

/** Does something as the owner of a database. */
async function asOwner<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({connectionString: url});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function urlAs(role: string, {url}: ScratchDatabase): string {
  const changed = new URL(url);
  if (changed.searchParams.has('user')) changed.searchParams.set('user', role);
  else changed.username = role;
  return changed.toString();
}

test('the roles of the README are enough to sync, replicate, verify and purge, and to read, and allow no more', async () => {
  await using other = await scratchDatabase();
  await using harness = await syncHarness({}, 'streams: [inputs, annotations]\n', await scratchDatabase());
  const [writer, reader] = [`writer_${harness.database.name}`, `reader_${harness.database.name}`];
  const prepare = async (database: ScratchDatabase, rights: string, schemas: readonly string[]): Promise<void> => {
    await asOwner(database.url, async (client) => {
      await client.query(
        `revoke all on database ${database.name} from public; grant ${rights} on database ${database.name} to ${writer}`,
      );
      for (const schema of schemas) await client.query(`create schema ${schema} authorization ${writer}`);
    });
  };
  await asOwner(harness.database.url, (client) =>
    client.query(`create role ${writer} login; create role ${reader} login`),
  );
  try {
    await prepare(harness.database, 'connect, temporary, create', ['clarifai', 'clarifai_sync']);
    await prepare(other, 'connect, temporary', ['clarifai']);
    harness.env['DATABASE_URL'] = urlAs(writer, harness.database);
    harness.config += `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: copy, type: postgres, history: true, url: "${urlAs(writer, other)}"}]\n`;
    const first = await harness.sync();
    expect(first.code, first.said).toBe(0);
    const [gone] = harness.truthKeys('inputs') as [string];
    harness.change({kind: 'deleteInputs', ids: [gone]});
    expect((await harness.sync({full: true})).code).toBe(0);
    const done = await harness.command((context) => purge(context, {yes: true}));
    expect(done.code, done.said).toBe(0);
    const checked = await harness.command((context) => verify(context, {}));
    expect(checked.code, checked.out).toBe(0);

    await asOwner(harness.database.url, (client) =>
      client.query(`grant connect on database ${harness.database.name} to ${reader}; grant usage on schema clarifai to ${reader};
        grant select on all tables in schema clarifai to ${reader}; grant usage on schema clarifai_sync to ${reader};
        grant select on clarifai_sync.runs, clarifai_sync.stream_runs, clarifai_sync.rejects to ${reader}`),
    );
    await asOwner(urlAs(reader, harness.database), async (client) => {
      expect((await client.query('select 1 from clarifai.inputs_current limit 1')).rows).toHaveLength(1);
      await expect(client.query('delete from clarifai.inputs')).rejects.toThrow('permission denied');
      for (const table of ['runs', 'stream_runs', 'rejects'])
        await client.query(`select * from clarifai_sync.${table}`);
      await expect(client.query('delete from clarifai_sync.rejects')).rejects.toThrow('permission denied');
      await expect(client.query('select 1 from clarifai_sync.tasks')).rejects.toThrow('permission denied');
    });
  } finally {
    for (const database of [harness.database, other]) {
      await asOwner(database.url, (client) => client.query(`drop owned by ${writer}, ${reader} cascade`));
    }
    await asOwner(harness.database.url, (client) => client.query(`drop role ${writer}, ${reader}`));
  }
});
