import {
  createdAt,
  integer,
  json,
  modifiedAt,
  personalData,
  modelPopularityAt,
  popularityAt,
  starsAt,
  text,
  visibility,
  workerKey,
} from './columns.ts';
import {declareStream, fromRecord} from './declare.ts';

const APP = '/v2/users/{user_id}/apps/{app_id}';

export const annotationWorkers = declareStream({
  name: 'annotation_workers',
  doc: 'Who annotates in the app: people, versions of models and versions of workflows.',
  path: `${APP}/annotations/workers`,
  responseField: 'workers',
  key: workerKey([]),
  columns: [
    text('worker_user_id', ['user', 'id'], 'The person, where it is one.'),
    text('worker_model_id', ['model', 'id'], 'The model, where it is one.'),
    text('worker_model_version_id', ['model', 'model_version', 'id'], 'Version of that model.'),
    text('worker_workflow_id', ['workflow', 'id'], 'The workflow, where it is one.'),
    text('worker_workflow_version_id', ['workflow', 'version', 'id'], 'Version of that workflow.'),
  ],
  volatile: [...starsAt('user'), ['user', 'image'], ...modelPopularityAt('model'), ...popularityAt('workflow')],
  redact: personalData('user'),
  proof: {kind: 'twice'},
});

export const annotationFilters = declareStream({
  name: 'annotation_filters',
  doc: 'Saved choices of annotations, which dataset versions are made by.',
  path: `${APP}/annotation_filters`,
  responseField: 'annotation_filters',
  columns: [createdAt, modifiedAt, json('search', ['search'], 'The search that chooses.')],
  modifiedAt: ['modified_at'],
  redact: [],
  proof: {kind: 'id', path: `${APP}/annotation_filters/{id}`},
});

export const searches = declareStream({
  name: 'searches',
  doc: 'Saved searches.',
  path: `${APP}/searches`,
  // The answer has an array of hits as well, always empty, which comes first.
  responseField: 'searches',
  columns: [
    createdAt,
    modifiedAt,
    text('name', ['name'], 'Name of the search.'),
    text('application_id', ['application_id'], 'App that it searches in.'),
    text('algorithm', ['algorithm'], 'How it searches.'),
    integer('metric', ['metric'], '1 Euclidean distance, 2 cosine distance.'),
    json('query', ['query'], 'What it looks for.'),
    visibility,
  ],
  modifiedAt: ['modified_at'],
  // The time as of which it would be run moves by itself.
  volatile: [['as_of']],
  proof: {kind: 'id', path: `${APP}/searches/{id}`},
});

export const annotationSearchMetrics = declareStream({
  name: 'annotation_search_metrics',
  removedSince: '11.10.8 (2025-11-20)',
  doc: 'Metrics of annotation searches. Removed from the API in November 2025: mostly unavailable.',
  isDefault: false,
  path: `${APP}/annotations/searches/metrics`,
  pages: 'single',
  responseField: 'annotation_search_metrics',
  key: [fromRecord('id', 'metrics', 'id')],
  columns: [json('metrics', ['metrics'], 'The metrics.')],
  proof: {kind: 'twice'},
});
