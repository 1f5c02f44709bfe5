import type {RetryPolicy} from '../../core/retry.ts';

/** How an S3 bucket is reached, and how objects are kept in it. */
export interface S3Options {
  /** Name of the sink, for messages. */
  readonly name: string;
  readonly bucket: string;
  /** Before every key: empty, or with a slash at the end. */
  readonly prefix: string;
  /** null: as the S3 client finds it (environment, profile); with an `endpoint`, `us-east-1`. */
  readonly region: string | null;
  readonly endpoint: string | null;
  readonly forcePathStyle: boolean;
  /** Secrets; null: the usual chain of the S3 client. */
  readonly credentials: {readonly accessKeyId: string; readonly secretAccessKey: string} | null;
  readonly sse: 'AES256' | 'aws:kms' | null;
  readonly sseKmsKeyId: string | null;
  /** Of staged objects; what is `put` must be readable at once, so it stays in the bucket's default class. */
  readonly storageClass: string | null;
  /** `when_required` is for servers that know no CRC32 or aws-chunked; uploads then carry Content-MD5. */
  readonly checksums: 'when_supported' | 'when_required';
  /** Behind the client's own five quick attempts. */
  readonly retry: RetryPolicy;
}

/**
 * The client's attempts at a 500 are over after 0.4 s (facts-s3.md, section 3), so a restarted or rebalanced server is
 * waited for here: up to 15 s in all. What lasts longer is for the next run.
 */
export const S3_RETRY: RetryPolicy = {maxRetries: 5, baseMs: 500, maxWaitMs: 10_000, throttledMs: 0};
