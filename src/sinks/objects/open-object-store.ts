import {UsageError} from '../../core/errors.ts';
import {objectPlaceOf} from '../../core/places.ts';
import {FileStore} from './file-store.ts';
import type {ObjectStore} from './object-store.ts';
import {S3_RETRY, type S3Options} from './s3-options.ts';
import {S3Store} from './s3-store.ts';

/** All that is set for a place of objects; a folder takes no notice of what is S3's alone. */
export interface ObjectStoreOptions extends Omit<S3Options, 'bucket' | 'prefix' | 'retry'> {
  /** `s3://bucket/prefix`, where bucket and prefix are taken as they stand, or `file:///folder`. */
  readonly url: string;
}

/** Opens a place for objects by its URL. Nothing is asked of it yet. */
export function openObjectStore(options: ObjectStoreOptions): ObjectStore {
  const {url, name} = options;
  const place = objectPlaceOf(url);
  // The URL itself is not shown: one that is no S3 URL may hold a password.
  if (place === null) throw new UsageError(`sink ${name}: expected s3://bucket/prefix or file:///folder as its url`);
  if (place.kind === 'folder') return new FileStore({name, root: place.folder});
  return new S3Store({...options, bucket: place.bucket, prefix: place.prefix, retry: S3_RETRY});
}
