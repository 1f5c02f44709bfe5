import {createHash} from 'node:crypto';

/** Length and SHA-256 (hex) of bytes that come piece by piece. Costs 0.8 ms a MiB (facts-s3.md, section 1). */
export class ContentDigest {
  readonly #hash = createHash('sha256');
  #length = 0;
  #digest: {readonly contentLength: number; readonly sha256: string} | null = null;

  get length(): number {
    return this.#length;
  }

  add(bytes: Buffer): void {
    this.#hash.update(bytes);
    this.#length += bytes.length;
  }

  /** Ends it; the same result however often it is called. */
  end(): {readonly contentLength: number; readonly sha256: string} {
    return (this.#digest ??= {contentLength: this.#length, sha256: this.#hash.digest('hex')});
  }
}
