import type {CopyBytes} from './copy-bytes.ts';

/**
 * The records of one page, ready for the store. Column-major, and text is only made for the records that turn out to
 * differ, because in most runs nearly all are unchanged (facts-speed.md, section 2).
 */
export interface PreparedPage {
  /** Number of records that can be stored: length of every array below. */
  readonly count: number;
  /** `keys[p][i]`: part p of record i's key, repaired and decoded. Does not hold user_id and app_id. */
  readonly keys: readonly (readonly string[])[];
  /** Content hash of record i: 34 hex digits, the first two being HASH_VERSION. */
  readonly hashes: readonly string[];
  /**
   * `modified_at` of record i in one comparable form, `YYYY-MM-DDTHH:MM:SS.nnnnnnnnn` UTC; null where it has none or
   * none that can be read. Text order is time order. Read anew by each call: it is only asked for where two records of a
   * group have one key.
   */
  modified(i: number): string | null;
  /**
   * Digest of record i's key as it was before it had to be repaired; null for nearly all, whose key was not. Another
   * record may have the same key by accident then. Within this page such pairs are rejected already
   * (`key_collision`); across pages the store has to look.
   */
  originalKey(i: number): string | null;
  /** What is written for record i. Made anew by each call. */
  row(i: number): PreparedRow;
  /**
   * Writes the same as fields of a COPY line, columns and then `raw`, a tab behind each. Gives what of it could not be
   * stored as it was, as `PreparedRow.repairs`.
   */
  copyRow(i: number, out: CopyBytes): readonly PreparedReject[];
  /**
   * What is known before anything is written: every `rejected` record (none of them is among the records above), and
   * repaired keys. Other repairs come with `row`, since an unchanged record was listed when it was written.
   */
  readonly rejects: readonly PreparedReject[];
  /** Sum of the records' bytes as they came, rejected ones included. */
  readonly bytes: number;
}

/** One record as text for COPY, before escaping (copy-text.ts). */
export interface PreparedRow {
  /** Values of the shape's columns in their order, as Postgres reads them; null for SQL null. */
  readonly columns: readonly (string | null)[];
  /** The record as JSON text, redacted and repaired: what goes into `raw`. */
  readonly raw: string;
  /** What of this record could not be stored as it was; every one of kind `repaired`. */
  readonly repairs: readonly PreparedReject[];
}

/** Stable words for why a record was repaired or rejected; users filter on them. */
export type RejectReason =
  /** Repaired: an escaped NUL or half a surrogate pair, which jsonb cannot hold, became U+FFFD. */
  | 'nul_or_surrogate'
  /** Repaired: bytes that are not UTF-8 became U+FFFD. */
  | 'invalid_utf8'
  /** Repaired: the column is null because its type cannot hold what the record has there; `raw` holds it. */
  | 'column_unreadable'
  /** Rejected: no usable value for a part of the key. */
  | 'key_missing'
  /** Rejected: its key and another record's became the same by repair. */
  | 'key_collision'
  /** Rejected: longer than `run.max_record_bytes`. */
  | 'too_large'
  /** Rejected: nested deeper than 512 levels. */
  | 'too_deep'
  /** Rejected: JSON, but no object. */
  | 'not_an_object'
  /** Rejected: not JSON. */
  | 'not_json'
  /** Rejected by the store itself, with a reason that was not foreseen here. */
  | 'store_refused';

export interface PreparedReject {
  readonly kind: 'repaired' | 'rejected';
  /** The record's key parts, or null when they cannot be read (such a record withholds deletions: invariant 8). */
  readonly key: readonly string[] | null;
  /**
   * What tells the record from others where its key does not: digest of the key before repair, or content hash of a
   * record whose key cannot be read. Left out where the key tells, and where there is no record to speak of.
   */
  readonly digest?: string;
  readonly reason: RejectReason;
  /** A sentence for people: where, what was expected, what was found. */
  readonly detail: string;
  /** The record as it came, cut at 64 KiB and with redacted places taken out; null when that cannot be done safely. */
  readonly raw: Buffer | null;
}

/** Raised when the way of hashing changes, so that stored hashes are known to be of another kind. */
export const HASH_VERSION = '01';
