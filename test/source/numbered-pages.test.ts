import {describe, expect, test} from 'vitest';
import {BugError} from '../../src/core/errors.ts';
import type {Cursor} from '../../src/core/cursor.ts';
import {SourcePageTooLargeError, SourcePagingCapError, SourceScopeError} from '../../src/core/source-errors.ts';
import type {ApiClient} from '../../src/source/client.ts';
import {numberedPages, type NumberedOptions} from '../../src/source/numbered-pages.ts';
import type {ListCall, SourcePage} from '../../src/source/pages.ts';
import {idsOf, numberedList, OK, startApi, type Asked, type Reply} from './scripted-api.ts';

const never = new AbortController().signal;
const LIST: ListCall = {method: 'GET', template: '/v2/concepts', params: {}, records: {field: 'concepts'}};
const names = (count: number, from = 0) => Array.from({length: count}, (_, i) => String(from + i));

async function readAll(
  client: ApiClient,
  options: Partial<NumberedOptions> = {},
  call: ListCall = LIST,
): Promise<SourcePage[]> {
  const pages: SourcePage[] = [];
  for await (const page of numberedPages(client, call, {from: null, pageSize: 10, ...options}, never)) pages.push(page);
  return pages;
}

const listOf = (count: number) => startApi(numberedList('concepts', count));
const sizeOf = ({query}: Asked) => Number(query.get('per_page'));
const offsetOf = (asked: Asked) => (Number(asked.query.get('page')) - 1) * sizeOf(asked);
/** The answer that never comes has been asked for, and one more. */
async function aheadIsAsked(asked: readonly Asked[]): Promise<void> {
  while (!asked.some((one) => offsetOf(one) >= 110)) await new Promise(setImmediate);
}
const status = (http: number, code: number, details = ''): Reply => ({http, body: {status: {code, details}}});

/** Refuses pages that hold a record of `heavy` while they have more than `most` records. */
const refusing = (count: number, heavy: (offset: number) => boolean, most: number, refusal: Reply) =>
  startApi((asked, response) => {
    const offsets = names(sizeOf(asked), offsetOf(asked)).map(Number);
    return sizeOf(asked) > most && offsets.some(heavy) ? refusal : numberedList('concepts', count)(asked, response);
  });

