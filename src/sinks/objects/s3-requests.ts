import {createHash} from 'node:crypto';
import type {S3Options} from './s3-options.ts';

/** Name of the member of an object's own metadata that keeps the token of a staged object. */
export const TOKEN = 'token';

/** What goes along with bytes: on stores that check nothing else, MD5 is what they do check (facts-s3.md, section 1). */
export function bodyOf(options: S3Options, bytes: Buffer): {Body: Buffer; ContentMD5?: string} {
  if (options.checksums === 'when_supported') return {Body: bytes};
  return {Body: bytes, ContentMD5: createHash('md5').update(bytes).digest('base64')};
}

/** How an object is kept; `staged` ones are parts, which may go to a colder class. */
export function keeping(options: S3Options, {staged}: {staged: boolean}): Readonly<Record<string, string>> {
  return {
    ...(options.sse === null ? {} : {ServerSideEncryption: options.sse}),
    ...(options.sseKmsKeyId === null ? {} : {SSEKMSKeyId: options.sseKmsKeyId}),
    ...(options.storageClass === null || !staged ? {} : {StorageClass: options.storageClass}),
  };
}
