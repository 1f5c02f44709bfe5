import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {interpolate, referencesIn} from '../../src/config/interpolate.ts';
import {COMPLETE, load, refusal} from './load-for-test.ts';

const variables = new Map([
  ['A', {text: 'x${B}', isSecret: false}],
  ['PW', {text: 's', isSecret: true}],
]);

describe('interpolate', () => {
  test.each([
    ['plain', {kind: 'plain', text: 'plain'}],
    ['${A}', {kind: 'filled', text: 'x${B}', isSecret: false}],
    ['a-${PW}-b', {kind: 'filled', text: 'a-s-b', isSecret: true}],
    ['${NONE:-}', {kind: 'filled', text: '', isSecret: false}],
    ['${NONE:-d:-e}', {kind: 'filled', text: 'd:-e', isSecret: false}],
    ['${A:-d}', {kind: 'filled', text: 'x${B}', isSecret: false}],
    ['$${A}', {kind: 'plain', text: '${A}'}],
    ['$A $ {A}', {kind: 'plain', text: '$A $ {A}'}],
    ['${NONE}', {kind: 'absent', variable: 'NONE'}],
  ])('%j gives %j', (text, expected) => {
    expect(interpolate(text, variables)).toEqual(expected);
  });

  test.each(['${', '${}', '${1A}', '${A-b}', '${A', 'x${NONE}', '${NONE}${A}'])('%j is refused', (text) => {
    expect(interpolate(text, variables).kind).toBe('wrong');
  });

  test('puts a value in as it is, whatever signs are in it', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const result = interpolate('<${V}>', new Map([['V', {text: value, isSecret: false}]]));
        expect(result).toEqual({kind: 'filled', text: `<${value}>`, isSecret: false});
      }),
    );
  });

  test('asks for the variables that a text names', () => {
    expect(referencesIn('${A}$${B}${C:-${D}')).toEqual(['A', 'C']);
  });
});

test('text of a variable counts as the number or yes-or-no that belongs there', async () => {
  const yaml =
    'source: {requests_per_second: "${RPS}", page_size: "${SIZE:-500}"}\nsinks: [{name: w, type: postgres, url: "${DB}", history: "${H}"}]';
  const {source, store} = await load({yaml, env: {...COMPLETE, RPS: '7.5', H: 'true', DB: 'postgres://h/d'}});
  expect([source.requestsPerSecond, source.pageSize, store.kind === 'url' && store.history]).toEqual([7.5, 500, true]);
});

test('text of a variable stays text where text belongs', async () => {
  const {apps} = await load({
    yaml: 'apps: [{user_id: "${U}", app_id: "${A}"}]',
    env: {...COMPLETE, U: '12', A: 'true'},
  });
  expect(apps).toEqual([{userId: '12', appId: 'true'}]);
});

test('a key that needs a value names the variable that has none', async () => {
  const yaml = 'source: {pat: "${MY_PAT}"}\nsinks: [{name: w, type: postgres, url: "${MY_DB}"}]';
  const message = await refusal({yaml});
  expect(message).toContain('source.pat: expected a personal access token');
  expect(message).toContain('found nothing, because the variable MY_PAT is not set');
  expect(message).toContain('found nothing, because the variable MY_DB is not set');
});

test.each([
  ['http: {token: "${TOKEN_TYPO}"}', 'http.token', 'TOKEN_TYPO'],
  ['notify: {webhook: "https://h", secret: "${SECRET_TYPO}"}', 'notify.secret', 'SECRET_TYPO'],
  ['queue: {url: "${QUEUE_TYPO}"}', 'queue.url', 'QUEUE_TYPO'],
  ['source: {base_url: "${API_TYPO}"}', 'source.base_url', 'API_TYPO'],
  ['http: {token: "${REDIS_URL}"}', 'http.token', 'REDIS_URL'],
])('%s is refused while the variable is not set', async (yaml, place, variable) => {
  expect(await refusal({yaml})).toMatch(
    new RegExp(
      `^  clarifai-sync.yaml:1:\\d+ ${place}: expected .*, found nothing, because the variable ${variable} is`,
      'm',
    ),
  );
});

test('a key that names the variable that fills it is left out in silence while that is not set', async () => {
  const yaml =
    'source: {base_url: "${CLARIFAI_API_BASE}", pat: "${CLARIFAI_PAT}"}\nqueue: {url: "${REDIS_URL}"}\nhttp: {token: "${CLARIFAI_SYNC_TOKEN}"}';
  const {CLARIFAI_PAT: _, ...env} = COMPLETE;
  const {http, notes, queueUrl, source} = await load({yaml, env, options: {needs: []}});
  expect([http.token, queueUrl, source.pat, source.baseUrl]).toEqual([null, null, null, 'https://api.clarifai.com']);
  expect(notes).toEqual([]);
});

test('any other key that names a variable without a value is noted', async () => {
  const {notes} = await load({yaml: 'run: {settle: "${SETTLE}", sweep_hours: "${SWEEP:-12}"}'});
  expect(notes).toEqual([
    'run.settle names the variable SETTLE, which is not set: taken as if run.settle were left out',
  ]);
});

test('another variable never takes the place of the one that was named', async () => {
  const yaml = 'source: {pat: "${MY_PAT}"}';
  expect((await load({yaml, options: {needs: ['apps']}})).source.pat).toBeNull();
});

describe('NAME_FILE', () => {
  const {CLARIFAI_PAT: _, ...rest} = COMPLETE;
  test('gives the trimmed content of the file, relative to the working folder', async () => {
    const {source} = await load({
      env: {...rest, CLARIFAI_PAT_FILE: 'secrets/pat'},
      files: {'/work/secrets/pat': ' t0ken\n'},
    });
    expect(source.pat).toBe('t0ken');
  });

  test('works for a variable that the file names', async () => {
    const yaml = 'state: {url: "postgres://u:${PGPASS}@h/d"}';
    const {store} = await load({yaml, env: {...COMPLETE, PGPASS_FILE: '/s'}, files: {'/s': 'pw\n'}});
    expect(store).toMatchObject({url: 'postgres://u:pw@h/d'});
  });

  test.each([
    ['cannot be read', {}, 'CLARIFAI_PAT_FILE: expected the name of a file that can be read, found ENOENT'],
    ['is empty', {'/s': ' \n'}, 'CLARIFAI_PAT_FILE: expected a file with a secret in it, found an empty one'],
  ])('is refused when the file %s', async (_, files, said) => {
    expect(await refusal({env: {...rest, CLARIFAI_PAT_FILE: '/s'}, files})).toContain(said);
  });

  test('is refused beside NAME', async () => {
    expect(await refusal({env: {...COMPLETE, CLARIFAI_PAT_FILE: '/s'}, files: {'/s': 'x'}})).toContain(
      'CLARIFAI_PAT: expected one of CLARIFAI_PAT and CLARIFAI_PAT_FILE, found both',
    );
  });
});
