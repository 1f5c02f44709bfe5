import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {createHash} from 'node:crypto';
import {readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {gunzipSync} from 'node:zlib';
import {parquetReadObjects} from 'hyparquet';
import {expect} from 'vitest';
import type {TestS3} from './s3.ts';

export interface PublishedManifest {
  readonly version: number;
  readonly run_id: string;
  readonly sequence: number;
  readonly previous_sequence: number;
  readonly kind: 'changes' | 'snapshot';
  readonly streams: Record<string, {rows: number; inserted: number; updated: number; deleted: number}>;
  readonly entries: {url: string; stream: string; meta: {content_length: number; rows: number; sha256: string}}[];
}

export type LakeRow = Record<string, unknown>;

/** A place that a test's sink publishes to, read by other means than the sink's own. */
export interface LakePlace {
  /** As in the configuration. */
  readonly url: string;
  /** Names of all objects below the URL, in order. */
  names(): Promise<string[]>;
  read(name: string): Promise<Buffer>;
  /** Name of the object that a URL of a manifest or pointer leads to; fails the test when it leads elsewhere. */
  nameOf(url: string): string;
  /** Puts other bytes in an object's place, as nobody should. null: it is gone. */
  damage(name: string, bytes: Buffer | null): Promise<void>;
  /** Keys of what was begun and neither shown nor removed; those of a server that lists none are not known. */
  unfinished(): Promise<string[]>;
}

export function folderPlace(folder: string): LakePlace {
  const names = async (): Promise<string[]> => {
    const entries = await readdir(folder, {withFileTypes: true, recursive: true}).catch((error: unknown) => {
      // A publisher at work removes folders while they are read.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    });
    if (entries === null) return await names();
    const files = entries.filter((entry) => entry.isFile());
    return files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
  };
  return {
    url: pathToFileURL(folder).href,
    names: async () => (await names()).filter((name) => !name.startsWith('_staging/')),
    read: (name) => readFile(join(folder, name)),
    nameOf: (url) => below(folder, fileURLToPath(url)),
    damage: (name, bytes) => (bytes === null ? rm(join(folder, name)) : writeFile(join(folder, name), bytes)),
    unfinished: async () => (await names()).filter((name) => name.startsWith('_staging/')),
  };
}

/** @param prefix without slashes at its ends */
export function bucketPlace({endpoint, credentials}: TestS3, bucket: string, prefix: string): LakePlace {
  const client = new S3Client({endpoint, credentials, region: 'us-east-1', forcePathStyle: true});
  return {
    url: `s3://${bucket}/${prefix}`,
    names: async () => {
      const names: string[] = [];
      for (let token: string | undefined; ;) {
        const page = await client.send(
          new ListObjectsV2Command({Bucket: bucket, Prefix: `${prefix}/`, ...(token && {ContinuationToken: token})}),
        );
        names.push(...(page.Contents ?? []).map(({Key}) => (Key ?? '').slice(prefix.length + 1)));
        token = page.NextContinuationToken;
        if (token === undefined) return names.sort();
      }
    },
    read: async (name) => {
      const {Body} = await client.send(new GetObjectCommand({Bucket: bucket, Key: `${prefix}/${name}`}));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    nameOf: (url) => below(`s3://${bucket}/${prefix}`, url),
    damage: async (name, bytes) => {
      const at = {Bucket: bucket, Key: `${prefix}/${name}`};
      await client.send(bytes === null ? new DeleteObjectCommand(at) : new PutObjectCommand({...at, Body: bytes}));
    },
    unfinished: async () => {
      const {Uploads} = await client.send(new ListMultipartUploadsCommand({Bucket: bucket}));
      return (Uploads ?? []).map(({Key}) => Key ?? '');
    },
  };
}

/** What has been published in a place, as a reader of the contract finds it. */
export class Lake {
  readonly place: LakePlace;

  constructor(place: LakePlace) {
    this.place = place;
  }

  get url(): string {
    return this.place.url;
  }

  /** @param scope user and app as they stand in keys */
  async manifests(kind: 'changes' | 'snapshot', scope: string): Promise<PublishedManifest[]> {
    const pattern = kind === 'changes' ? /\/\d{12}\.json$/ : /\/\d{12}\.snapshot\.json$/;
    const names = (await this.place.names()).filter(
      (name) => name.startsWith(`_manifests/${scope}/`) && pattern.test(name),
    );
    return await Promise.all(names.map((name) => this.json<PublishedManifest>(name)));
  }

  async json<Value>(name: string): Promise<Value> {
    return JSON.parse((await this.place.read(name)).toString('utf8')) as Value;
  }

  /** Rows of a part, checked against what its manifest says of it. */
  async rows(entry: PublishedManifest['entries'][number]): Promise<LakeRow[]> {
    const bytes = await this.place.read(this.place.nameOf(entry.url));
    expect(bytes.length, entry.url).toBe(entry.meta.content_length);
    expect(createHash('sha256').update(bytes).digest('hex'), entry.url).toBe(entry.meta.sha256);
    const rows = entry.url.endsWith('.parquet') ? await parquetRows(bytes) : jsonRows(bytes);
    expect(rows.length).toBe(entry.meta.rows);
    return rows;
  }

  /** Current records by what is published: the newest snapshot, and the changes behind it; or all changes. */
  async fold(
    stream: string,
    keys: readonly string[],
    scope: string,
    from: 'start' | 'snapshot',
  ): Promise<Map<string, LakeRow>> {
    const snapshot = from === 'snapshot' ? (await this.manifests('snapshot', scope)).at(-1) : undefined;
    const changes = (await this.manifests('changes', scope)).filter(
      ({sequence}) => sequence > (snapshot?.sequence ?? 0),
    );
    const found = new Map<string, LakeRow>();
    for (const manifest of [...(snapshot === undefined ? [] : [snapshot]), ...changes]) {
      for (const entry of manifest.entries.filter((each) => each.stream === stream)) {
        for (const row of await this.rows(entry)) {
          const id = keys.map((key) => String(row[key])).join('/');
          if (row['_sync_op'] === 'delete') found.delete(id);
          else found.set(id, row);
        }
      }
    }
    return found;
  }

  /**
   * What should not be there, or is missing: parts that no manifest lists, or that one lists and that are gone, manifests
   * of single streams without the run's own, pointers to nothing, and what was begun and never shown. Empty when all is
   * as the contract has it.
   */
  async faults(): Promise<string[]> {
    const names = await this.place.names();
    const parts = names.filter((name) => !name.startsWith('_'));
    const listed = new Set<string>();
    const faults: string[] = [];
    for (const name of names.filter((each) => each.startsWith('_manifests/'))) {
      const {entries} = await this.json<PublishedManifest>(name);
      for (const {url} of entries) listed.add(this.place.nameOf(url));
      const run = /^(.*\/\d{12})\.(?!snapshot\.)[^/]+\.json$/.exec(name)?.[1];
      if (run !== undefined && !names.includes(`${run}.json`)) faults.push(`${name}: without the run's own`);
    }
    for (const name of parts) if (!listed.has(name)) faults.push(`${name}: in no manifest`);
    for (const name of listed) if (!parts.includes(name)) faults.push(`${name}: listed and not there`);
    for (const name of names.filter((each) => each.startsWith('_latest/'))) {
      const latest = await this.json<Record<'manifest' | 'snapshot_manifest', string | null>>(name);
      for (const url of [latest.manifest, latest.snapshot_manifest]) {
        if (url !== null && !names.includes(this.place.nameOf(url)))
          faults.push(`${name}: shows ${url}, which is not there`);
      }
    }
    for (const name of await this.place.unfinished()) faults.push(`${name}: begun and left`);
    return faults;
  }
}

function below(root: string, path: string): string {
  expect(path.startsWith(`${root}/`), path).toBe(true);
  return path.slice(root.length + 1);
}

async function parquetRows(bytes: Buffer): Promise<LakeRow[]> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  return await parquetReadObjects({compressors: {GZIP: (input) => gunzipSync(input)}, file});
}

function jsonRows(bytes: Buffer): LakeRow[] {
  const lines = gunzipSync(bytes).toString('utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as LakeRow);
}
