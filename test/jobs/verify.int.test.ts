import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {describe, expect, test} from 'vitest';
import {purge} from '../../src/cli/purge.ts';
import {verify, type VerifyFlags} from '../../src/cli/verify.ts';
import {status} from '../../src/cli/status.ts';
import type {verdictDocument} from '../../src/cli/verify-text.ts';
import {bucketPlace, folderPlace, type LakePlace} from '../support/lake.ts';
import {scratchDatabase} from '../support/postgres.ts';
import {hasRealS3, openRealS3, startFauxS3, type TestS3} from '../support/s3.ts';
import {syncHarness, type SyncHarness} from '../support/sync-harness.ts';
import {until} from '../support/until.ts';

interface Verified {
  readonly code: number;
  readonly apps: readonly ReturnType<typeof verdictDocument>[];
}

async function verified(harness: SyncHarness, flags: VerifyFlags = {}): Promise<Verified> {
  const {code, out, said} = await harness.command((context) => verify(context, {...flags, json: true}));
  if (out === '') throw new Error(`verify printed nothing: ${said}`);
  return {code, ...(JSON.parse(out) as Omit<Verified, 'code'>)};
}

/** What differs at the source: `stream what key`. */
const found = ({apps}: Verified): string[] =>
  apps.flatMap(({streams}) =>
    streams.flatMap(({stream, examples}) => examples.map(({what, key}) => `${stream} ${what} ${key.join('/')}`)),
  );

const driftIn = ({apps}: Verified, sink: string): string[] =>
  apps.flatMap(({sinks}) =>
    sinks
      .filter((each) => each.sink === sink)
      .flatMap(({streams}) => streams.flatMap(({examples}) => examples.map(({text}) => text))),
  );

test.each([{}, {full: true}])('finds no drift after first, incremental and full runs, with %o', async (flags) => {
  await using harness = await syncHarness();
  await harness.sync();
  expect(await verified(harness, flags)).toMatchObject({code: 0, drift: false});
  const [gone] = harness.truthKeys('inputs') as [string];
  harness.change({kind: 'addInputs', count: 3}, {kind: 'deleteInputs', ids: [gone]});
  await harness.sync();
  await harness.sync({full: true});
  const again = await verified(harness, flags);
  expect(found(again)).toEqual([]);
  expect(again.code).toBe(0);
});

test.each([{sample: '1000'}, {full: true}])(
  'finds what was changed in the tables: rows gone, added and altered, with %o',
  async (flags) => {
    await using harness = await syncHarness();
    await harness.sync();
    const [removed, altered] = harness.truthKeys('inputs') as [string, string];
    await harness.query('delete from clarifai.concepts where id = (select min(id) from clarifai.concepts)');
    await harness.query(`update clarifai.inputs set raw = raw || '{"planted": 1}' where id = $1`, [altered]);
    await harness.query(
      'update clarifai.datasets set created_at = now() where id = (select min(id) from clarifai.datasets)',
    );
    await harness.query('update clarifai.inputs set _sync_deleted_at = _sync_changed_at where id = $1', [removed]);
    await harness.query(
      `insert into clarifai.annotations select (jsonb_populate_record(a, '{"id": "bogus", "_sync_row": 987654}')).* from clarifai.annotations a limit 1`,
    );
    const result = await verified(harness, flags);
    expect(result.code).toBe(6);
    const all = found(result).map((line) => line.split(' ').slice(0, 2).join(' '));
    expect(all).toContain('concepts missing_here');
    expect(all).toContain('datasets altered');
    expect(found(result)).toContain(`inputs altered ${altered}`);
    expect(all).toContain('annotations missing_there');
    if (flags.full === true) expect(found(result)).toContain(`inputs missing_here ${removed}`);
    else expect(result.apps[0]?.streams.find(({stream}) => stream === 'inputs')?.drift).toBeGreaterThan(0);
  },
);

