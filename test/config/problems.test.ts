import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {ConfigError} from '../../src/config/problem.ts';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {tableRows} from '../../src/config/table-rows.ts';
import {COMPLETE, load, refusal} from './load-for-test.ts';

const postgresSink = (name: string, url: string, schema?: string): string =>
  `{name: ${name}, type: postgres, url: "${url}"${schema === undefined ? '' : `, schema: ${schema}`}}`;

test('all problems are told together, in the order of the file', async () => {
  const yaml =
    'source:\n  page_size: 5000\n  page_sise: 1\nrun:\n  settle: 10\nstreams: [input]\nsinks:\n  - {name: 1}\n';
  const lines = (await refusal({yaml})).split('\n');
  expect(lines).toEqual([
    'the configuration has 5 problems:',
    '  clarifai-sync.yaml:2:3 source.page_size: expected a whole number from 1 to 1000, found 5000 (number)',
    '  clarifai-sync.yaml:3:3 source.page_sise: expected a known key, found another; did you mean page_size?',
    '  clarifai-sync.yaml:5:3 run.settle: expected a duration such as 10m, found 10 (number)',
    '  clarifai-sync.yaml:6:11 streams[0]: expected the name of a stream (see `streams`), found "input" (text); did you mean inputs?',
    '  clarifai-sync.yaml:8:5 sinks[0].type: expected one of postgres, s3, found nothing',
  ]);
});

