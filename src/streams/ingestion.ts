import {
  bigint,
  createdAt,
  integer,
  json,
  modifiedAt,
  statusCode,
  statusDescription,
  text,
  timestamp,
} from './columns.ts';
import {declareStream} from './declare.ts';
import {RECORD_STATES} from './record-states.ts';

const APP = '/v2/users/{user_id}/apps/{app_id}';

export const inputsAddJobs = declareStream({
  name: 'inputs_add_jobs',
  doc: 'Jobs that add many inputs at once, and how far they are.',
  path: `${APP}/inputs/jobs/add`,
  responseField: 'inputs_add_jobs',
  columns: [
    createdAt,
    modifiedAt,
    statusCode,
    statusDescription,
    bigint('pending_count', ['progress', 'pending_count'], 'Inputs still to be added.'),
    bigint('in_progress_count', ['progress', 'in_progress_count'], 'Inputs being added.'),
    bigint('success_count', ['progress', 'success_count'], 'Inputs that were added.'),
    bigint('failed_count', ['progress', 'failed_count'], 'Inputs that could not be added.'),
  ],
  modifiedAt: ['modified_at'],
  redact: [['app_pat'], ['call_back_url'], ['extraction_jobs', '*', 'url'], ['uploads', '*', 'content_url']],
  proof: {kind: 'id', path: `${APP}/inputs/jobs/add/{id}`},
  pendingCodes: RECORD_STATES.job.pending,
});

export const inputsExtractionJobs = declareStream({
  name: 'inputs_extraction_jobs',
  doc: 'Jobs that take inputs out of archives, and how far they are.',
  path: `${APP}/inputs/jobs/extraction`,
  responseField: 'inputs_extraction_jobs',
  columns: [
    createdAt,
    modifiedAt,
    statusCode,
    statusDescription,
    bigint('image_inputs_count', ['progress', 'image_inputs_count'], 'Images found so far.'),
    bigint('video_inputs_count', ['progress', 'video_inputs_count'], 'Videos found so far.'),
    bigint('text_inputs_count', ['progress', 'text_inputs_count'], 'Texts found so far.'),
    bigint('audio_inputs_count', ['progress', 'audio_inputs_count'], 'Audio files found so far.'),
    bigint('completed_archives_count', ['progress', 'completed_archives_count'], 'Archives that are done.'),
    bigint('failed_archives_count', ['progress', 'failed_archives_count'], 'Archives that failed.'),
    integer('id_conflict_resolution', ['input_id_conflict_resolution'], 'Ids that are taken: 1 skip, 2 suffix.'),
    json('input_template', ['input_template'], 'What each input is given beside its media.'),
  ],
  modifiedAt: ['modified_at'],
  redact: [['url']],
  proof: {kind: 'id', path: `${APP}/inputs/jobs/extraction/{id}`},
  pendingCodes: RECORD_STATES.job.pending,
});

export const uploads = declareStream({
  name: 'uploads',
  doc: 'Files that were uploaded for such jobs; they expire and vanish.',
  path: `${APP}/uploads`,
  responseField: 'uploads',
  columns: [
    createdAt,
    modifiedAt,
    timestamp('expires_at', ['expires_at'], 'When it vanishes by itself.'),
    statusCode,
    statusDescription,
    text('content_name', ['content_name'], 'Name of the file.'),
    bigint('content_length', ['content_length'], 'Size of the file, bytes.'),
  ],
  modifiedAt: ['modified_at'],
  redact: [['content_url']],
  proof: {kind: 'id', path: `${APP}/uploads/{id}`},
  pendingCodes: RECORD_STATES.upload.pending,
});
