import {z} from 'zod';
import {isTimezone} from '../core/cron.ts';
import {NOTIFY_EVENTS} from '../core/notify.ts';
import {
  apiId,
  byteSize,
  cronPattern,
  duration,
  intBetween,
  matching,
  numberFrom,
  objectUrl,
  oneOf,
  option,
  schemaName,
  shortName,
  streamSelection,
  text,
  urlOf,
  yesOrNo,
} from './fields.ts';

/**
 * Every key of the file: its parser, its default as it would be written, one sentence with the unit, the variable
 * that stands in for it, and whether it is secret. Parsing, messages, the JSON Schema and the table in the README all
 * come from here.
 */
const SOURCE = z.strictObject({
  base_url: option(
    urlOf(['http:', 'https:'], 'an http:// or https:// URL without a user or password').prefault(
      'https://api.clarifai.com',
    ),
    'Address of the API.',
    {env: 'CLARIFAI_API_BASE'},
  ),
  pat: option(
    matching(/^[\x21-\x7e]+$/, 'a personal access token: letters, digits and signs, no spaces').optional(),
    'Personal access token of the credential that reads.',
    {env: 'CLARIFAI_PAT', isSecret: true},
  ),
  requests_per_second: option(
    numberFrom(0).prefault(15),
    'Requests per second of this credential, over all workers; 0 means no limit.',
  ),
  headroom: option(
    z
      .number({error: 'a number from 0 to below 1'})
      .min(0, {error: 'a number from 0 to below 1'})
      .lt(1, {error: 'a number from 0 to below 1'})
      .prefault(0.07),
    'Share of `requests_per_second` left unused, for jitter; 0 to below 1.',
  ),
  max_concurrency: option(intBetween(1, 256).prefault(16), 'Requests in flight at most.'),
  page_size: option(
    intBetween(1, 1000).prefault(1000),
    'Records asked for per page; halved by itself when the API refuses the size.',
  ),
});

const APP = z.strictObject({
  user_id: option(
    apiId("app's owner"),
    'User id of the app’s owner; `me` is the owner of the token. Without `apps`: `CLARIFAI_USER_ID`.',
  ),
  app_id: option(apiId('app'), 'App id; `*` means every app of the user. Without `apps`: `CLARIFAI_APP_ID`.'),
});

const STREAM_OPTIONS = z.strictObject({
  strategy: option(
    oneOf('tail', 'window', 'list', 'children', 'members', 'fixed').optional(),
    'How the stream is kept up to date; left out: as the catalogue says.',
  ),
  page_size: option(
    intBetween(1, 1000).optional(),
    'Records asked for per page of this stream; left out: as the catalogue says, else `source.page_size`.',
  ),
  redact: option(
    z.array(text('a path inside the record, such as data.text'), {error: 'a list of paths'}).prefault([]),
    'Paths inside the record that are taken out before anything is stored.',
  ),
  exclude: option(
    z.array(text('a path inside the record, such as data.text'), {error: 'a list of paths'}).prefault([]),
    'Paths inside the record whose changes do not count as changes.',
  ),
});

const POSTGRES_SINK = z.strictObject({
  name: option(shortName('sink'), 'Name of the sink in logs, metrics and the ledger.'),
  type: option(z.literal('postgres'), 'A Postgres database.'),
  url: option(
    urlOf(['postgres:', 'postgresql:'], 'a postgres:// URL', true),
    'Address of the database, `postgres://user:password@host:port/database`.',
    {env: 'DATABASE_URL', isSecret: true},
  ),
  schema: option(schemaName().prefault('clarifai'), 'Schema of the streams’ tables.'),
  history: option(
    yesOrNo().prefault(false),
    'Keep every version of a record in `NAME_history` too; the store then does so as well, and sinks copy them.',
  ),
});

