import {
  createdAt,
  description,
  json,
  metadata,
  modifiedAt,
  statusCode,
  statusDescription,
  text,
  timestamp,
} from './columns.ts';
import {declareStream, fromRecord} from './declare.ts';
import {RECORD_STATES} from './record-states.ts';

const USER = '/v2/users/{user_id}';

export const runners = declareStream({
  name: 'runners',
  doc: 'Runners of a user, which run models on machines of the user’s.',
  scope: 'user',
  isDefault: false,
  path: `${USER}/runners`,
  responseField: 'runners',
  columns: [
    createdAt,
    modifiedAt,
    description,
    text('model_id', ['worker', 'model', 'id'], 'Model that it runs.'),
    text('model_version_id', ['worker', 'model', 'model_version', 'id'], 'Version of that model.'),
    text('nodepool_id', ['nodepool', 'id'], 'Nodepool that it belongs to.'),
    json('compute_info', ['compute_info'], 'What it needs to run.'),
    metadata,
  ],
  modifiedAt: ['modified_at'],
  // How many of it run at the moment is no edit.
  volatile: [['runner_metrics'], ['num_replicas']],
  byIdOnly: [['nodepool']],
  proof: {kind: 'id', path: `${USER}/runners/{id}`},
});

export const appDuplications = declareStream({
  name: 'app_duplications',
  doc: 'Copies of apps that were asked for. Deprecated in April 2026.',
  scope: 'user',
  isDefault: false,
  path: `${USER}/duplications`,
  responseField: 'app_duplications',
  columns: [
    createdAt,
    {...timestamp('modified_at', ['last_modified_at'], 'When the copy last moved on.')},
    statusCode,
    statusDescription,
    text('destination_app_id', ['destination_app', 'id'], 'App that is copied into.'),
    json('filter', ['filter'], 'What is copied.'),
    json('progress', ['progress'], 'How far each kind of record is.'),
  ],
  modifiedAt: ['last_modified_at'],
  byIdOnly: [['destination_app']],
  proof: {kind: 'id', path: `${USER}/duplications/{id}`},
  pendingCodes: RECORD_STATES.appDuplication.pending,
});

export const statusCodes = declareStream({
  name: 'status_codes',
  doc: 'Status codes of the API and what they mean; the same for everybody.',
  scope: 'global',
  isDefault: false,
  path: '/v2/status_codes',
  pages: 'single',
  responseField: 'statuses',
  key: [fromRecord('code')],
  columns: [
    text('description', ['description'], 'What the code means.'),
    text('details', ['details'], 'More of that.'),
  ],
  proof: {kind: 'id', path: '/v2/status_codes/{code}'},
});

export const openSourceLicenses = declareStream({
  name: 'open_source_licenses',
  doc: 'Names of licences that the API knows; the same for everybody.',
  scope: 'global',
  isDefault: false,
  path: '/v2/open_source_licenses',
  pages: 'single',
  responseField: 'licenses',
  wrapAs: 'value',
  key: [fromRecord('value')],
  columns: [],
  proof: {kind: 'twice'},
});
