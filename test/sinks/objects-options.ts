import type {S3Options} from '../../src/sinks/objects/s3-options.ts';
import type {TestS3} from '../support/s3.ts';

/** Options for a bucket of a test server; pauses between tries are short. */
export function s3Options(server: TestS3, bucket: string, changed: Partial<S3Options> = {}): S3Options {
  return {
    name: 'lake',
    bucket,
    prefix: 'feed/',
    region: null,
    endpoint: server.endpoint,
    forcePathStyle: true,
    credentials: server.credentials,
    sse: null,
    sseKmsKeyId: null,
    storageClass: null,
    checksums: 'when_supported',
    retry: {maxRetries: 3, baseMs: 10, maxWaitMs: 50, throttledMs: 0},
    ...changed,
  };
}
