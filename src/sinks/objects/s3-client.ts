import {S3Client} from '@aws-sdk/client-s3';
import type {S3Options} from './s3-options.ts';

/**
 * Makes the client. Nothing is asked of the server yet.
 *
 * - Without limits a silent server hangs a request for ever. `socketTimeout` counts silence, so a completion that sends
 *   white space for minutes lives on.
 * - `Expect: 100-continue` costs 6 s a part at a server or proxy that does not answer it.
 * (facts-s3.md, section 3)
 */
export function openClient(options: S3Options): S3Client {
  // The only switch for a warning about our Node version that nobody can act on: we support 20.19 by contract.
  // eslint-disable-next-line no-restricted-properties
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const region = options.region ?? (options.endpoint === null ? null : 'us-east-1');
  const checksums = options.checksums === 'when_required' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED';
  return new S3Client({
    ...(region === null ? {} : {region}),
    ...(options.endpoint === null ? {} : {endpoint: options.endpoint}),
    ...(options.credentials === null ? {} : {credentials: {...options.credentials}}),
    forcePathStyle: options.forcePathStyle,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    retryMode: 'standard',
    maxAttempts: 5,
    expectContinueHeader: false,
    requestHandler: {connectionTimeout: 5_000, socketTimeout: 60_000},
  });
}
