import type {RecordShape} from '../core/shape.ts';
import type {ScopeKind} from '../core/scope.ts';

/** How a stream is kept up to date (design, section 4). */
export type Strategy = 'tail' | 'window' | 'list' | 'children' | 'members' | 'fixed';

/** How a deletion is proved (design, section 4). */
export type Proof =
  | {
      readonly kind: 'id';
      /** Answers 11101 or the resource's own DOES_NOT_EXIST for what is gone. `{name}` stands for a key part. */
      readonly path: string;
      /** How to ask for many at once; absence from a good answer that holds a living control record is proof. */
      readonly batch?: ProofBatch;
    }
  /** Cannot be asked for: missing from two passes. */
  | {readonly kind: 'twice'};

export interface ProofBatch {
  readonly path: string;
  /** Query parameter for each key part, repeated once per candidate: `{id: 'ids'}`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** Candidates in one request. */
  readonly size: number;
}

/** A list that is read to its empty page. */
export interface ListRequest {
  /** With `{user_id}`, `{app_id}` and, below a parent, the key parts that name it. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
}

/** A stream whose deleted records take ours along, without asking (design, section 4: cascade). */
export interface Parent {
  readonly stream: string;
  /** Our key column for each of the parent's key columns: `{id: 'dataset_id'}`. */
  readonly keys: Readonly<Record<string, string>>;
}

/** A stream that ours is read under: a list for each of its records. */
export interface Under extends Parent {
  /** Only parents in these states (status_code) have anything to read; left out: all have. */
  readonly ready?: readonly number[];
  /** What lies under a parent in one of these states changes all the time: it is read in every run. */
  readonly live?: readonly number[];
}

/** One kind of record, as the catalogue declares it; becomes one table. A value, not a class. */
export interface Stream {
  /** Name of the stream and of its table. */
  readonly name: string;
  readonly doc: string;
  readonly scope: ScopeKind;
  readonly strategy: Strategy;
  /** `children`, `members` and `fixed` are read once per record of this stream; keys in the order of the parent's. */
  readonly under?: Under;
  /** Further streams whose deleted records take ours along. */
  readonly cascade?: readonly Parent[];
  /** More than one where the API splits a list (bookmarked ones apart): a pass reads all of them. */
  readonly lists: readonly ListRequest[];
  /** `single`: one request, one answer, which is all. */
  readonly pages: 'numbered' | 'last_id' | 'single';
  /** Name of the array in the answer, or of the one object; absent from a good answer means empty. */
  readonly responseField: string;
  /** The array holds plain values: each becomes a record with the value under this name. */
  readonly wrapAs?: string;
  readonly shape: RecordShape;
  readonly proof: Proof;
  /** The revision marker moves with this stream: it can spare a reading, and stand for many proofs. */
  readonly marker: boolean;
  /** Status codes of records that will still change by themselves (record-states.ts). */
  readonly pendingCodes: readonly number[];
  /**
   * What, in a record, tells that something below it has changed although the record itself has not: compared with the
   * last reading's answer. Given the record as parsed; "" for nothing.
   */
  readonly sign?: (record: unknown) => string;
  /** Ids of records of the `under` stream whose members a changed record of ours may have changed. */
  readonly namesMembersOf?: {readonly stream: string; readonly ids: (record: unknown) => readonly string[]};
  /**
   * Version of the API definition that no longer has this list. It is asked for only once a week where it was not
   * offered (clarifai-api.md, section 12).
   */
  readonly removedSince?: string;
  /** In the default set, or read only when named. */
  readonly isDefault: boolean;
  /** Records asked for per page; `source.page_size` where left out. */
  readonly pageSize?: number;
}

/** Names of the key columns after `user_id` and `app_id`, in order. */
export function keyNames(stream: Stream): readonly string[] {
  return stream.shape.key.map((part) => part.name);
}
