import {fileURLToPath} from 'node:url';

/** Where objects go: a bucket and the prefix of their keys (empty, or with a slash at its end), or a folder. */
export type ObjectPlace =
  | {readonly kind: 's3'; readonly bucket: string; readonly prefix: string}
  /** Absolute, without a slash at the end. */
  | {readonly kind: 'folder'; readonly folder: string};

/**
 * The place that `s3://bucket/prefix` (bucket and prefix as they stand) or `file:///folder` (percent-encoded) names; null
 * for a URL that names none: no bucket, another machine, a relative path, the root of all folders.
 */
export function objectPlaceOf(url: string): ObjectPlace | null {
  const [, bucket, written = ''] = /^s3:\/\/([^/?#@]+)(?:\/(.*))?$/.exec(url) ?? [];
  if (bucket !== undefined) {
    const prefix = written.replace(/^\/+|\/+$/g, '');
    return {kind: 's3', bucket, prefix: prefix === '' ? '' : `${prefix}/`};
  }
  // Else the parser would take the first folder of a relative path for one below the root.
  if (!/^file:\//i.test(url)) return null;
  try {
    const folder = fileURLToPath(url)
      .replace(/\/{2,}/g, '/')
      .replace(/\/$/, '');
    return folder === '' ? null : {kind: 'folder', folder};
  } catch {
    return null;
  }
}

/**
 * The `file://` URL of an absolute path, of which a percent sign may be a part; the same on every version of Node.
 * @example fileUrlOf('/feed/user=%C3%BC') // 'file:///feed/user=%25C3%25BC'
 */
export const fileUrlOf = (path: string): string =>
  `file://${encodeURI(path).replace(/[?#]/g, (sign) => encodeURIComponent(sign))}`;

/**
 * One text for each database, however its `postgres://` URL is written: with or without the default port, user and
 * password. Of the query counts only what leads elsewhere. Names of hosts are compared as they are written, so two texts
 * may stand for one database all the same. null for a text that is no URL.
 */
export function databasePlaceOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const {hostname, port, pathname, username, searchParams} = new URL(url);
  const host = (searchParams.get('host') ?? decoded(hostname)).toLowerCase();
  const name = decoded(pathname.replace(/^\/|\/+$/g, ''));
  return JSON.stringify([host, searchParams.get('port') ?? (port || '5432'), name || decoded(username)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