describe('numberedPages', () => {
  test.each([0, 1, 9, 10, 11, 30, 95, 237])(
    'hands on all of %i records once, in order, and the empty page last',
    async (count) => {
      await using api = await listOf(count);
      const pages = await readAll(api.client());
      expect(pages.flatMap(idsOf)).toEqual(names(count));
      expect(pages.map(({more}) => more)).toEqual([...pages.slice(1).map(() => true), false]);
      expect(pages.at(-1)?.spans).toHaveLength(0);
    },
  );

  test.each([
    [0, 1],
    [7, 2],
    [15, 3],
  ])('asks for a list of %i records no oftener than needed: %i', async (count, requests) => {
    await using api = await listOf(count);
    await readAll(api.client());
    expect(api.asked).toHaveLength(requests);
  });

  test.each([10, 20, 30, 35, 50, 75, 95, 155, 400])(
    'wastes on a list of %i records half as many requests as it has pages at most, and five',
    async (count) => {
      await using api = await listOf(count);
      const pages = await readAll(api.client());
      expect(api.asked.length - pages.length).toBeLessThanOrEqual(Math.min(5, Math.ceil(count / 10 / 2)));
    },
  );

  test('has as many pages of one list in flight as there are places, where the rate is limited', async () => {
    let comeTwelfth = () => {};
    const twelfth = new Promise<void>((resolve) => (comeTwelfth = resolve));
    let held = 0;
    await using api = await startApi(async (asked, response) => {
      if (offsetOf(asked) >= 300 && ++held === 12) comeTwelfth();
      if (offsetOf(asked) >= 300) await twelfth;
      return numberedList('concepts', 1000)(asked, response);
    });
    const pages = await readAll(api.client({requestsPerSecond: 1_000_000, maxConcurrency: 12}));
    expect(pages.flatMap(idsOf)).toEqual(names(1000));
  });

  test('reads nothing ahead that would have to wait for a place in flight: who asks next has it', async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const others: Promise<unknown>[] = [];
    const other = (template: string) => others.push(client.get(template, {}, {}, {}, never));
    await using api = await startApi(async (asked, response) => {
      if (asked.path === '/v2/held') await held;
      if (asked.path === '/v2/concepts' && offsetOf(asked) === 100) other('/v2/other');
      return numberedList('concepts', 200)(asked, response);
    });
    const client = api.client({maxConcurrency: 2});
    other('/v2/held');
    await readAll(client);
    letGo();
    await Promise.all(others);
    const paths = api.asked.filter(({path}) => path !== '/v2/held');
    const at = paths.findIndex((asked) => offsetOf(asked) === 100);
    expect(paths[at + 1]?.path).toBe('/v2/other');
  });

  test('asks for nothing beyond a short page but the empty one, once it knows of it', async () => {
    await using api = await startApi(async (asked, response) => {
      // The fifth page comes after the short sixth and the empty seventh.
      if (offsetOf(asked) === 40) while (api.reports.length < 6) await new Promise(setImmediate);
      return numberedList('concepts', 55)(asked, response);
    });
    const pages = numberedPages(api.client(), LIST, {from: null, pageSize: 10}, never);
    for (let i = 0; i < 5; i++) await pages.next();
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(api.asked).toHaveLength(7);
    await pages.return();
  });

  test('reads on behind a short page', async () => {
    await using api = await startApi(({query}) => {
      const ids = {1: names(10), 2: names(3, 10), 3: names(10, 20), 4: ['30']}[Number(query.get('page'))] ?? [];
      return {body: {status: OK, concepts: ids.map((id) => ({id}))}};
    });
    const pages = await readAll(api.client());
    expect(pages.map((page) => idsOf(page).length)).toEqual([10, 3, 10, 1, 0]);
  });

  test('hands pages on in order though they come in another', async () => {
    const held: (() => void)[] = [];
    await using api = await startApi(async (asked, response) => {
      // Of those asked for together, the later ones come first.
      if (asked.index > 0 && offsetOf(asked) % 20 === 10) await new Promise<void>((resolve) => held.push(resolve));
      else for (const open of held.splice(0)) setImmediate(open);
      return numberedList('concepts', 100)(asked, response);
    });
    const timer = setInterval(() => held.splice(0).forEach((open) => open()), 5);
    const pages = await readAll(api.client());
    clearInterval(timer);
    expect(pages.flatMap(idsOf)).toEqual(names(100));
  });

  test('has several pages in flight, and no more than it may', async () => {
    let inFlight = 0;
    let most = 0;
    await using api = await startApi(async (asked, response) => {
      most = Math.max(most, ++inFlight);
      await new Promise(setImmediate);
      inFlight -= 1;
      return numberedList('concepts', 1000)(asked, response);
    });
    await readAll(api.client(), {readAhead: {pages: 3, bytes: 1e6}});
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
  });

  test('asks for nothing more while the consumer does not come back', async () => {
    await using api = await listOf(10_000);
    const pages = numberedPages(
      api.client(),
      LIST,
      {from: null, pageSize: 10, readAhead: {pages: 4, bytes: 1e6}},
      never,
    );
    for (let i = 0; i < 20; i++) await pages.next();
    while (api.reports.length < 24) await new Promise(setImmediate);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(api.asked).toHaveLength(24);
    await pages.return();
  });

  test('bounds what is read ahead by its bytes', async () => {
    await using api = await startApi(numberedList('concepts', 200, (i) => ({id: String(i), text: 'x'.repeat(1000)})));
    const pages = numberedPages(
      api.client(),
      LIST,
      {from: null, pageSize: 10, readAhead: {pages: 6, bytes: 25_000}},
      never,
    );
    for (let i = 0; i < 10; i++) await pages.next();
    while (api.reports.length < 12) await new Promise(setImmediate);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(api.asked).toHaveLength(12);
    await pages.return();
  });

  test('sends the page of a search in its body', async () => {
    await using api = await startApi((asked, response) =>
      numberedList('hits', 12, (i) => ({annotation: {id: String(i)}}))(asked, response),
    );
    const search: ListCall = {
      method: 'POST',
      template: '/v2/s',
      params: {},
      body: {q: 1},
      records: {field: 'hits', member: 'annotation'},
    };
    expect((await readAll(api.client(), {}, search)).flatMap(idsOf)).toEqual(names(12));
    expect(JSON.parse(api.asked[1]!.body)).toEqual({q: 1, pagination: {page: 2, per_page: 10}});
  });

  test('does not take a page of hits without records for the end', async () => {
    await using api = await startApi(
      numberedList('hits', 25, (i) => (i < 10 || i > 19 ? {annotation: {id: String(i)}} : {score: 1})),
    );
    const search: ListCall = {
      method: 'POST',
      template: '/v2/s',
      params: {},
      body: {},
      records: {field: 'hits', member: 'annotation'},
    };
    const pages = await readAll(api.client(), {}, search);
    expect(pages.map(({spans, skipped, more}) => [spans.length / 2, skipped, more])).toEqual([
      [10, 0, true],
      [0, 10, true],
      [5, 0, true],
      [0, 0, false],
    ]);
  });
});

describe('numberedPages, resumed', () => {
  test('goes on after any page without a gap or a repetition', async () => {
    await using api = await listOf(48);
    const client = api.client();
    const pages = await readAll(client);
    for (const [i, page] of pages.entries()) {
      const rest = await readAll(client, {from: page.end});
      expect(rest.flatMap(idsOf)).toEqual(pages.slice(i + 1).flatMap(idsOf));
    }
  });

  test.each([7, 25, 1000])('goes on with pages of another size: %i', async (pageSize) => {
    await using api = await listOf(100);
    const client = api.client();
    const [, second] = await readAll(client);
    expect((await readAll(client, {from: second!.end, pageSize})).flatMap(idsOf)).toEqual(names(80, 20));
  });

  test('refuses a cursor of another kind', async () => {
    await using api = await listOf(1);
    await expect(readAll(api.client(), {from: 'id:7' as Cursor})).rejects.toThrow(BugError);
  });
});

