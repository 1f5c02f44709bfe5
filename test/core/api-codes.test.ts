import {readFileSync} from 'node:fs';
import {describe, expect, test} from 'vitest';
import {API_CODES, classify, codeNumber, type AnswerFacts, type ApiClass} from '../../src/core/api-codes.ts';

const facts = (change: Partial<AnswerFacts>): AnswerFacts => ({
  httpStatus: 200,
  code: null,
  description: null,
  details: null,
  body: 'status',
  ...change,
});

const is = (change: Partial<AnswerFacts>) => classify(facts(change));

/** clarifai-api.md, section 5.1, line by line. */
const FACT_SHEET: Record<Exclude<ApiClass, 'paging_cap'>, readonly number[]> = {
  ok: [10000, 10010, 10070],
  ok_if_records: [10020],
  retry: [
    10030, 21354, 39996, 40011, 40013, 40014, 40015, 40016, 40021, 40030, 40031, 40034, 40035, 41000, 41010, 41102,
    43001, 43002, 43003, 43006, 45001, 45005, 98004, 98005, 98006, 98008, 98009, 98011, 98013, 98014, 98021, 99001,
    99002, 99003, 99004, 99005, 99009,
  ],
  throttled: [11005],
  timeout: [40032],
  page_too_large: [40033],
  quota: [11000, 11003, 11004, 11006, 39997, 39998, 63000, 63001],
  credential: [11001, 11002, 11008, 11009],
  scope: [11007, 11200, 21201, 22103, 30103],
  gone: [11101, 21200, 22102, 30102],
  not_offered: [10040, 11103, 40036],
  moved: [10050],
  end: [11100, 11102, 11104, 11105, 39999, 40001, 40002, 40003, 40004, 40010, 40012, 40017, 40037, 12345, 43004],
};

describe('classify', () => {
  const cases = Object.entries(FACT_SHEET).flatMap(([expected, codes]) =>
    codes.map((code) => [code, expected] as const),
  );

  test.each(cases)('takes code %i for %s', (code, expected) => {
    expect(is({code, httpStatus: expected === 'ok' ? 200 : 400})).toBe(expected);
  });

  test.each(cases)('takes code %i for %s when it comes as digits', (code, expected) => {
    expect(is({code: String(code), httpStatus: expected === 'ok' ? 200 : 400})).toBe(expected);
  });

  test.each(Object.values(API_CODES))('takes the name %s for %s', (name, expected) => {
    expect(is({code: name, httpStatus: 200})).toBe(expected);
  });

  test('takes a name out of a range of server trouble for retry', () => {
    expect(is({code: 'REDIS_STREAM_ERR', httpStatus: 400})).toBe('retry');
  });

  test('goes by the code when the HTTP status is 200 all the same', () => {
    expect(is({code: 11005, httpStatus: 200})).toBe('throttled');
  });

  test.each([
    [500, 'retry'],
    [504, 'timeout'],
    [429, 'throttled'],
    [401, 'credential'],
    [404, 'end'],
  ] as const)('does not take a good code under HTTP %i for good but for %s', (httpStatus, expected) => {
    expect(is({code: 10000, httpStatus})).toBe(expected);
  });

  test.each([
    [200, 'end'],
    [400, 'end'],
    [401, 'credential'],
    [403, 'scope'],
    [404, 'end'],
    [429, 'throttled'],
    [500, 'retry'],
    [504, 'timeout'],
  ] as const)('takes an unknown code under HTTP %i for %s', (httpStatus, expected) => {
    expect(is({code: 77777, httpStatus})).toBe(expected);
  });

  test.each(['page * perPage cannot exceed 1000', 'Page*PerPage cannot  exceed 5', 'page * per_page cannot exceed 1'])(
    'sees the paging cap in "%s" under any code',
    (text) => {
      expect(is({code: 40002, httpStatus: 400, details: text})).toBe('paging_cap');
      expect(is({code: 10000, httpStatus: 200, description: text})).toBe('paging_cap');
      expect(is({httpStatus: 400, body: 'gateway', description: text})).toBe('paging_cap');
    },
  );

  test.each([
    [400, 'end'],
    [401, 'credential'],
    [403, 'scope'],
    [404, 'not_offered'],
    [405, 'not_offered'],
    [429, 'throttled'],
    [500, 'retry'],
    [501, 'retry'],
    [503, 'retry'],
    [504, 'timeout'],
    [200, 'retry'],
  ] as const)('takes an error of the gateway under HTTP %i for %s', (httpStatus, expected) => {
    expect(is({httpStatus, body: 'gateway'})).toBe(expected);
  });

  test.each([
    [200, 'retry'],
    [404, 'retry'],
    [403, 'retry'],
    [401, 'credential'],
    [414, 'end'],
    [429, 'throttled'],
    [502, 'retry'],
    [504, 'timeout'],
    [307, 'moved'],
  ] as const)('takes what is no answer of the API under HTTP %i for %s', (httpStatus, expected) => {
    expect(is({httpStatus, body: 'none'})).toBe(expected);
  });

  test('proves a deletion by no HTTP status alone', () => {
    for (const body of ['status', 'gateway', 'none'] as const) {
      for (let httpStatus = 200; httpStatus < 600; httpStatus++) expect(is({httpStatus, body})).not.toBe('gone');
    }
  });
});

test('the table has the numbers and names of the API definition', () => {
  const path = '../../node_modules/clarifai-nodejs-grpc/proto/clarifai/api/status/status_code.proto';
  const definition = readFileSync(new URL(path, import.meta.url), 'utf8');
  const defined = new Map(
    [...definition.matchAll(/^ {2}([A-Z_0-9]+) = (\d+)/gm)].map(([, name, code]) => [Number(code), name]),
  );
  expect(defined.size).toBeGreaterThan(300);
  for (const [code, [name]] of Object.entries(API_CODES))
    expect([code, defined.get(Number(code))]).toEqual([code, name]);
});

test('a name that is in no table has no number', () => {
  expect(codeNumber('NO_SUCH_CODE')).toBeNull();
  expect(codeNumber('CONN_THROTTLED')).toBe(11005);
});
