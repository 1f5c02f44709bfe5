import type {Column, KeyPart, OwnerPlaces, Path} from '../core/shape.ts';
import type {ListRequest, Stream} from './stream.ts';

/** What most streams have in common may be left out: an app's list, read in full each time, by default. */
export interface Declaration extends Partial<Omit<Stream, 'shape' | 'lists'>> {
  readonly name: string;
  readonly doc: string;
  /** Path of the one list; `lists` where there are more, or one with parameters. */
  readonly path?: string;
  readonly lists?: readonly ListRequest[];
  readonly responseField: string;
  readonly proof: Stream['proof'];
  /** Left out: the record's `id`. */
  readonly key?: readonly KeyPart[];
  readonly columns: readonly Column[];
  /** Left out: records do not say reliably when they changed, and what was asked for later counts. */
  readonly modifiedAt?: Path;
  readonly volatile?: readonly Path[];
  readonly redact?: readonly Path[];
  readonly byIdOnly?: readonly Path[];
  readonly owner?: OwnerPlaces;
}

/** Key part that comes from the request path. */
export const fromParent = (name: string): KeyPart => ({name, from: 'parent'});

/** Key part that is read from the record. */
export const fromRecord = (name: string, ...path: string[]): KeyPart => ({
  name,
  from: 'record',
  path: path.length === 0 ? [name] : path,
});

/** A stream from what is particular about it. */
export function declareStream(declaration: Declaration): Stream {
  const {path, key, columns, modifiedAt, volatile, redact, byIdOnly, owner, ...rest} = declaration;
  return {
    scope: 'app',
    strategy: 'list',
    lists: path === undefined ? [] : [{path}],
    pages: 'numbered',
    marker: false,
    pendingCodes: [],
    isDefault: true,
    ...rest,
    shape: {
      key: key ?? [fromRecord('id')],
      columns,
      modifiedAt: modifiedAt ?? null,
      volatile: volatile ?? [],
      redact: redact ?? [],
      byIdOnly: byIdOnly ?? [],
      ...(owner === undefined ? {} : {owner}),
    },
  };
}
