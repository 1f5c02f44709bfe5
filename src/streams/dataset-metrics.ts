import {bigint, integer, json} from './columns.ts';
import {declareStream, fromParent} from './declare.ts';
import {RECORD_STATES} from './record-states.ts';

export const datasetVersionMetricsGroups = declareStream({
  name: 'dataset_version_metrics_groups',
  doc: 'Metrics of parts of a ready dataset version, by kind of input, concept, size and so on; they do not change.',
  strategy: 'fixed',
  under: {
    stream: 'dataset_versions',
    keys: {dataset_id: 'dataset_id', id: 'dataset_version_id'},
    ready: RECORD_STATES.datasetVersion.good,
  },
  path: '/v2/users/{user_id}/apps/{app_id}/datasets/{dataset_id}/versions/{dataset_version_id}/metrics',
  responseField: 'dataset_version_metrics_groups',
  key: [
    fromParent('dataset_id'),
    fromParent('dataset_version_id'),
    {name: 'parent_path', from: 'record', path: ['parent_path'], absent: ''},
    {name: 'type', from: 'record', path: ['type'], absent: '0'},
    {name: 'value', from: 'record', path: ['value'], absent: 'null', isJson: true},
  ],
  columns: [
    integer('group_type', ['type'], '2 kind of input, 10 concept, 11 number of concepts, 20 to 31 numbers and sizes.'),
    bigint('inputs_count', ['metrics', 'inputs_count'], 'Inputs in the group.'),
    bigint('regions_count', ['metrics', 'regions_count'], 'Regions in the group.'),
    json('metrics', ['metrics'], 'All metrics of the group.'),
  ],
  proof: {kind: 'twice'},
});
