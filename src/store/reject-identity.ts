import {createHash} from 'node:crypto';

/** What fits an index entry beside the stream's name and the reason, bytes. */
const MAX_IDENTITY_BYTES = 1_000;

/**
 * Tells a record from all others of its stream, rejected or not, the same in every run.
 * @param digest digest of the key before repair; undefined for nearly all records, whose key was not repaired
 */
export function recordIdentity(key: readonly string[], digest: string | undefined): string {
  const text = digest === undefined ? JSON.stringify(key) : `${JSON.stringify(key)} from ${digest}`;
  return Buffer.byteLength(text) <= MAX_IDENTITY_BYTES ? text : sha256(text);
}

/** The same for a record whose key cannot be read: by its content hash, or by its bytes where there is none. */
export function keylessIdentity(digest: string | undefined, bytes: Buffer | string): string {
  return digest === undefined ? sha256(bytes) : `content:${digest}`;
}

const sha256 = (value: Buffer | string): string => `sha256:${createHash('sha256').update(value).digest('hex')}`;
