import {createdAt} from './columns.ts';
import type {Stream} from './stream.ts';

const PATH = '/v2/users/{user_id}/apps/{app_id}/datasets/{dataset_id}/inputs';

export const datasetInputs: Stream = {
  name: 'dataset_inputs',
  doc: 'Which input is in which dataset, and since when.',
  scope: 'app',
  strategy: 'members',
  under: {stream: 'datasets', keys: {id: 'dataset_id'}},
  cascade: [{stream: 'inputs', keys: {id: 'input_id'}}],
  lists: [{path: PATH}],
  pages: 'numbered',
  responseField: 'dataset_inputs',
  shape: {
    key: [
      {name: 'dataset_id', from: 'parent'},
      {name: 'input_id', from: 'record', path: ['input', 'id']},
    ],
    columns: [{...createdAt, doc: 'When the input joined the dataset.'}],
    // The embedded input has a modified_at of its own, which says nothing of the membership.
    modifiedAt: null,
    volatile: [],
    redact: [],
    byIdOnly: [['input']],
  },
  proof: {kind: 'id', path: `${PATH}/{input_id}`},
  marker: true,
  pendingCodes: [],
  isDefault: true,
};
