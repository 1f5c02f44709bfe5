import type {Column, Path} from '../core/shape.ts';

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

/** Places that change without any edit (clarifai-api.md, 6.2). */
export const POPULARITY: readonly Path[] = [['star_count'], ['is_starred'], ['bookmark_origin']];
