/** What a store of objects does with conditions, as `check` found out: a word for each. */
export type StoreTraits = Readonly<Record<string, string | boolean>>;

/** Where published objects are: a bucket and prefix, or a folder. Keys are relative to it, see `assertKey`. */
export interface ObjectStore extends AsyncDisposable {
  /** Absolute URL of a key as it goes into manifests; the key's own text, not encoded again. */
  urlOf(key: string): string;
  /**
   * Begins an object that nobody sees until it is published. `token` is kept with it where the store can (`head`), and
   * is of printable ASCII.
   */
  stage(key: string, options: {readonly token: string}): StagedObject;
  /** Writes a small object at once, over what was there. Repeating it is harmless. */
  put(key: string, bytes: Buffer): Promise<void>;
  /**
   * Writes a small object only if there is none; false when there is one that is not this. Where a store ignores
   * conditions, two writers of the same moment are told apart by reading back after a pause.
   */
  putIfAbsent(key: string, bytes: Buffer): Promise<boolean>;
  /**
   * Writes a small object over what is there, unless that is not older; false then. Where the store honours conditions,
   * nobody comes in between; elsewhere what was written is read back, and a later writer wins.
   * @param isOlder asked of what is there; null when nothing is
   */
  advance(key: string, bytes: Buffer, isOlder: (there: Buffer | null) => boolean): Promise<boolean>;
  get(key: string): Promise<Buffer | null>;
  /** `token` is null where the object was not staged, or the store keeps none. */
  head(key: string): Promise<ObjectHead | null>;
  /** Keys that begin with `prefix`, in order; with `after`, only those greater than it. */
  list(prefix: string, after?: string): AsyncIterable<{readonly key: string; readonly contentLength: number}>;
  /** Repeating it is harmless. When it throws, some may be gone. */
  delete(keys: readonly string[]): Promise<void>;
  /**
   * Ends what dead publishers left unfinished below a key prefix. Gives how many. A living one finds that out by
   * StagedLostError.
   */
  sweep(prefix: string): Promise<number>;
  /** Proves put, multipart, list, get, delete with a scratch key, and says which conditions the store honours. */
  check(): Promise<StoreTraits>;
}

export interface ObjectHead {
  readonly contentLength: number;
  readonly token: string | null;
}

/** One object in the making, by one holder: it is never handed to another process. */
export interface StagedObject {
  /**
   * Takes bytes in order, and copies them; resolves when more may come. Await it before the next call. In memory are at
   * most two parts of 8 MiB.
   */
  write(bytes: Buffer): Promise<void>;
  /**
   * All bytes are safely stored, or held in memory where they are few (under 1 MiB); nothing is visible yet. Until
   * then, up to a part of them is in memory. Takes no more bytes from here on. May be repeated.
   */
  ready(): Promise<{readonly contentLength: number; readonly sha256: string}>;
  /** Makes it visible. May be repeated. Throws StagedLostError when it must be made anew. */
  publish(): Promise<void>;
  /** Removes what was stored and not published; nothing else may be called after it. Of a published one: nothing. */
  abandon(): Promise<void>;
}
