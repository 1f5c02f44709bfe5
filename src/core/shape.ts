/**
 * A place inside a record: member names from the outside in. `*` stands for every element of an array, or for every
 * member of a map.
 */
export type Path = readonly string[];

/** Types a column can have. `timestamp` is RFC 3339 text, `bigint` takes a JSON number or decimal string. */
export type ColumnType = 'text' | 'integer' | 'bigint' | 'double' | 'boolean' | 'timestamp' | 'json' | 'text[]';

/** One typed column of a stream's table, read from `path` in the record; null where the record has nothing there. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly path: Path;
  /** Value where the record has nothing: the API leaves out zero, false and "" (clarifai-api.md, 2.1). null when left out. */
  readonly absent?: string;
  /** One sentence for the schema reference. */
  readonly doc: string;
}

/**
 * One part of a stream's key. `record` and `choice` parts are read from the record; `parent` parts come from the request
 * path (the record does not carry them, or must not be trusted with them).
 */
export type KeyPart =
  | {
      readonly name: string;
      readonly from: 'record';
      readonly path: Path;
      /** Value where the record has nothing there, which may be empty; without it such a record has no key. */
      readonly absent?: string;
      /** The value may be any JSON: its canonical text is the part (`canonical-json.ts`). */
      readonly isJson?: true;
    }
  | {readonly name: string; readonly from: 'parent'}
  /** Of several places the first that the record has: which one it was, or what is there. */
  | {
      readonly name: string;
      readonly from: 'choice';
      readonly give: 'which' | 'value';
      readonly choices: readonly Choice[];
    };

/** One place of a computed key part. */
export interface Choice {
  /** The part's value when `give` is `which`. */
  readonly name: string;
  readonly path: Path;
}

/** Where a record says whose it is. Lists of models and workflows hold those of other apps too (clarifai-api.md, 3.3). */
export interface OwnerPlaces {
  readonly userId: Path;
  readonly appId: Path;
  /** A record that has this belongs to whoever lists it, whatever it says of its owner: a bookmark. */
  readonly unless: Path;
}

/** All that normalising a record needs to know of its stream. */
export interface RecordShape {
  /** After `user_id` and `app_id`, which come from the scope. Columns of type text, in this order. */
  readonly key: readonly KeyPart[];
  readonly columns: readonly Column[];
  /** Where the record says when it was last changed; decides what may replace what. null: it does not say. */
  readonly modifiedAt: Path | null;
  /** Changes here are no change of the record: left out of the hash and of every comparison. */
  readonly volatile: readonly Path[];
  /** Secrets and personal data: the member is taken out of the record before anything is stored or hashed. */
  readonly redact: readonly Path[];
  /** Whole objects compared by their `id` alone (an embedded parent or child that has a table of its own). */
  readonly byIdOnly: readonly Path[];
  /** For lists that hold records of other apps: these are left out. */
  readonly owner?: OwnerPlaces;
}
