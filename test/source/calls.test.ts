import {describe, expect, test} from 'vitest';
import {BugError} from '../../src/core/errors.ts';
import {
  SourceGoneError,
  SourceNotOfferedError,
  SourceRefusedError,
  SourceScopeError,
} from '../../src/core/source-errors.ts';
import {getApp, inputCounts, inputsByIds, listByKeys, recordExists, whoAmI} from '../../src/source/calls.ts';
import {idsOf, OK, startApi, type Reply} from './scripted-api.ts';

const never = new AbortController().signal;
const SCOPE = {userId: 'acme', appId: 'plants'};
const answering = (reply: Reply) => startApi(() => reply);
const status = (http: number, code: number): Reply => ({http, body: {status: {code}}});

describe('whoAmI', () => {
  test('gives the real id behind me', async () => {
    await using api = await answering({body: {status: OK, user: {id: 'acme'}}});
    expect(await whoAmI(api.client(), never)).toBe('acme');
    expect(api.asked[0]?.path).toBe('/v2/users/me');
  });

  test.each([{user: {}}, {}])('refuses an answer that holds no id: %j', async (rest) => {
    await using api = await answering({body: {status: OK, ...rest}});
    await expect(whoAmI(api.client(), never)).rejects.toThrow(SourceRefusedError);
  });
});

describe('getApp', () => {
  const APP = {
    id: 'plants',
    modified_at: '2024-03-05T12:00:00.000000001Z',
    extra_info: {search_revision_marker: '3f2a', counts: {datasets: '3', inputs: '1234'}},
  };

  test('gives marker, counts and the record itself', async () => {
    await using api = await answering({body: {status: OK, app: APP}});
    const app = await getApp(api.client(), SCOPE, never);
    expect(app).toMatchObject({marker: '3f2a', modifiedAt: APP.modified_at, counts: {datasets: 3, inputs: 1234}});
    expect(JSON.parse(app.records.bytes.toString('utf8', app.records.spans[0], app.records.spans[1]))).toEqual(APP);
    expect(api.asked[0]).toMatchObject({path: '/v2/users/acme/apps/plants'});
    expect(api.asked[0]?.query.get('additional_fields')).toBe('counts');
  });

  test.each([{}, {extra_info: {}}, {extra_info: {search_revision_marker: ''}}])(
    'knows no marker in %j',
    async (app) => {
      await using api = await answering({body: {status: OK, app}});
      expect(await getApp(api.client(), SCOPE, never)).toMatchObject({marker: null, counts: {}, modifiedAt: null});
    },
  );

  test('says that the app is gone', async () => {
    await using api = await answering(status(404, 11101));
    await expect(getApp(api.client(), SCOPE, never)).rejects.toThrow(SourceGoneError);
  });
});

describe('inputCounts', () => {
  test('adds up the four states, and not the four of reindexing', async () => {
    const counts = {
      processed: 1230,
      to_process: 5,
      errors: 3,
      processing: 1,
      reindexed: 1230,
      to_reindex: 9,
      reindex_errors: 1,
      reindexing: 1,
    };
    await using api = await answering({body: {status: OK, counts}});
    expect(await inputCounts(api.client(), SCOPE, never)).toBe(1239);
  });

  test('is unknown, not zero, when the answer holds no counts', async () => {
    await using api = await answering({body: {status: OK}});
    expect(await inputCounts(api.client(), SCOPE, never)).toBeNull();
  });
});

describe('inputsByIds', () => {
  test('asks for just these', async () => {
    await using api = await answering({body: {status: OK, inputs: [{id: 'b'}]}});
    expect(idsOf(await inputsByIds(api.client(), SCOPE, ['a', 'b'], never))).toEqual(['b']);
    expect(api.asked[0]?.query.toString()).toBe('ids=a&ids=b&page=1&per_page=2');
  });

  test.each([0, 129])('refuses %i ids', async (count) => {
    await using api = await answering({});
    await expect(inputsByIds(api.client(), SCOPE, Array<string>(count).fill('a'), never)).rejects.toThrow(BugError);
    expect(api.asked).toEqual([]);
  });
});

describe('listByKeys', () => {
  const LIST = {template: '/v2/annotations', params: {}, field: 'annotations', query: {list_all_annotations: true}};

  test('repeats each part of the keys, in order', async () => {
    await using api = await answering({body: {status: OK, annotations: [{id: 'x'}]}});
    await listByKeys(api.client(), {...LIST, perPage: 500}, {input_ids: ['i', 'j'], ids: ['x', 'y']}, never);
    expect(api.asked[0]?.query.toString()).toBe(
      'list_all_annotations=true&input_ids=i&input_ids=j&ids=x&ids=y&page=1&per_page=500',
    );
  });

  test('refuses keys with a part missing', async () => {
    await using api = await answering({});
    await expect(listByKeys(api.client(), LIST, {input_ids: ['i', 'j'], ids: ['x']}, never)).rejects.toThrow(BugError);
  });
});

describe('recordExists', () => {
  const ask = async (reply: Reply) => {
    await using api = await answering(reply);
    return await recordExists(api.client(), '/v2/models/{model_id}', {model_id: 'm'}, never);
  };

  test('is alive when it is answered', async () => {
    expect(await ask({body: {status: OK, model: {id: 'm'}}})).toBe('alive');
  });

  test.each([11101, 21200, 22102, 30102])('is gone by code %i', async (code) => {
    expect(await ask(status(404, code))).toBe('gone');
  });

  test.each([
    ['HTTP 404 of the gateway', {http: 404, body: {code: 5, message: 'Not Found'}}, SourceNotOfferedError],
    ['HTTP 404 with another code', status(404, 77777), SourceRefusedError],
    ['a missing scope', status(403, 11007), SourceScopeError],
  ])('is not gone by %s', async (_, reply, expected) => {
    await expect(ask(reply)).rejects.toThrow(expected);
  });
});