test('drift is kept until it is found no more, and status tells it', async () => {
  await using harness = await syncHarness({}, 'streams: [concepts]\n');
  await harness.sync();
  await harness.query('delete from clarifai.concepts where id = (select min(id) from clarifai.concepts)');
  expect((await verified(harness)).code).toBe(6);
  expect((await harness.command((context) => status(context, false))).out).toContain('verify found 1 record');
  await harness.sync({full: true});
  expect((await verified(harness)).code).toBe(0);
  expect(await harness.query('select 1 from clarifai_sync.drift')).toEqual([]);
});

test('an edit at the source that no run has read is drift, and none after the next run', async () => {
  await using harness = await syncHarness();
  await harness.sync();
  const [edited] = harness.truthKeys('inputs') as [string];
  harness.change({kind: 'editInput', id: edited, annotationToo: false});
  const result = await verified(harness, {full: true});
  expect(found(result)).toEqual([`inputs different ${edited}`]);
  await harness.sync({full: true});
  expect((await verified(harness, {full: true})).code).toBe(0);
});

test('what changes at the source while it looks is no drift', async () => {
  await using harness = await syncHarness({}, 'streams: [inputs, annotations, concepts]\n');
  await harness.sync();
  harness.simulator.settings.latencyMs = 30;
  harness.forgetRequests();
  const looking = verified(harness, {full: true});
  let changes = 0;
  let isOver = false;
  void looking.finally(() => (isOver = true)).catch(() => undefined);
  // Not for ever: a list that grows with each of its pages has no end.
  for (let seen = 0; !isOver && changes < 12;) {
    await until('another request', () => isOver || harness.requests().length > seen);
    seen = harness.requests().length;
    const [gone, edited] = harness.truthKeys('inputs') as [string, string];
    harness.change({kind: 'editInput', id: edited}, {kind: 'addInputs', count: 1}, {kind: 'deleteInputs', ids: [gone]});
    changes++;
  }
  const result = await looking;
  expect(changes).toBeGreaterThan(3);
  expect(found(result)).toEqual([]);
  expect(result.code).toBe(0);
  expect(result.apps[0]?.streams.some(({unsettled}) => unsettled > 0)).toBe(true);
});

test('it changes no table but that of what it found', async () => {
  await using harness = await syncHarness();
  await harness.sync();
  await harness.query('delete from clarifai.concepts where id = (select min(id) from clarifai.concepts)');
  const sums = async () =>
    await harness.query(
      `select relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables where schemaname in ('clarifai', 'clarifai_sync')
         and relname not in ('drift', 'rate_slots', 'store') order by 1`,
    );
  // Postgres counts at its leisure: the delete itself might be counted while verify looks.
  await harness.query('select pg_stat_force_next_flush()');
  await harness.query('select pg_stat_clear_snapshot()');
  const before = await sums();
  expect(await verified(harness, {full: true})).toMatchObject({code: 6});
  expect(await sums()).toEqual(before);
});

