import {
  createdAt,
  description,
  flag,
  json,
  metadata,
  modifiedAt,
  modelPopularityAt,
  popularityAt,
  text,
  texts,
  visibility,
} from './columns.ts';
import {declareStream, fromParent, fromRecord} from './declare.ts';
import {member} from './member.ts';
import {ownedHere, versionSign} from './shared.ts';

const WORKFLOWS = '/v2/users/{user_id}/apps/{app_id}/workflows';
const VERSIONS = `${WORKFLOWS}/{workflow_id}/versions`;

const nodes = json('nodes', ['nodes'], 'Models of the workflow and how they are joined.');

export const workflows = declareStream({
  name: 'workflows',
  doc: 'Workflows of the app; bookmarked ones of others included, those that the list brings from other apps left out.',
  // A list gives either the bookmarked ones or the others, never both (clarifai-api.md, 3.3).
  lists: [{path: WORKFLOWS}, {path: WORKFLOWS, query: {bookmark: 'true'}}],
  responseField: 'workflows',
  owner: ownedHere,
  columns: [
    createdAt,
    modifiedAt,
    description,
    texts('use_cases', ['use_cases'], 'What it is used for.'),
    nodes,
    visibility,
    metadata,
  ],
  modifiedAt: ['modified_at'],
  volatile: [
    ...popularityAt(),
    ['version'],
    ['image', 'hosted'],
    ...modelPopularityAt('nodes', '*', 'model'),
    ['nodes', '*', 'model', 'image'],
  ],
  proof: {kind: 'id', path: `${WORKFLOWS}/{id}`},
  sign: (record) => versionSign(member(record, 'version')),
});

export const workflowVersions = declareStream({
  name: 'workflow_versions',
  doc: 'Versions of workflows.',
  strategy: 'children',
  under: {stream: 'workflows', keys: {id: 'workflow_id'}},
  path: VERSIONS,
  responseField: 'workflow_versions',
  key: [fromParent('workflow_id'), fromRecord('id')],
  columns: [
    createdAt,
    modifiedAt,
    description,
    flag('is_deprecated', ['is_deprecated'], 'A model version that it uses was deleted.'),
    text('license', ['license'], 'Licence of the version.'),
    nodes,
    visibility,
    metadata,
  ],
  modifiedAt: ['modified_at'],
  volatile: [...modelPopularityAt('nodes', '*', 'model'), ['nodes', '*', 'model', 'image']],
  proof: {kind: 'id', path: `${VERSIONS}/{id}`},
});
