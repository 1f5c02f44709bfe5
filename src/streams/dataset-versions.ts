import {
  bigint,
  createdAt,
  json,
  metadata,
  modifiedAt,
  statusCode,
  statusDescription,
  text,
  visibility,
} from './columns.ts';
import type {Stream} from './stream.ts';

const PATH = '/v2/users/{user_id}/apps/{app_id}/datasets/{dataset_id}/versions';

export const datasetVersions: Stream = {
  name: 'dataset_versions',
  doc: 'Frozen versions of datasets with their metrics and exports.',
  scope: 'app',
  strategy: 'children',
  under: {stream: 'datasets', keys: {id: 'dataset_id'}},
  lists: [{path: PATH}],
  pages: 'numbered',
  responseField: 'dataset_versions',
  shape: {
    key: [
      {name: 'dataset_id', from: 'parent'},
      {name: 'id', from: 'record', path: ['id']},
    ],
    columns: [
      createdAt,
      modifiedAt,
      statusCode,
      statusDescription,
      text('description', ['description'], 'Text set by the user.'),
      {
        name: 'request_origin',
        type: 'integer',
        path: ['request_origin'],
        doc: '1 manual, 2 training, 3 ground truth of an evaluation, 4 predictions of one.',
      },
      bigint('inputs_count', ['metrics', '/', 'inputs_count'], 'Inputs in the version.'),
      json('metrics', ['metrics'], 'All metrics groups that come with the version, by path.'),
      json('export_info', ['export_info'], 'Exports of the version; addresses as of _sync_changed_at.'),
      visibility,
      metadata,
    ],
    modifiedAt: ['modified_at'],
    volatile: [['export_info', '*', 'url']],
    redact: [],
    byIdOnly: [],
  },
  proof: {kind: 'id', path: `${PATH}/{id}`},
  marker: false,
  // Still being made (64005, 64010).
  pendingCodes: [64005, 64010],
  isDefault: true,
  // Pages with metrics are heavy (clarifai-api.md, section 4).
  pageSize: 200,
};