describe('sinks', () => {
  test('a replica that lost, changed or gained a row has drifted', async () => {
    await using other = await scratchDatabase();
    const config = `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: copy, type: postgres, url: "${other.url}"}]\n`;
    await using harness = await syncHarness({}, config);
    await harness.sync();
    expect(driftIn(await verified(harness), 'copy')).toEqual([]);
    const replica = new pg.Client({connectionString: other.url});
    await replica.connect();
    try {
      const [lost, changed] = harness.truthKeys('inputs') as [string, string];
      await replica.query('delete from clarifai.inputs where id = $1', [lost]);
      await replica.query(`update clarifai.inputs set raw = '{}' where id = $1`, [changed]);
      await replica.query(
        `insert into clarifai.datasets select (jsonb_populate_record(d, '{"id": "bogus"}')).* from clarifai.datasets d limit 1`,
      );
      const result = await verified(harness);
      expect(result.code).toBe(6);
      expect(driftIn(result, 'copy').sort()).toEqual(
        [
          `inputs ${lost}: missing in the sink`,
          `inputs ${changed}: not the same in the sink as in the store`,
          'datasets bogus: in the sink and not in the store',
        ].sort(),
      );
    } finally {
      await replica.end();
    }
  });

  describe('of which one keeps history', () => {
    const config = (url: string, more = ''): string =>
      `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: copy, type: postgres, url: "${url}", history: true}]\n` +
      `streams: [inputs, annotations, concepts]\n${more}`;

    /** One input edited, one deleted and a concept edited; then that input back again. */
    async function goAndReturn(harness: SyncHarness, round: number): Promise<void> {
      const [edited, gone] = harness.truthKeys('inputs').slice(2 * round) as [string, string];
      const [concept] = harness.truthKeys('concepts') as [string];
      harness.change({kind: 'editInput', id: edited, metadata: {round}}, {kind: 'deleteInputs', ids: [gone]});
      harness.change({kind: 'editConcept', id: concept, name: `round ${round}`}, {kind: 'addInputs', count: 1});
      await harness.sync({full: true});
      harness.change({kind: 'restoreInput', id: gone}, {kind: 'editConcept', id: concept, name: `again ${round}`});
      await harness.sync({full: true});
    }

    async function expectNoDrift(harness: SyncHarness): Promise<void> {
      const result = await verified(harness);
      expect(driftIn(result, 'copy')).toEqual([]);
      expect(result).toMatchObject({code: 0, drift: false});
    }

    test('versions that were lost, changed, opened again or made up there have drifted', async () => {
      await using other = await scratchDatabase();
      await using harness = await syncHarness({}, config(other.url));
      await harness.sync();
      const [concept] = harness.truthKeys('concepts') as [string];
      const [, lost] = harness.truthKeys('inputs') as [string, string];
      await goAndReturn(harness, 0);
      await expectNoDrift(harness);
      const replica = new pg.Pool({connectionString: other.url, max: 1});
      try {
        const {rows} = await replica.query<{version: string}>(
          'select _sync_version as version from clarifai.concepts_history where id = $1 order by _sync_version',
          [concept],
        );
        const [first, second] = rows.map(({version}) => version);
        await replica.query('update clarifai.concepts_history set _sync_valid_to = null where _sync_version = $1', [
          first,
        ]);
        await replica.query(`update clarifai.concepts_history set raw = '{}' where _sync_version = $1`, [second]);
        const gone = await replica.query<{version: string}>(
          `delete from clarifai.inputs_history where id = $1 and _sync_op = 'delete' returning _sync_version as version`,
          [lost],
        );
        await replica.query(
          `insert into clarifai.inputs_history select (jsonb_populate_record(h, '{"_sync_version": 987654}')).*
           from clarifai.inputs_history h where id = $1 and _sync_valid_to is null`,
          [lost],
        );
        const result = await verified(harness);
        expect(result.code).toBe(6);
        expect(driftIn(result, 'copy').sort()).toEqual(
          [
            `concepts_history ${concept} / ${first}: not the same in the sink as in the store`,
            `concepts_history ${concept} / ${second}: not the same in the sink as in the store`,
            `inputs_history ${lost} / ${gone.rows[0]?.version}: missing in the sink`,
            `inputs_history ${lost} / 987654: in the sink and not in the store`,
          ].sort(),
        );
      } finally {
        await replica.end();
      }
    });

    test('versions that it has yet to be given are no drift, nor are those of a purge or of a place redacted since', async () => {
      await using other = await scratchDatabase();
      await using harness = await syncHarness({}, config(other.url));
      await harness.sync();
      harness.config = harness.config.replace(other.url, 'postgres://nobody@127.0.0.1:1/none');
      await goAndReturn(harness, 0);
      harness.config = harness.config.replace('postgres://nobody@127.0.0.1:1/none', other.url);
      await expectNoDrift(harness);
      await harness.sync();
      await expectNoDrift(harness);
      harness.change({kind: 'deleteInputs', ids: harness.truthKeys('inputs').slice(-1)});
      await harness.sync({full: true});
      expect((await harness.command((context) => purge(context, {yes: true}))).code).toBe(0);
      await expectNoDrift(harness);
      harness.config += 'stream_options: {inputs: {redact: [data.metadata.round]}}\n';
      const redacted = `select 1 from clarifai.inputs_history where raw #> '{data,metadata,round}' is not null`;
      expect(await harness.query(redacted)).not.toEqual([]);
      await expectNoDrift(harness);
      expect(await harness.query(redacted)).toEqual([]);
      await harness.sync();
      await expectNoDrift(harness);
    });

    test('history that was turned on later, or off for a while, is no drift', async () => {
      await using other = await scratchDatabase();
      await using harness = await syncHarness({}, config(other.url).replace(', history: true', ''));
      const turn = (isOn: boolean): void => {
        harness.config = harness.config.replace(/(, history: true)?\}\]/, isOn ? ', history: true}]' : '}]');
      };
      await harness.sync();
      await goAndReturn(harness, 0);
      turn(true);
      await expectNoDrift(harness);
      await harness.sync();
      await goAndReturn(harness, 1);
      await expectNoDrift(harness);
      turn(false);
      await goAndReturn(harness, 2);
      await expectNoDrift(harness);
      turn(true);
      await expectNoDrift(harness);
      await harness.sync();
      await expectNoDrift(harness);
      expect(await harness.query('select 1 from clarifai.inputs_history where _sync_valid_to is not null')).not.toEqual(
        [],
      );
    });
  });

  test('objects in a folder that are gone, cut or not the bytes that were published have drifted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-verify-'));
    try {
      await expectDamageSeen(folderPlace(folder), '');
    } finally {
      await rm(folder, {recursive: true});
    }
  });

  test('and so have those in a bucket', async () => {
    await using server = await startFauxS3();
    await expectDamageInBucket(server);
  });

  test.runIf(hasRealS3())('and those in a bucket of a real server', async () => {
    await using server = await openRealS3();
    await expectDamageInBucket(server);
  });
});

