/** What a store of objects does with conditions, as `check` found out: a word for each. */
export type StoreTraits = Readonly<Record<string, string | boolean>>;

/** Where published objects are: a bucket and prefix, or a folder. Keys are relative to it. */
export interface ObjectStore extends AsyncDisposable {
  /** Absolute URL of a key as it goes into manifests; the key's own text, not encoded again. */
  urlOf(key: string): string;
  /** Begins an object that nobody sees until it is published. `token` tells it from others under the same key. */
  stage(key: string, options: {readonly token: string}): StagedObject;
  /** Writes a small object at once, over what was there. Repeating it is harmless. */
  put(key: string, bytes: Buffer): Promise<void>;
  /** Writes a small object only if there is none; false when there is one that is not this. */
  putIfAbsent(key: string, bytes: Buffer): Promise<boolean>;
  get(key: string): Promise<Buffer | null>;
  head(key: string): Promise<{readonly contentLength: number; readonly token: string | null} | null>;
  /** Keys that begin with `prefix`, in order; with `after`, only those greater than it. */
  list(prefix: string, after?: string): AsyncIterable<{readonly key: string; readonly contentLength: number}>;
  delete(keys: readonly string[]): Promise<void>;
  /** Ends what dead publishers left unfinished below a key prefix. Gives how many. */
  sweep(prefix: string): Promise<number>;
  /** Proves put, multipart, list, get, delete with a scratch key, and says which conditions the store honours. */
  check(): Promise<StoreTraits>;
}

export interface StagedObject {
  /** Takes bytes in order; resolves when more may come. */
  write(bytes: Buffer): Promise<void>;
  /** All bytes are safely stored, or held in memory where they are few; nothing is visible yet. */
  ready(): Promise<{readonly contentLength: number; readonly sha256: string}>;
  /** Makes it visible. May be repeated. Throws StagedLostError when it must be made anew. */
  publish(): Promise<void>;
  abandon(): Promise<void>;
}
