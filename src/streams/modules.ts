import {
  createdAt,
  description,
  flag,
  metadata,
  modifiedAt,
  popularityAt,
  statusCode,
  text,
  visibility,
} from './columns.ts';
import {declareStream, fromParent, fromRecord} from './declare.ts';
import {member} from './member.ts';
import {versionSign} from './shared.ts';

const APP = '/v2/users/{user_id}/apps/{app_id}';
const MODULES = `${APP}/modules`;
const REMOVED = 'Removed from the API in February 2026: mostly unavailable.';

export const modules = declareStream({
  name: 'modules',
  removedSince: '12.1.2 (2026-02-23)',
  doc: `Modules of the app, bookmarked ones of others included. ${REMOVED}`,
  isDefault: false,
  lists: [{path: MODULES}, {path: MODULES, query: {bookmark: 'true'}}],
  responseField: 'modules',
  columns: [createdAt, modifiedAt, description, visibility, metadata],
  modifiedAt: ['modified_at'],
  volatile: [...popularityAt(), ['module_version'], ['image', 'hosted']],
  proof: {kind: 'id', path: `${MODULES}/{id}`},
  sign: (record) => versionSign(member(record, 'module_version')),
});

export const moduleVersions = declareStream({
  name: 'module_versions',
  removedSince: '12.1.2 (2026-02-23)',
  doc: `Versions of modules. ${REMOVED}`,
  isDefault: false,
  strategy: 'children',
  under: {stream: 'modules', keys: {id: 'module_id'}},
  path: `${MODULES}/{module_id}/versions`,
  responseField: 'module_versions',
  key: [fromParent('module_id'), fromRecord('id')],
  columns: [
    createdAt,
    modifiedAt,
    description,
    text('git_commit_url', ['git_commit_url'], 'Commit that it was made from.'),
    flag('approved', ['approved'], 'Approved by Clarifai.'),
    visibility,
    metadata,
  ],
  modifiedAt: ['modified_at'],
  proof: {kind: 'id', path: `${MODULES}/{module_id}/versions/{id}`},
});

export const installedModuleVersions = declareStream({
  name: 'installed_module_versions',
  removedSince: '12.1.2 (2026-02-23)',
  doc: `Versions of modules that are installed in the app. ${REMOVED}`,
  isDefault: false,
  path: `${APP}/installed_module_versions`,
  responseField: 'installed_module_versions',
  columns: [
    createdAt,
    modifiedAt,
    text('module_id', ['module_version', 'module_id'], 'Module that is installed.'),
    text('module_version_id', ['module_version', 'id'], 'Version of that module.'),
    text('deploy_url', ['deploy_url'], 'Where it runs.'),
    visibility,
  ],
  modifiedAt: ['modified_at'],
  redact: [['key_id']],
  byIdOnly: [['module_version']],
  proof: {kind: 'id', path: `${APP}/installed_module_versions/{id}`},
});

export const collectors = declareStream({
  name: 'collectors',
  removedSince: '12.3.0 (2026-04-13)',
  doc: 'Collectors, which made inputs of what models were asked. Removed from the API in April 2026: mostly unavailable.',
  isDefault: false,
  path: `${APP}/collectors`,
  responseField: 'collectors',
  columns: [
    createdAt,
    statusCode,
    description,
    text('pre_queue_workflow_id', ['pre_queue_workflow_id'], 'Workflow that decides what is collected.'),
    text('post_queue_workflow_id', ['post_queue_workflow_id'], 'Workflow that is run on what was collected.'),
  ],
  redact: [['collector_source', 'api_post_model_outputs_collector_source', 'post_inputs_key_id']],
  proof: {kind: 'id', path: `${APP}/collectors/{id}`},
});