const S3_SINK = z.strictObject({
  name: option(shortName('sink'), 'Name of the sink in logs, metrics and the ledger.'),
  type: option(z.literal('s3'), 'A bucket, or a folder with a `file://` URL.'),
  url: option(objectUrl(), 'Where the objects go, `s3://bucket/prefix`.', {
    isSecret: true,
  }),
  format: option(oneOf('parquet', 'jsonl').prefault('parquet'), 'Format of the part files.'),
  streams: option(streamSelection().prefault('all'), 'Streams that this sink gets: `all`, `default`, or a list.'),
  snapshot_every: option(
    duration(60_000, 'a duration of at least 1m, such as 30d').optional(),
    'Time between snapshots, such as `30d`; left out: none by themselves.',
  ),
  retain: option(
    duration(60_000, 'a duration of at least 1m, such as 90d').optional(),
    'How long objects stay that the newest snapshot makes superfluous, such as `90d`; left out: for ever.',
  ),
  region: option(text('a region name').optional(), 'Region of the bucket.'),
  endpoint: option(
    urlOf(['http:', 'https:'], 'an http:// or https:// URL without a user or password').optional(),
    'Address of an S3-compatible server.',
  ),
  force_path_style: option(yesOrNo().prefault(false), 'Put the bucket into the path instead of the host name.'),
  access_key_id: option(text('an access key id').optional(), 'Access key; left out: found as the S3 client does.', {
    isSecret: true,
  }),
  secret_access_key: option(text('a secret access key').optional(), 'Secret that belongs to `access_key_id`.', {
    isSecret: true,
  }),
  sse: option(oneOf('AES256', 'aws:kms').optional(), 'Encryption at rest that is asked for.'),
  sse_kms_key_id: option(text('a KMS key id').optional(), 'KMS key, with `sse: aws:kms`.'),
  storage_class: option(text('a storage class').optional(), 'Storage class of the objects.'),
  checksums: option(
    oneOf('when_supported', 'when_required').prefault('when_supported'),
    'When checksums are sent; `when_required` for servers that do not know them.',
  ),
});

const STATE = z.strictObject({
  url: option(
    urlOf(['postgres:', 'postgresql:'], 'a postgres:// URL', true).optional(),
    'The Postgres that holds ledger and mirror; left out: the first postgres sink, else an embedded one.',
    {isSecret: true},
  ),
  schema: option(
    schemaName().optional(),
    'Schema of the mirror’s tables; left out: that of the sink that is the store, else `clarifai`.',
  ),
});

const QUEUE = z.strictObject({
  url: option(
    urlOf(['redis:', 'rediss:'], 'a redis:// or rediss:// URL', true).optional(),
    'Redis for the queue; left out: the queue lives in the store.',
    {env: 'REDIS_URL', isSecret: true},
  ),
});

const SCHEDULE = z.strictObject({
  name: option(shortName('schedule'), 'Name of the schedule.'),
  cron: option(cronPattern(), 'When: five fields, or six with seconds first.'),
  timezone: option(
    z
      .string({error: 'an IANA time zone such as Europe/Berlin'})
      .refine(isTimezone, {error: 'an IANA time zone such as Europe/Berlin'})
      .prefault('UTC'),
    'IANA time zone in which `cron` is read.',
  ),
  mode: option(oneOf('incremental', 'full').prefault('incremental'), 'What kind of run.'),
  jitter: option(
    duration(0, 'a duration such as 5m').prefault('0s'),
    'Each start is put off by a random time up to this, such as `5m`.',
  ),
});

