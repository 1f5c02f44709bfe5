import {describe, expect, test} from 'vitest';
import {SourceCursorStuckError, SourceGoneError} from '../../src/core/source-errors.ts';
import type {ApiClient} from '../../src/source/client.ts';
import {
  cursorAfterId,
  keysetPages,
  lastIdOf,
  type KeysetOptions,
  type KeysetPage,
} from '../../src/source/input-stream.ts';
import {idsOf, OK, startApi, type Asked, type Reply} from './scripted-api.ts';

const never = new AbortController().signal;
const CALL = {template: '/v2/inputs/stream', params: {}, field: 'inputs'};
const names = (count: number, from = 0) => Array.from({length: count}, (_, i) => `in/${from + i}`);

function streaming(count: number, special: (asked: Asked) => Reply | null = () => null) {
  return startApi((asked) => {
    const reply = special(asked);
    if (reply !== null) return reply;
    const lastId = asked.query.get('last_id');
    const from = lastId === null ? 0 : Number(lastId.slice(3)) + 1;
    const length = Math.min(Number(asked.query.get('per_page')), count - from);
    return {body: {status: OK, inputs: names(Math.max(0, length), from).map((id) => ({id}))}};
  });
}

async function readAll(client: ApiClient, options: Partial<KeysetOptions> = {}): Promise<KeysetPage[]> {
  const pages: KeysetPage[] = [];
  for await (const page of keysetPages(client, CALL, {from: null, pageSize: 10, ...options}, never)) pages.push(page);
  return pages;
}

describe('keysetPages', () => {
  test.each([0, 1, 10, 11, 35])('hands on all of %i records once, and the empty page last', async (count) => {
    await using api = await streaming(count);
    const pages = await readAll(api.client());
    expect(pages.flatMap(idsOf)).toEqual(names(count));
    expect(pages.map(({more}) => more)).toEqual([...pages.slice(1).map(() => true), false]);
    expect(api.asked).toHaveLength(pages.length);
  });

  test('leaves last_id out for the beginning', async () => {
    await using api = await streaming(3);
    await readAll(api.client());
    expect(api.asked.map(({query}) => query.get('last_id'))).toEqual([null, 'in/2']);
  });

  test('goes on after an id that somebody else chose', async () => {
    await using api = await streaming(20);
    expect((await readAll(api.client(), {from: cursorAfterId('in/4')})).flatMap(idsOf)).toEqual(names(15, 5));
  });

  test('finds what was added later from the cursor of the end, also of an empty list', async () => {
    await using before = await streaming(0);
    const [empty] = await readAll(before.client());
    await using later = await streaming(3);
    const pages = await readAll(later.client(), {from: empty!.end});
    expect(pages.flatMap(idsOf)).toEqual(names(3));
    await using evenLater = await streaming(5);
    expect((await readAll(evenLater.client(), {from: pages.at(-1)!.end})).flatMap(idsOf)).toEqual(names(2, 3));
  });

  test('tells the last ids of a page, newest last', async () => {
    await using api = await streaming(12);
    const pages = await readAll(api.client());
    expect(pages.map(({lastIds}) => lastIds)).toEqual([names(5, 5), names(2, 10), []]);
    expect(lastIdOf(pages[0]!.end)).toBe('in/9');
  });

  test('goes on from the last record that has an id to ask for', async () => {
    await using api = await streaming(3, ({query}) => {
      const inputs = [{id: 'in/0'}, {id: 'in/1'}, {note: 'no id'}, {id: '\ud800'}];
      return query.get('last_id') === null ? {body: {status: OK, inputs}} : null;
    });
    const pages = await readAll(api.client());
    expect(lastIdOf(pages[0]!.end)).toBe('in/1');
  });

  test('fails when a page ends where it began', async () => {
    await using api = await streaming(3, ({query}) =>
      query.get('last_id') === null ? null : {body: {status: OK, inputs: [{id: 'in/1'}, {id: 'in/2'}]}},
    );
    await expect(readAll(api.client())).rejects.toThrow(SourceCursorStuckError);
  });

  test('fails when no record of a full page says its id', async () => {
    const inputs = Array.from({length: 10}, () => ({note: 'no id'}));
    await using api = await streaming(1, () => ({body: {status: OK, inputs}}));
    await expect(readAll(api.client())).rejects.toThrow(SourceCursorStuckError);
  });

  test('ends behind a short page whose records have no ids', async () => {
    await using api = await streaming(1, () => ({body: {status: OK, inputs: [{note: 'no id'}]}}));
    const pages = await readAll(api.client());
    expect(pages.map(({more}) => more).at(-1)).toBe(false);
  });

  test('asks for less where the server cannot give so much, from the same place', async () => {
    await using api = await streaming(40, ({query}) =>
      query.get('last_id') === 'in/9' && Number(query.get('per_page')) > 2 ? {http: 504, body: 'timeout'} : null,
    );
    expect((await readAll(api.client())).flatMap(idsOf)).toEqual(names(40));
  });

  test('hands on a page before the failure of the next', async () => {
    await using api = await streaming(40, ({query}) =>
      query.get('last_id') === 'in/9' ? {http: 404, body: {status: {code: 11101}}} : null,
    );
    const seen: string[] = [];
    const reading = (async () => {
      for await (const page of keysetPages(api.client(), CALL, {from: null, pageSize: 10}, never))
        seen.push(...idsOf(page));
    })();
    await expect(reading).rejects.toThrow(SourceGoneError);
    expect(seen).toEqual(names(10));
  });

  test('has at most one page on the way while the consumer has another', async () => {
    await using api = await streaming(1000);
    const pages = keysetPages(api.client(), CALL, {from: null, pageSize: 10}, never);
    await pages.next();
    while (api.reports.length < 2) await new Promise(setImmediate);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(api.asked).toHaveLength(2);
    await pages.return();
  });

  test('throws the reason of the signal', async () => {
    await using api = await startApi(() => null);
    const stop = new AbortController();
    const first = keysetPages(api.client(), CALL, {from: null, pageSize: 10}, stop.signal).next();
    while (api.asked.length === 0) await new Promise(setImmediate);
    stop.abort(new Error('drain'));
    await expect(first).rejects.toThrow('drain');
  });
});