describe('numberedPages, when a page is too large', () => {
  test.each([
    ['the server says so', status(500, 40033)],
    ['the server takes too long', {http: 504, body: 'timeout'}],
    ['the call behind it takes too long', status(500, 40032)],
  ])('reads the same records in smaller ones: %s', async (_, refusal) => {
    await using api = await refusing(200, (offset) => offset >= 40 && offset < 60, 5, refusal);
    const pages = await readAll(api.client(), {pageSize: 20});
    expect(pages.flatMap(idsOf)).toEqual(names(200));
  });

  test('uses larger ones again behind the heavy place', async () => {
    await using api = await refusing(2000, (offset) => offset === 3, 5, status(500, 40033));
    await readAll(api.client(), {pageSize: 20});
    expect(sizeOf(api.asked.at(-1)!)).toBe(20);
  });

  test('goes on in the smaller size when resumed in between', async () => {
    await using api = await refusing(60, () => true, 5, status(500, 40033));
    const client = api.client();
    const pages = await readAll(client, {pageSize: 20});
    const before = api.asked.length;
    const rest = await readAll(client, {pageSize: 20, from: pages[4]!.end});
    expect(rest.flatMap(idsOf)).toEqual(names(35, 25));
    expect(api.asked.slice(before).map(sizeOf)).toEqual(api.asked.slice(before).map(() => 5));
  });

  test('fails when one record alone is too large', async () => {
    await using api = await refusing(60, (offset) => offset === 33, 0, status(500, 40033));
    await expect(readAll(api.client(), {pageSize: 20})).rejects.toThrow(SourcePageTooLargeError);
  });

  test('asks for less when pages have many bytes', async () => {
    await using api = await startApi(numberedList('concepts', 60, (i) => ({id: String(i), text: 'x'.repeat(500_000)})));
    const pages = await readAll(api.client(), {pageSize: 20});
    expect(pages.flatMap(idsOf)).toEqual(names(60));
    expect(pages.map(({perPage}) => perPage).slice(0, 2)).toEqual([20, 5]);
  });
});

describe('numberedPages, when something fails', () => {
  test('hands on the pages before the failure, then throws it', async () => {
    await using api = await startApi((asked, response) =>
      offsetOf(asked) >= 50 ? status(403, 11007) : numberedList('concepts', 1000)(asked, response),
    );
    const seen: string[] = [];
    const reading = (async () => {
      for await (const page of numberedPages(api.client(), LIST, {from: null, pageSize: 10}, never))
        seen.push(...idsOf(page));
    })();
    await expect(reading).rejects.toThrow(SourceScopeError);
    expect(seen).toEqual(names(50));
  });

  test('says that the paging cap was reached', async () => {
    await using api = await startApi((asked, response) =>
      offsetOf(asked) >= 20
        ? status(400, 40002, 'page * perPage cannot exceed 20')
        : numberedList('concepts', 30)(asked, response),
    );
    await expect(readAll(api.client())).rejects.toThrow(SourcePagingCapError);
  });

  test('does not mind a cap that only reading ahead has met', async () => {
    await using api = await startApi((asked, response) =>
      offsetOf(asked) > 80
        ? status(400, 40002, 'page * perPage cannot exceed 90')
        : numberedList('concepts', 80)(asked, response),
    );
    expect((await readAll(api.client())).flatMap(idsOf)).toEqual(names(80));
  });

  test('throws the reason of the signal and leaves no rejection behind', async () => {
    const unheard: unknown[] = [];
    const onUnheard = (reason: unknown) => unheard.push(reason);
    process.on('unhandledRejection', onUnheard);
    await using api = await startApi((asked, response) =>
      offsetOf(asked) >= 100 ? null : numberedList('concepts', 1000)(asked, response),
    );
    const stop = new AbortController();
    const reading = (async () => {
      for await (const {end} of numberedPages(api.client(), LIST, {from: null, pageSize: 10}, stop.signal)) {
        if (end !== 'page:100:10') continue;
        await aheadIsAsked(api.asked);
        stop.abort(new Error('drain'));
      }
    })();
    await expect(reading).rejects.toThrow('drain');
    await new Promise(setImmediate);
    process.off('unhandledRejection', onUnheard);
    expect(unheard).toEqual([]);
  });

  test('ends what is in flight when the consumer leaves', async () => {
    await using api = await startApi((asked, response) =>
      offsetOf(asked) >= 100 ? null : numberedList('concepts', 1000)(asked, response),
    );
    for await (const {end} of numberedPages(api.client(), LIST, {from: null, pageSize: 10}, never)) {
      if (end !== 'page:100:10') continue;
      await aheadIsAsked(api.asked);
      break;
    }
    expect(api.reports.filter(({outcome}) => outcome === 'aborted').length).toBeGreaterThan(0);
    // One that was aborted on its way out may never have reached the server.
    expect(api.reports.length).toBeGreaterThanOrEqual(api.asked.length);
  });
});
