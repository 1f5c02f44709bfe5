import {z} from 'zod';
import {SinkRefusedError} from '../errors.ts';

/** Raised when a reader of the manifests would misread the newer ones. */
export const MANIFEST_VERSION = 1;

const entry = z.object({
  url: z.string(),
  stream: z.string(),
  mandatory: z.literal(true),
  meta: z.object({content_length: z.number(), rows: z.number(), sha256: z.string()}),
});

const streamSummary = z.object({
  rows: z.number(),
  inserted: z.number(),
  updated: z.number(),
  deleted: z.number(),
  schema: z.array(z.object({name: z.string(), type: z.string()})),
});

const manifestSchema = z.object({
  version: z.literal(MANIFEST_VERSION),
  /** The store that published it: another's runs have numbers of their own. */
  store_id: z.string(),
  run_id: z.string(),
  sequence: z.number(),
  user_id: z.string(),
  app_id: z.string(),
  kind: z.enum(['changes', 'snapshot']),
  /** The changes are those since; of a snapshot, the last changes that it stands beside. 0: it goes on from nothing. */
  previous_sequence: z.number(),
  started_at: z.string(),
  published_at: z.string(),
  streams: z.record(z.string(), streamSummary),
  entries: z.array(entry),
  /** Up to which run each stream has been applied, those without changes too: where this sink goes on. */
  positions: z.record(z.string(), z.number()),
});

/** The object that publishes a set of parts (contract, section 6). */
export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestEntry = z.infer<typeof entry>;
export type StreamSummary = z.infer<typeof streamSummary>;

const ownerSchema = z.object({version: z.literal(MANIFEST_VERSION), store_id: z.string()});
export type Owner = z.infer<typeof ownerSchema>;

const latestSchema = z.object({
  run_id: z.string(),
  sequence: z.number(),
  manifest: z.string().nullable(),
  snapshot_manifest: z.string().nullable(),
});

/** The newest that is published. A hint: what counts are the manifests. */
export type Latest = z.infer<typeof latestSchema>;

export const parseManifest = (bytes: Buffer, url: string): Manifest => parse(manifestSchema, bytes, url);
export const parseOwner = (bytes: Buffer, url: string): Owner => parse(ownerSchema, bytes, url);
export const parseLatest = (bytes: Buffer, url: string): Latest => parse(latestSchema, bytes, url);

/** The same value is always the same bytes: members stand in the order in which they were put. */
export function toBytes(value: Manifest | Owner | Latest | {entries: readonly unknown[]}): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

function parse<Value>(schema: z.ZodType<Value>, bytes: Buffer, url: string): Value {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new SinkRefusedError(`${url}: expected a manifest of clarifai-sync, found what is not JSON`, {cause});
  }
  const version = typeof value === 'object' && value !== null && 'version' in value ? value.version : MANIFEST_VERSION;
  if (typeof version === 'number' && version > MANIFEST_VERSION) {
    throw new SinkRefusedError(
      `${url}: expected manifest version ${MANIFEST_VERSION}, found ${version}; it was written by a newer version of clarifai-sync`,
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SinkRefusedError(
    `${url}: expected a manifest of clarifai-sync, found something else: ${z.prettifyError(parsed.error)}`,
  );
}