async function expectDamageInBucket(server: TestS3): Promise<void> {
  const {accessKeyId, secretAccessKey} = server.credentials;
  const settings =
    `, endpoint: "${server.endpoint}", force_path_style: true, region: us-east-1, ` +
    `access_key_id: "${accessKeyId}", secret_access_key: "${secretAccessKey}"`;
  await expectDamageSeen(bucketPlace(server, await server.bucket(), 'feed'), settings);
}

/** @param settings of the sink, behind its address */
async function expectDamageSeen(place: LakePlace, settings: string): Promise<void> {
  const config = `state: {url: "\${DATABASE_URL}"}\nsinks: [{name: lake, type: s3, url: "${place.url}"${settings}}]\nstreams: [inputs]\n`;
  await using harness = await syncHarness({}, config);
  await harness.sync();
  for (let run = 0; run < 2; run++) {
    harness.change({kind: 'addInputs', count: 2});
    await harness.sync();
  }
  expect(await verified(harness)).toMatchObject({code: 0});
  const names = await place.names();
  const damage = async (name: string, make: (bytes: Buffer) => Buffer | null): Promise<string> => {
    const bytes = await place.read(name);
    await place.damage(name, make(bytes));
    const result = await verified(harness, {sample: '1'});
    expect(result.code).toBe(6);
    await place.damage(name, bytes);
    return driftIn(result, 'lake').join();
  };
  const part = names.find((name) => name.startsWith('inputs/')) as string;
  expect(await damage(part, () => null)).toBe(`${part}: listed in its manifest and not there`);
  expect(await damage(part, (bytes) => bytes.subarray(1))).toContain('bytes, found');
  expect(await damage(part, (bytes) => Buffer.alloc(bytes.length))).toContain('expected SHA-256');
  const manifests = names.filter((name) => /plants\/\d{12}\.json$/.test(name));
  expect(await damage(manifests[1] as string, () => null)).toContain('whose manifest is missing');
  expect(await damage(manifests[2] as string, () => null)).toContain('which is not there');
  expect(await damage(manifests[0] as string, () => null)).toContain('the manifests come to');
}
