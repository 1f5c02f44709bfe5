import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {SourceScopeError} from '../../src/core/source-errors.ts';
import {createLogger} from '../../src/telemetry/logger.ts';
import type {LoggerOptions} from '../../src/telemetry/logger.ts';

function logInto(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger({level: 'info', format: 'json', write: (line) => void lines.push(line), ...options});
  return {...logger, lines, last: () => JSON.parse(lines.at(-1) ?? 'null') as unknown};
}

test('a line is one JSON document with level, time, message and fields, those of the parent too', () => {
  const {log, lines, last} = logInto();
  log.child({run: 'r1'}).info({stream: 'inputs', records: 1000}, 'page committed');
  expect(lines[0]).toMatch(/^\{.*\}\n$/);
  const time = expect.stringMatching(/^\d{4}-.*Z$/) as unknown;
  expect(last()).toMatchObject({
    level: 'info',
    time,
    run: 'r1',
    stream: 'inputs',
    records: 1000,
    msg: 'page committed',
  });
});

test('a line below the level is not written', () => {
  const {log, lines} = logInto({level: 'warn'});
  log.info({}, 'page committed');
  log.warn({}, 'pause grew long');
  expect(lines).toHaveLength(1);
});

test('an error is written with its code, context and cause', () => {
  const {log, last} = logInto();
  const cause = new Error('403 from the server');
  log.error({err: new SourceScopeError('no scope', {context: {http_status: 403}, cause})}, 'stream failed');
  expect(last()).toMatchObject({
    err: {code: 'SYNC_SOURCE_SCOPE', context: {http_status: 403}, type: 'SourceScopeError'},
  });
  expect(JSON.stringify(last())).toContain('403 from the server');
});

describe('secrets', () => {
  test.each([
    'authorization',
    'Authorization',
    'pat',
    'password',
    'token',
    'secret',
    'accessToken',
    'webhook_secret',
    'set-cookie',
  ])('in a field named %s are not written, at any depth', (name) => {
    const {log, lines} = logInto();
    log.info({[name]: 'hunter2', deep: {list: [{[name]: {value: 'hunter2'}}]}}, 'request sent');
    log.child({[name]: 'hunter2'}).info({}, 'request sent');
    expect(lines.join()).not.toContain('hunter2');
  });

  test('that were registered are not written in messages, names, fields, errors or stacks', () => {
    const {log, hide, lines} = logInto();
    hide(['hunter2 & more']);
    const error = Object.assign(new Error('sent hunter2 & more'), {detail: ['hunter2 & more']});
    log.error({err: error, note: 'x hunter2 & more y', 'hunter2 & more': 1}, 'said hunter2 & more');
    log.info({url: 'https://h/?q=hunter2%20%26%20more'}, 'request sent');
    expect(lines.join()).not.toContain('hunter2');
  });

  test('whatever their signs are never written, and the line stays JSON', () => {
    fc.assert(
      fc.property(fc.string({minLength: 4, maxLength: 20, unit: 'binary'}), (secret) => {
        fc.pre(!'***'.includes(secret) && !'constant message detail'.includes(secret));
        const {log, hide, lines, last} = logInto();
        hide([secret]);
        log.info({detail: `a${secret}b`}, 'constant message');
        const {detail, msg} = last() as {detail: string; msg: string};
        expect(lines).toHaveLength(1);
        expect(msg).toBe('constant message');
        expect(detail).not.toContain(secret);
      }),
    );
  });

  test('of a URL or a header are not written although nobody registered them', () => {
    const {log, lines} = logInto();
    const err = new Error('connect postgres://user:hunter2@db:5432/x with Authorization: Key hunter2');
    log.error({err}, 'store failed');
    expect(lines.join()).not.toContain('hunter2');
    expect(lines.join()).toContain('@db:5432');
  });

  test('of which one holds another leave nothing behind', () => {
    const {log, hide, lines} = logInto();
    hide(['abcd', 'abcdefgh']);
    log.info({detail: 'abcdefgh'}, 'x');
    expect(lines.join()).not.toContain('efgh');
  });
});

test('records of the source are not written', () => {
  const {log, last} = logInto();
  log.info({raw: {name: 'Jane'}, body: 'Jane', records: 3}, 'record rejected');
  expect(last()).toMatchObject({raw: '(left out)', body: '(left out)', records: 3});
});

describe('lines for a terminal', () => {
  const human = (log: (logger: ReturnType<typeof logInto>) => void) => {
    const logger = logInto({format: 'human'});
    log(logger);
    return logger.lines.join('').replace(/^\d\d:\d\d:\d\d /gm, 'TIME ');
  };

  test('have time, level, message and fields', () => {
    expect(human(({log}) => log.info({stream: 'inputs', records: 1000}, 'page committed'))).toBe(
      'TIME info  page committed stream=inputs records=1000\n',
    );
  });

  test('have text with spaces in quotes', () => {
    expect(human(({log}) => log.warn({note: 'a "b"', list: [1]}, 'm'))).toBe(
      'TIME warn  m note="a \\"b\\"" list=[1]\n',
    );
  });

  test('say of an error of ours its code and message, without the stack', () => {
    expect(human(({log}) => log.error({err: new SourceScopeError('no scope')}, 'stream failed'))).toBe(
      'TIME error stream failed err=SYNC_SOURCE_SCOPE no scope\n',
    );
  });

  test('show the stack of a defect', () => {
    expect(human(({log}) => log.error({err: new TypeError('x is null')}, 'run failed'))).toMatch(
      /^TIME error run failed err=TypeError x is null\n {4}TypeError: x is null\n {4}at /,
    );
  });

  test('let no control character through', () => {
    const line = human(({log}) => log.info({name: 'a\u001b[31mb\u009b2J'}, 'x\u001b[0m'));
    expect(line).toBe('TIME info  x\\u001b[0m name=a\\u001b[31mb\\u009b2J\n');
  });
});