test.each([
  ['source: {base_url: "ftp://x"}', 'source.base_url'],
  ['source: {base_url: "https://u:p@h"}', 'source.base_url'],
  ['source: {requests_per_second: -1}', 'source.requests_per_second'],
  ['source: {headroom: 1}', 'source.headroom'],
  ['source: {headroom: -0.1}', 'source.headroom'],
  ['source: {page_size: 0}', 'source.page_size'],
  ['source: {page_size: 1001}', 'source.page_size'],
  ['source: {page_size: "500"}', 'source.page_size'],
  ['source: {max_concurrency: 1.5}', 'source.max_concurrency'],
  ['source: {pat: "two words"}', 'source.pat'],
  ['run: {max_delete_ratio: 1.1}', 'run.max_delete_ratio'],
  ['run: {max_record_bytes: 63KiB}', 'run.max_record_bytes'],
  ['run: {max_record_bytes: 65MiB}', 'run.max_record_bytes'],
  ['run: {sweep_hours: 0}', 'run.sweep_hours'],
  ['run: {purge_deleted_after: sometimes}', 'run.purge_deleted_after'],
  ['state: {schema: pg_mine}', 'state.schema'],
  ['state: {schema: clarifai_sync}', 'state.schema'],
  ['state: {schema: "a-b"}', 'state.schema'],
  [`state: {schema: ${'a'.repeat(64)}}`, 'state.schema'],
  ['state: {url: "mysql://h/d"}', 'state.url'],
  ['queue: {url: "http://h"}', 'queue.url'],
  ['apps: [{app_id: a}]', 'apps[0].user_id'],
  ['apps: [{user_id: u}]', 'apps[0].app_id'],
  ['apps: [{user_id: u, app_id: a/b}]', 'apps[0].app_id'],
  ['apps: [{user_id: u, app_id: a}, {user_id: u, app_id: a}]', 'apps[1]'],
  ['streams: []', 'streams'],
  ['streams: some', 'streams'],
  ['streams: [inputs, inputs]', 'streams[1]'],
  ['stream_options: {nputs: {}}', 'stream_options.nputs'],
  ['stream_options: {inputs: {page_size: 1001}}', 'stream_options.inputs.page_size'],
  ['stream_options: {inputs: {strategy: guess}}', 'stream_options.inputs.strategy'],
  ['sinks: [{name: a, type: postgres}]', 'sinks[0].url'],
  ['sinks: [{name: "a b", type: postgres, url: "postgres://h/d"}]', 'sinks[0].name'],
  ['sinks: [{name: a, type: s3, url: "s3://b"}, {name: a, type: s3, url: "s3://c"}]', 'sinks[1].name'],
  ['sinks: [{name: a, type: s3, url: "s3://b"}, {name: b, type: s3, url: "s3://b"}]', 'sinks[1]'],
  ['sinks: [{name: a, type: s3, url: "s3://b/p"}, {name: b, type: s3, url: "s3://b/p/"}]', 'sinks[1]'],
  ['sinks: [{name: a, type: s3, url: "file:///tmp/zz"}, {name: b, type: s3, url: "file:///tmp/zz/"}]', 'sinks[1]'],
  [`sinks: [${postgresSink('a', 'postgres://h/d')}, ${postgresSink('b', 'postgres://u:p@H:5432/d/?x=1')}]`, 'sinks[1]'],
  [`sinks: [${postgresSink('a', 'postgres://h/d')}, ${postgresSink('b', 'postgres://h/d', 'clarifai')}]`, 'sinks[1]'],
  [
    `state: {schema: s}\nsinks: [${postgresSink('a', 'postgres://h/d')}, ${postgresSink('b', 'postgres://h/d', 's')}]`,
    'sinks[1]',
  ],
  [
    `state: {url: "postgres://h/d"}\nsinks: [${postgresSink('a', 'postgres://h/d')}, ${postgresSink('b', 'postgres://h/d')}]`,
    'sinks[1]',
  ],
  ['sinks: [{name: a, type: s3, url: "file://relative/x"}]', 'sinks[0].url'],
  ['sinks: [{name: a, type: s3, url: "file:relative/x"}]', 'sinks[0].url'],
  ['sinks: [{name: a, type: s3, url: "file:///"}]', 'sinks[0].url'],
  ['sinks: [{name: a, type: s3, url: "s3:///prefix"}]', 'sinks[0].url'],
  ['sinks: [{name: a, type: s3, url: "s3://b", access_key_id: x}]', 'sinks[0]'],
  ['sinks: [{name: a, type: s3, url: "s3://b", sse_kms_key_id: x}]', 'sinks[0].sse_kms_key_id'],
  ['sinks: [{name: a, type: s3, url: "s3://b", format: csv}]', 'sinks[0].format'],
  ['sinks: [{name: a, type: s3, url: "s3://b", streams: [nputs]}]', 'sinks[0].streams[0]'],
  ['state: {schema: a}\nsinks: [{name: a, type: postgres, url: "postgres://h/d", schema: b}]', 'state.schema'],
  ['schedules: [{name: a, cron: "* * * *"}]', 'schedules[0].cron'],
  ['schedules: [{name: a, cron: "0 0 31 2 *"}]', 'schedules[0].cron'],
  ['schedules: [{name: a, cron: "61 * * * *"}]', 'schedules[0].cron'],
  ['schedules: [{name: a, cron: "* * * * *", timezone: Mars/Base}]', 'schedules[0].timezone'],
  ['schedules: [{name: a, cron: "* * * * *"}, {name: a, cron: "* * * * *"}]', 'schedules[1].name'],
  ['http: {host: 0.0.0.0}', 'http.token'],
  ['http: {token: fifteen-letters}', 'http.token'],
  ['http: {port: 65536}', 'http.port'],
  ['notify: {on: [failed]}', 'notify.webhook'],
  ['notify: {webhook: "https://h", on: [fail]}', 'notify.on[0]'],
])('%s is refused at %s', async (yaml, place) => {
  expect(await refusal({yaml})).toContain(` ${place}: expected `);
});

test('two schemas of one database are two places', async () => {
  const yaml = `sinks: [${postgresSink('a', 'postgres://h/d')}, ${postgresSink('b', 'postgres://h/d', 'copy')}]`;
  expect((await load({yaml})).sinks.map(({name}) => name)).toEqual(['b']);
});

describe('text that is not YAML', () => {
  test.each([
    ['source: {pat: "abc\n', ':2:1: expected YAML, found that a quote'],
    ['a: 1\na: 2\n', ':2:1: expected YAML, found that the key appears twice'],
    ['a: *secret\n', ':1:4: expected YAML, found an alias'],
    ['- a\n', ':1:1: expected a mapping of keys'],
  ])('%j is refused with its position and without its text', async (yaml, said) => {
    const message = await refusal({yaml});
    expect(message).toContain(said);
    expect(message).not.toMatch(/abc|secret/);
  });
});

