import {fileURLToPath} from 'node:url';
import {UsageError} from '../../core/errors.ts';
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
  const [, bucket, prefix = ''] = /^s3:\/\/([^/?#@]+)(?:\/(.*))?$/.exec(url) ?? [];
  if (bucket !== undefined) {
    const trimmed = prefix.replace(/^\/+|\/+$/g, '');
    return new S3Store({...options, bucket, prefix: trimmed === '' ? '' : `${trimmed}/`, retry: S3_RETRY});
  }
  return new FileStore({name, root: folderOf(url, name)});
}

function folderOf(url: string, sink: string): string {
  let folder = '';
  try {
    folder = fileURLToPath(url).replace(/\/+$/, '');
  } catch {
    // Said below: what is wrong is the same for all.
  }
  // The URL itself is not shown: one that is no S3 URL may hold a password.
  if (folder === '') throw new UsageError(`sink ${sink}: expected s3://bucket/prefix or file:///folder as its url`);
  return folder;
}
