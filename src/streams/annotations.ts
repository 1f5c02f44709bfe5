import {createdAt, flag, modifiedAt, personalData, statusCode, statusDescription, text} from './columns.ts';
import type {Stream} from './stream.ts';

/** Without it the API leaves out model output and unreviewed work, with no sign (clarifai-api.md, section 8). */
const ALL = {list_all_annotations: 'true'};

export const annotations: Stream = {
  name: 'annotations',
  doc: 'Labels, boxes, polygons, masks, points, spans and frames on inputs, untrusted ones and model output included.',
  scope: 'app',
  strategy: 'window',
  cascade: [{stream: 'inputs', keys: {id: 'input_id'}}],
  lists: [{path: '/v2/users/{user_id}/apps/{app_id}/annotations', query: ALL}],
  pages: 'numbered',
  responseField: 'annotations',
  shape: {
    key: [
      {name: 'input_id', from: 'record', path: ['input_id']},
      {name: 'id', from: 'record', path: ['id']},
    ],
    columns: [
      createdAt,
      modifiedAt,
      statusCode,
      statusDescription,
      text('annotator_id', ['user_id'], 'Who made it, by the deprecated field; prefer the worker columns.'),
      text('worker_user_id', ['worker', 'user', 'id'], 'The person who made it.'),
      text('worker_model_id', ['worker', 'model', 'id'], 'The model that made it.'),
      text('worker_model_version_id', ['worker', 'model', 'model_version', 'id'], 'The version of that model.'),
      text('worker_workflow_id', ['worker', 'workflow', 'id'], 'The workflow that made it.'),
      text('task_id', ['task_id'], 'Labelling task it belongs to.'),
      flag('trusted', ['trusted'], 'Counts as true; the API lists only these unless asked for all.'),
      flag('input_level', ['input_level'], 'Holds the concepts, metadata and geo of the input as a whole.'),
    ],
    modifiedAt: ['modified_at'],
    volatile: [
      ['data', 'regions', '*', 'region_info', 'mask', 'image', 'hosted'],
      ['data', 'frames', '*', 'data', 'regions', '*', 'region_info', 'mask', 'image', 'hosted'],
      ['data', 'image', 'hosted'],
      ['data', 'video', 'hosted'],
      ['data', 'text', 'hosted'],
      ['data', 'audio', 'hosted'],
    ],
    redact: personalData('worker', 'user'),
    byIdOnly: [],
  },
  proof: {
    kind: 'id',
    path: '/v2/users/{user_id}/apps/{app_id}/inputs/{input_id}/annotations/{id}',
    // Some 45 bytes per id: 40 pairs keep the address within what proxies take (clarifai-api.md, section 8).
    batch: {
      path: '/v2/users/{user_id}/apps/{app_id}/annotations',
      params: {input_id: 'input_ids', id: 'ids'},
      query: ALL,
      size: 40,
    },
  },
  marker: true,
  pendingCodes: [24151, 24157, 24159],
  isDefault: true,
};
