import {SyncError, type ErrorContext} from '../../core/errors.ts';
import {SinkRefusedError, SinkUnavailableError} from '../errors.ts';
import {readFailure, type S3Failure} from './s3-failure.ts';

/** Which call failed, on what. */
export interface S3Call {
  readonly sink: string;
  /** The command as the rights are named: `PutObject`, `ListMultipartUploads`. */
  readonly name: string;
  readonly bucket: string;
  /** With the prefix; of a list, its prefix. */
  readonly key: string;
}

/** The store's own code of a failed call, such as `NoSuchUpload`; null for any other error. */
export function storeCodeOf(error: unknown): string | null {
  const code = error instanceof SyncError ? error.context['store_code'] : null;
  return typeof code === 'string' ? code : null;
}

/** HTTP status that a failed call was answered with; null for none, and for any other error. */
export function httpStatusOf(error: unknown): number | null {
  const status = error instanceof SyncError ? error.context['http_status'] : null;
  return typeof status === 'number' ? status : null;
}

/**
 * Our own error for what the S3 client threw: refused for good, or unavailable, which may pass. What is neither is
 * handed through: it is a defect. The original is not kept as the cause, because it holds the access key id and what
 * was signed; its message and stack are.
 */
export function s3Error(error: unknown, call: S3Call): unknown {
  if (error instanceof SyncError) return error;
  const failure = readFailure(error);
  if (failure === null) return error;
  const {storeCode, httpStatus, systemCode} = failure;
  const code = [storeCode, ...(httpStatus === null ? [] : [httpStatus]), ...(systemCode === null ? [] : [systemCode])];
  const answer = `${code.join(' ')}${failure.message === '' ? '' : `: ${failure.message}`}`;
  const reason = refusalOf(failure, call);
  const at = whereOf(call);
  const cause = Object.assign(new Error(failure.message), {name: storeCode, stack: (error as Error).stack});
  const context = contextOf(call, storeCode, httpStatus);
  if (reason === null) return new SinkUnavailableError(`${at}: the store did not do it (${answer})`, {cause, context});
  return new SinkRefusedError(`${at}: ${reason} (${answer})`, {cause, context});
}

/** The error of a call that we ended ourselves; `why` completes the sentence. */
export function abortedError(why: string, call: S3Call): SinkUnavailableError {
  return new SinkUnavailableError(`${whereOf(call)}: ${why}`, {context: contextOf(call, 'AbortError', null)});
}

const whereOf = ({sink, name, bucket, key}: S3Call): string => `sink ${sink}: ${name} s3://${bucket}/${key}`;

function contextOf({sink, bucket, key, name}: S3Call, storeCode: string, httpStatus: number | null): ErrorContext {
  return {sink, bucket, key, call: name, store_code: storeCode, http_status: httpStatus};
}

/** Why trying again would not help; null when it may. */
function refusalOf(failure: S3Failure, call: S3Call): string | null {
  const {storeCode, httpStatus, systemCode, region} = failure;
  if (region !== null && httpStatus !== null && httpStatus < 500 && !RIGHTS.has(storeCode)) {
    return `the bucket is in region ${region}: set region to it`;
  }
  const known = REFUSALS[storeCode];
  if (known !== undefined) return known;
  if (PASSING.has(storeCode)) return null;
  if (systemCode !== null && /^(ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/.test(systemCode)) {
    return 'the server’s certificate is not trusted';
  }
  if (httpStatus === 403) return `the credentials lack the right to ${call.name} there`;
  if (httpStatus === 301 || httpStatus === 307) return 'the bucket is in another region or at another endpoint';
  if (httpStatus === 501) return 'the store does not offer this';
  if (httpStatus === 507) return 'the store has no room left';
  if (httpStatus === null || httpStatus === 408 || httpStatus === 429 || httpStatus >= 500) return null;
  // A good status with an error all the same: cut short, or not S3's XML.
  return httpStatus < 300 ? null : 'the store refuses it';
}

const BAD_CREDENTIALS = 'the store does not accept the credentials';
const RIGHTS = new Set(['AccessDenied', 'Forbidden']);

/** Words of S3 and of those that speak like it; what stands here is decided whatever the status. */
const REFUSALS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket',
  InvalidBucketName: 'this is no name of a bucket',
  InvalidAccessKeyId: BAD_CREDENTIALS,
  SignatureDoesNotMatch: BAD_CREDENTIALS,
  InvalidToken: BAD_CREDENTIALS,
  ExpiredToken: 'the credentials have expired',
  CredentialsProviderError: 'no credentials were found',
  RequestTimeTooSkewed: 'the clock of this machine is not that of the store: set it right',
  RequestExpired: 'the clock of this machine is not that of the store: set it right',
  QuotaExceeded: 'the store has no room left for us',
  XMinioStorageFull: 'the store has no room left',
  PermanentRedirect: 'the bucket is in another region or at another endpoint',
  AuthorizationHeaderMalformed: 'the request was signed for another region',
  InvalidStorageClass: 'the store does not know this storage class',
  NotImplemented: 'the store does not offer this',
};

/** Refused now, but only for what happened on the way or at the same moment. */
const PASSING = new Set([
  'BadDigest',
  'IncompleteBody',
  'RequestTimeout',
  'SlowDown',
  'ConditionalRequestConflict',
  'ConcurrentModification',
  'OperationAborted',
]);