const RUN = z.strictObject({
  max_delete_ratio: option(
    z
      .number({error: 'a number from 0 to 1'})
      .min(0, {error: 'a number from 0 to 1'})
      .max(1, {error: 'a number from 0 to 1'})
      .prefault(0.3),
    'Share of a stream’s live rows, 0 to 1, that one run may mark deleted where that is more than 100 rows.',
  ),
  proof_requests: option(
    intBetween(0, 1_000_000).prefault(1000),
    'Requests that a run may spend on proving deletions.',
  ),
  settle: option(
    duration(0, 'a duration such as 10m').prefault('10m'),
    'How long an edit may take to show in the source’s search, such as `10m`; readings overlap by it.',
  ),
  sweep_hours: option(
    z.number({error: 'a number above 0'}).positive({error: 'a number above 0'}).prefault(24),
    'Time within which every parent is read again, hours.',
  ),
  max_record_bytes: option(
    byteSize(65_536, 67_108_864, 'a size from 64KiB to 64MiB').prefault('8MiB'),
    'Largest record that is stored, such as `8MiB`; a larger one is rejected and listed.',
  ),
  stall_seconds: option(intBetween(1, 86_400).prefault(300), 'A run without progress for this long is ended, seconds.'),
  lease_seconds: option(
    intBetween(1, 3_600).prefault(15),
    'How long a worker that fell silent keeps its task, seconds.',
  ),
  drain_timeout_seconds: option(intBetween(0, 600).prefault(25), 'Time to commit open pages at shutdown, seconds.'),
  retain_runs: option(
    duration(60_000, 'a duration of at least 1m, such as 90d').prefault('90d'),
    'How long runs stay in the ledger, such as `90d`.',
  ),
  purge_deleted_after: option(
    z
      .union([z.literal('never'), duration(60_000, 'never, or a duration of at least 1m, such as 365d')], {
        error: 'never, or a duration of at least 1m, such as 365d',
      })
      .prefault('never'),
    'How long rows stay that are marked deleted, such as `365d`; `never`: for ever.',
  ),
});

const HTTP = z.strictObject({
  host: option(text('a host name or address').prefault('127.0.0.1'), 'Address to listen on.'),
  port: option(intBetween(0, 65_535).prefault(8080), 'Port to listen on; 0 for any that is free.'),
  token: option(
    matching(/^[\x21-\x7e]{16,}$/, 'a token of 16 characters or more: letters, digits and signs, no spaces').optional(),
    'What a caller must show, 16 characters or more; a host other than loopback needs one.',
    {env: 'CLARIFAI_SYNC_TOKEN', isSecret: true},
  ),
});

const NOTIFY = z.strictObject({
  webhook: option(urlOf(['http:', 'https:'], 'an http:// or https:// URL', true), 'Where messages are posted.', {
    isSecret: true,
  }),
  secret: option(text('a secret').optional(), 'Key with which messages are signed.', {isSecret: true}),
  on: option(
    z.array(oneOf(...NOTIFY_EVENTS), {error: 'a list of events'}).prefault([...NOTIFY_EVENTS]),
    'Events that send a message.',
  ),
});

const SINK = z.discriminatedUnion('type', [POSTGRES_SINK, S3_SINK], {error: 'one of postgres, s3'});

/** The whole file. */
export const FILE = z.strictObject(
  {
    source: section(SOURCE),
    apps: z.array(APP, {error: 'a list of apps'}).prefault([]),
    streams: option(streamSelection().prefault('default'), 'Streams to read: `default`, `all`, or a list of names.'),
    stream_options: z
      .record(z.string(), STREAM_OPTIONS, {error: 'a mapping from stream names to their options'})
      .prefault({}),
    sinks: z.array(SINK, {error: 'a list of sinks'}).prefault([]),
    state: section(STATE),
    queue: section(QUEUE),
    data_dir: option(
      text('a path').prefault('.clarifai-sync'),
      'Folder of the embedded Postgres, relative to the file (without one, to the working folder).',
    ),
    schedules: z.array(SCHEDULE, {error: 'a list of schedules'}).prefault([]),
    run: section(RUN),
    http: section(HTTP),
    notify: NOTIFY.optional(),
  },
  {error: 'a mapping of keys'},
);

/** What a file without problems says, keys as written and values parsed. */
export type FileValues = z.infer<typeof FILE>;

/** A section may be left out as a whole: each of its keys has a default then, or is optional. */
function section<S extends z.ZodObject>(shape: S) {
  return shape.prefault({} as z.input<S>);
}
