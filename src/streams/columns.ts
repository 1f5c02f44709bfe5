import type {Choice, Column, KeyPart, Path} from '../core/shape.ts';

/** Columns that many streams share, so that they are named and described in one way. */
export const createdAt: Column = {
  name: 'created_at',
  type: 'timestamp',
  path: ['created_at'],
  doc: 'When the record was created at Clarifai.',
};

export const modifiedAt: Column = {
  name: 'modified_at',
  type: 'timestamp',
  path: ['modified_at'],
  doc: 'When the record was last changed at Clarifai.',
};

export const statusCode: Column = {
  name: 'status_code',
  type: 'integer',
  path: ['status', 'code'],
  doc: 'Status of the record by its number (clarifai-api.md, 5.2).',
};

export const statusDescription: Column = {
  name: 'status_description',
  type: 'text',
  path: ['status', 'description'],
  doc: 'Status of the record in words.',
};

export const visibility: Column = {
  name: 'visibility',
  type: 'integer',
  path: ['visibility', 'gettable'],
  doc: '10 private, 30 organisation, 50 public.',
};

export const metadata: Column = {name: 'metadata', type: 'json', path: ['metadata'], doc: 'Free JSON set by the user.'};

export const text = (name: string, path: Path, doc: string): Column => ({name, type: 'text', path, doc});
export const json = (name: string, path: Path, doc: string): Column => ({name, type: 'json', path, doc});
export const bigint = (name: string, path: Path, doc: string): Column => ({
  name,
  type: 'bigint',
  path,
  doc,
  absent: '0',
});

export const integer = (name: string, path: Path, doc: string): Column => ({name, type: 'integer', path, doc});
export const double = (name: string, path: Path, doc: string): Column => ({name, type: 'double', path, doc});
export const texts = (name: string, path: Path, doc: string): Column => ({name, type: 'text[]', path, doc});
export const timestamp = (name: string, path: Path, doc: string): Column => ({name, type: 'timestamp', path, doc});

/** A count, which the API leaves out when it is zero. */
export const count = (name: string, path: Path, doc: string): Column => ({...integer(name, path, doc), absent: '0'});

export const description = text('description', ['description'], 'Text set by the user.');

/** A flag, which the API leaves out when it is false. */
export const flag = (name: string, path: Path, doc: string): Column => ({
  name,
  type: 'boolean',
  path,
  doc,
  absent: 'false',
});

const USER_FIELDS = [
  'first_name',
  'last_name',
  'company_name',
  'job_title',
  'job_role',
  'primary_email',
  'email_addresses',
  'user_detail',
  'date_gdpr_consent',
  'date_tos_consent',
  'date_marketing_consent',
  'date_pii_consent',
] as const;

/** Personal data of a User message at `path` (clarifai-api.md, section 11), to be redacted. */
export const personalData = (...path: string[]): readonly Path[] => USER_FIELDS.map((field) => [...path, field]);

const at = (path: readonly string[], names: readonly string[]): readonly Path[] => names.map((name) => [...path, name]);

/** Stars of an app, a user, a model and so on at `path`: they change without any edit (clarifai-api.md, 6.2). */
export const starsAt = (...path: string[]): readonly Path[] => at(path, ['star_count', 'is_starred']);

/** The same of what can be bookmarked: a model, a workflow, a dataset, a module. */
export const popularityAt = (...path: string[]): readonly Path[] => [
  ...starsAt(...path),
  ...at(path, ['bookmark_origin']),
];

/** The same of a model, whose replicas and place in lists change too. */
export const modelPopularityAt = (...path: string[]): readonly Path[] => [
  ...popularityAt(...path),
  ...at(path, ['replica_count', 'featured_order']),
];

/** Addresses of hosted media in a Data message at `path`, which may differ between calls (clarifai-api.md, 6.2). */
export const hostedAt = (...path: string[]): readonly Path[] =>
  [
    ['image', 'hosted'],
    ['video', 'hosted'],
    ['video', 'hosted_thumbnail'],
    ['text', 'hosted'],
    ['audio', 'hosted'],
  ].map((place) => [...path, ...place]);

/** Parts of a Worker message at `path`: of its three members one is set. */
const WORKERS = [
  ['user', ['user', 'id']],
  ['model', ['model', 'model_version', 'id']],
  ['workflow', ['workflow', 'version', 'id']],
] as const;

/** Key of a worker: which kind it is, and the id of the person, model version or workflow version. */
export function workerKey(path: Path, fallback: readonly Choice[] = []): readonly KeyPart[] {
  const choices = [...WORKERS.map(([name, below]) => ({name, path: [...path, ...below]})), ...fallback];
  return [
    {name: 'worker_kind', from: 'choice', give: 'which', choices},
    {name: 'worker_id', from: 'choice', give: 'value', choices},
  ];
}
