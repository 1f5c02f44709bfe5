import {describe, expect, test} from 'vitest';
import {SinkRefusedError, SinkUnavailableError} from '../../src/sinks/errors.ts';
import {openObjectStore} from '../../src/sinks/objects/open-object-store.ts';
import {httpStatusOf, s3Error, storeCodeOf} from '../../src/sinks/objects/s3-errors.ts';

const CALL = {sink: 'lake', name: 'PutObject', bucket: 'bucket', key: 'feed/a'};

/** An error as the S3 client throws it. */
function thrown(name: string, httpStatusCode: number | null, more: object = {}): Error {
  return Object.assign(new Error('UnknownError'), {
    name,
    $metadata: httpStatusCode === null ? {attempts: 5} : {httpStatusCode},
    ...more,
  });
}

describe('errors of S3', () => {
  test.each([
    ['InternalError', 500],
    ['UnknownError', 500],
    ['SlowDown', 503],
    ['TooManyRequests', 429],
    ['RequestTimeout', 400],
    ['BadDigest', 400],
    ['ConditionalRequestConflict', 409],
    ['TimeoutError', null],
  ])('%s %s may pass', (name, status) => {
    const error = s3Error(thrown(name, status), CALL);
    expect(error).toBeInstanceOf(SinkUnavailableError);
    expect([storeCodeOf(error), httpStatusOf(error)]).toEqual([name, status]);
  });

  test.each([
    ['NoSuchBucket', 404],
    ['AccessDenied', 403],
    ['InvalidAccessKeyId', 403],
    ['NotImplemented', 501],
    ['PreconditionFailed', 412],
    ['XMinioStorageFull', 507],
    ['KMS.NotFoundException', 400],
  ])('%s %s is refused', (name, status) => {
    const error = s3Error(thrown(name, status), CALL);
    expect(error).toBeInstanceOf(SinkRefusedError);
    expect(String(error)).toMatch(`PutObject s3://bucket/feed/a:`);
    expect(String(error)).toMatch(`${name} ${status}`);
  });

  test('an error without an answer is told by the system’s code', () => {
    const error = s3Error(thrown('Error', null, {code: 'ECONNRESET'}), CALL);
    expect(storeCodeOf(error)).toBe('ECONNRESET');
  });

  test('the region of the bucket is named where the store names it', () => {
    const error = s3Error(thrown('AuthorizationHeaderMalformed', 400, {Region: 'eu-west-3'}), CALL);
    expect(String(error)).toMatch('the bucket is in region eu-west-3');
  });

  test('a region that is named beside a missing right does not hide that', () => {
    const $response = {statusCode: 403, headers: {'x-amz-bucket-region': 'eu-west-3'}};
    const error = s3Error(thrown('AccessDenied', 403, {$response}), CALL);
    expect(String(error)).toMatch('lack the right to PutObject');
  });

  test('what was signed and with which key is not kept', () => {
    const error = s3Error(thrown('SignatureDoesNotMatch', 403, {AWSAccessKeyId: 'AKIAX', StringToSign: 'AKIAX'}), CALL);
    const cause = (error as Error).cause;
    expect(JSON.stringify([error, cause, Object.getOwnPropertyDescriptors(cause)])).not.toMatch('AKIAX');
  });

  test('a defect of ours is handed through as it is', () => {
    const defect = new TypeError('x is not a function');
    expect(s3Error(defect, CALL)).toBe(defect);
  });
});

describe('the place that a URL names', () => {
  const options = {
    name: 'lake',
    region: null,
    endpoint: null,
    forcePathStyle: false,
    credentials: null,
    sse: null,
    sseKmsKeyId: null,
    storageClass: null,
    checksums: 'when_supported',
  } as const;

  test.each([
    ['s3://bucket', 's3://bucket/a%2Fb/c'],
    ['s3://bucket/', 's3://bucket/a%2Fb/c'],
    ['s3://bucket/some/prefix', 's3://bucket/some/prefix/a%2Fb/c'],
    ['s3://bucket/some%20prefix/', 's3://bucket/some%20prefix/a%2Fb/c'],
    ['file:///var/lib/feed/', 'file:///var/lib/feed/a%252Fb/c'],
    ['file:///var/my%20feed%23', 'file:///var/my%20feed%23/a%252Fb/c'],
  ])('%s is written before a key', (url, expected) => {
    expect(openObjectStore({...options, url}).urlOf('a%2Fb/c')).toBe(expected);
  });

  test.each([
    's3://',
    's3://user:secret@bucket/x',
    'http://user:secret@host/x',
    'file:///',
    'file://host/x',
    'file:x',
    '',
  ])('%s is refused without being shown', (url) => {
    expect(() => openObjectStore({...options, url})).toThrow(/^sink lake: expected s3:\/\/bucket\/prefix or file:/);
  });
});
