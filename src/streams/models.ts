import {
  count,
  createdAt,
  description,
  flag,
  hostedAt,
  integer,
  json,
  metadata,
  modifiedAt,
  modelPopularityAt,
  popularityAt,
  statusCode,
  statusDescription,
  text,
  texts,
  timestamp,
  visibility,
} from './columns.ts';
import {declareStream, fromParent, fromRecord} from './declare.ts';
import {member} from './member.ts';
import {RECORD_STATES} from './record-states.ts';
import {ownedHere, versionSign} from './shared.ts';

const MODELS = '/v2/users/{user_id}/apps/{app_id}/models';
const VERSIONS = `${MODELS}/{model_id}/versions`;
const UNDER_VERSIONS = {stream: 'model_versions', keys: {model_id: 'model_id', id: 'version_id'}};

const conceptColumns = [
  createdAt,
  text('name', ['name'], 'Name in the default language.'),
  text('language', ['language'], 'Language of the name.'),
  text('owner_user_id', ['user_id'], 'User who owns the concept.'),
  text('owner_app_id', ['app_id'], 'App that owns the concept.'),
];

export const models = declareStream({
  name: 'models',
  doc: 'Models of the app; bookmarked ones of others included, those that the list brings from other apps left out.',
  // A list gives either the bookmarked ones or the others, never both (clarifai-api.md, 3.3).
  lists: [{path: MODELS}, {path: MODELS, query: {bookmark: 'true'}}],
  responseField: 'models',
  owner: ownedHere,
  columns: [
    createdAt,
    {...modifiedAt, doc: 'When its newest version was created: edits of the model itself do not move it.'},
    text('name', ['name'], 'Name of the model, by the deprecated field.'),
    text('model_type_id', ['model_type_id'], 'Type of the model, such as visual-classifier.'),
    text('task', ['task'], 'What it is for.'),
    description,
    integer('license_type', ['license_type'], '1 first party, 2 open source, 3 closed source.'),
    text('creator', ['creator'], 'Who made the model, where that is not its owner.'),
    texts('toolkits', ['toolkits'], 'Toolkits that it was made with.'),
    texts('use_cases', ['use_cases'], 'What it is used for.'),
    visibility,
    metadata,
  ],
  // modified_at goes back when the newest version is deleted, so it cannot tell what is older.
  volatile: [
    ...modelPopularityAt(),
    ['model_version'],
    ['version_count'],
    ['open_router_info'],
    ['workflow_recommended'],
    ['image', 'hosted'],
  ],
  proof: {kind: 'id', path: `${MODELS}/{id}`},
  sign: (record) => versionSign(member(record, 'model_version')),
});

export const modelVersions = declareStream({
  name: 'model_versions',
  doc: 'Versions of models with their training and, where they were evaluated, their metrics.',
  strategy: 'children',
  under: {stream: 'models', keys: {id: 'model_id'}},
  path: VERSIONS,
  responseField: 'model_versions',
  key: [fromParent('model_id'), fromRecord('id')],
  columns: [
    createdAt,
    modifiedAt,
    timestamp('completed_at', ['completed_at'], 'When training ended.'),
    statusCode,
    statusDescription,
    description,
    count('active_concept_count', ['active_concept_count'], 'Concepts that it knows.'),
    count('total_input_count', ['total_input_count'], 'Inputs that it was trained with.'),
    text('train_dataset_id', ['train_info', 'dataset', 'id'], 'Dataset that it was trained with.'),
    text('train_dataset_version_id', ['train_info', 'dataset', 'version', 'id'], 'Version of that dataset.'),
    text('license', ['license'], 'Licence of the version.'),
    json('train_params', ['train_info', 'params'], 'Parameters of the training.'),
    json('metrics', ['metrics'], 'Metrics of its evaluation, as far as the list gives them.'),
    visibility,
    metadata,
  ],
  modifiedAt: ['modified_at'],
  volatile: [...popularityAt('train_info', 'dataset'), ...modelPopularityAt('train_info', 'resume_from_model')],
  proof: {kind: 'id', path: `${VERSIONS}/{id}`},
  pendingCodes: RECORD_STATES.modelVersion.pending,
  pageSize: 200,
});

export const modelVersionConcepts = declareStream({
  name: 'model_version_concepts',
  doc: 'Concepts that a trained version of a model knows; they do not change after the training.',
  strategy: 'fixed',
  under: {...UNDER_VERSIONS, ready: RECORD_STATES.modelVersion.good},
  path: `${VERSIONS}/{version_id}/concepts`,
  responseField: 'concepts',
  key: [fromParent('model_id'), fromParent('version_id'), fromRecord('id')],
  columns: conceptColumns,
  volatile: [['image', 'hosted']],
  proof: {kind: 'twice'},
});

export const modelConcepts = declareStream({
  name: 'model_concepts',
  doc: 'Concepts of the newest version of each model: what model_version_concepts has for that version.',
  isDefault: false,
  strategy: 'children',
  under: {stream: 'models', keys: {id: 'model_id'}},
  path: `${MODELS}/{model_id}/concepts`,
  responseField: 'concepts',
  key: [fromParent('model_id'), fromRecord('id')],
  columns: conceptColumns,
  volatile: [['image', 'hosted']],
  proof: {kind: 'twice'},
});

export const modelReferences = declareStream({
  name: 'model_references',
  doc: 'Papers and pages that a model refers to.',
  strategy: 'children',
  under: {stream: 'models', keys: {id: 'model_id'}},
  path: `${MODELS}/{model_id}/references`,
  responseField: 'model_references',
  key: [fromParent('model_id'), fromRecord('id')],
  columns: [text('name', ['name'], 'What the reference is called.'), text('url', ['url'], 'Where it is.'), metadata],
  proof: {kind: 'twice'},
});

export const modelVersionInputExamples = declareStream({
  name: 'model_version_input_examples',
  doc: 'Sample inputs that a version of a model shows.',
  strategy: 'children',
  under: {stream: 'model_versions', keys: {model_id: 'model_id', id: 'model_version_id'}},
  path: `${VERSIONS}/{model_version_id}/input_examples`,
  responseField: 'model_version_input_examples',
  key: [fromParent('model_id'), fromParent('model_version_id'), fromRecord('id')],
  columns: [text('name', ['name'], 'Name of the example.'), description, json('data', ['data'], 'The example itself.')],
  volatile: hostedAt('data'),
  proof: {kind: 'id', path: `${VERSIONS}/{model_version_id}/input_examples/{id}`},
});

export const modelTypes = declareStream({
  name: 'model_types',
  doc: 'Types of models that there are; the same for everybody.',
  scope: 'global',
  isDefault: false,
  // The short path names no app; one that everybody may read stands in for the authorisation.
  lists: [{path: '/v2/models/types', query: {'user_app_id.user_id': 'clarifai', 'user_app_id.app_id': 'main'}}],
  responseField: 'model_types',
  columns: [
    text('title', ['title'], 'Title of the type.'),
    description,
    texts('input_fields', ['input_fields'], 'What a model of the type takes.'),
    texts('output_fields', ['output_fields'], 'What it gives.'),
    flag('trainable', ['trainable'], 'Models of the type can be trained.'),
    flag('creatable', ['creatable'], 'Models of the type can be created.'),
  ],
  proof: {kind: 'twice'},
});