describe('secrets', () => {
  const SECRET = 'hunter2-with-spaces and more';
  test.each([
    `source: {pat: "${SECRET}"}`,
    `source: "${SECRET}"`,
    `sources: {pat: "${SECRET}"}`,
    `state: {url: "mysql://u:${SECRET}@h/d"}`,
    `source: {base_url: "https://u:${SECRET}@h"}`,
    `sinks: ["postgres://u:${SECRET}@h/d"]`,
    `http: {token: "${SECRET}"}`,
    `notify: {webhook: "${SECRET}", secret: 5}`,
    `sinks: [{name: a, type: s3, url: "${SECRET}", secret_access_key: ["${SECRET}"]}]`,
    `pat: "${SECRET}`,
  ])('%s does not come back in the message', async (yaml) => {
    expect(await refusal({yaml})).not.toContain('hunter2');
  });

  test('from a variable do not come back from a key that is none', async () => {
    const yaml = 'source: {page_size: "${MY_TOKEN}"}';
    expect(await refusal({yaml, env: {...COMPLETE, MY_TOKEN: 'hunter2'}})).toContain('found text that is not shown');
  });

  test('from a file do not come back from a key that is none', async () => {
    const given = {yaml: 'streams: "${WORD}"', env: {...COMPLETE, WORD_FILE: '/s'}, files: {'/s': 'hunter2'}};
    expect(await refusal(given)).toContain(
      'streams: expected default, all, or a list of stream names, found text that is not shown',
    );
  });
});

test('a key that says what the default says is taken', async () => {
  const yaml = [
    'streams: default',
    'stream_options: {annotations: {strategy: window, redact: [], exclude: []}}',
    'sinks: []',
    'queue: {url: "${REDIS_URL}"}',
    'schedules: []',
    'http: {host: 127.0.0.1, port: 8080, token: "${CLARIFAI_SYNC_TOKEN}"}',
    'run: {purge_deleted_after: never}',
  ].join('\n');
  expect((await load({yaml})).http.token).toBeNull();
});

test('whatever the file holds, the answer is a configuration or a ConfigError', async () => {
  const words = [...new Set(tableRows().flatMap(({key}) => key.split(/\W+/)))];
  const {value} = fc.letrec<{value: unknown}>((tie) => ({
    value: fc.oneof(
      {maxDepth: 4},
      fc.constantFrom<unknown>(
        null,
        true,
        0,
        1.5,
        'all',
        'postgres',
        's3',
        '10m',
        '8MiB',
        '${A}',
        '${',
        'postgres://h/d',
      ),
      fc.string(),
      fc.array(tie('value'), {maxLength: 3}),
      fc.dictionary(fc.constantFrom(...words, '__proto__', 'constructor'), tie('value'), {maxKeys: 6}),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(value, async (value) => {
      const error: unknown = await load({yaml: JSON.stringify(value)}).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (error !== undefined) expect(error).toBeInstanceOf(ConfigError);
    }),
    {numRuns: 500},
  );
});

test.each(['__proto__: {pat: x}', 'source: {__proto__: {}}', 'stream_options: {__proto__: {}}', 'constructor: 1'])(
  '%s is refused as any other unknown key',
  async (yaml) => {
    expect(await refusal({yaml})).toMatch(/expected (a known key|the name of a stream)/);
  },
);

describe('options of a stream', () => {
  test.each([
    [
      'inputs: {strategy: list}',
      'stream_options.inputs.strategy',
      'expected tail, found "list" (text): new inputs come',
    ],
    ['annotations: {strategy: tail}', 'stream_options.annotations.strategy', 'expected window or list'],
    ['annotations: {redact: [input_id]}', 'stream_options.annotations.redact[0]', 'the key part input_id'],
    ['annotations: {redact: [modified_at]}', 'stream_options.annotations.redact[0]', 'the newer one'],
    ['annotations: {redact: [status]}', 'stream_options.annotations.redact[0]', 'not final yet'],
    ['annotations: {exclude: [data..text]}', 'stream_options.annotations.exclude[0]', 'single dots'],
    ['dataset_inputs: {redact: [input]}', 'stream_options.dataset_inputs.redact[0]', 'the key part input_id'],
  ])('%s is refused with the reason', async (yaml, place, reason) => {
    const options = {knownStreams: CATALOGUE};
    const said = await refusal({yaml: `stream_options: {${yaml}}`, options});
    expect(said.split('\n').find((line) => line.includes(`${place}: `))).toContain(reason);
  });

  test('places with stars, and list in the place of window, are taken', async () => {
    const yaml = 'stream_options: {annotations: {strategy: list, redact: [data.regions.*.data.text], exclude: [data]}}';
    const {streamOptions} = await load({yaml, options: {knownStreams: CATALOGUE}});
    expect(streamOptions['annotations']).toMatchObject({
      strategy: 'list',
      redact: [['data', 'regions', '*', 'data', 'text']],
    });
  });
});
