import {createdAt, modifiedAt, personalData, text, texts, timestamp} from './columns.ts';
import {declareStream, fromRecord} from './declare.ts';

export const collaborators = declareStream({
  name: 'collaborators',
  doc: 'People whom the app is shared with, those it is no longer shared with included (removed_at).',
  // The one list of the API that shows what was deleted.
  lists: [{path: '/v2/users/{user_id}/apps/{app_id}/collaborators', query: {list_all_collaborators: 'true'}}],
  responseField: 'collaborators',
  columns: [
    createdAt,
    modifiedAt,
    timestamp('removed_at', ['deleted_at'], 'When the app was no longer shared with this person; null while it is.'),
    text('collaborator_user_id', ['user', 'id'], 'Who.'),
    texts('scopes', ['scopes'], 'What this person may do.'),
    texts('endpoints', ['endpoints'], 'Calls that this person may make.'),
  ],
  modifiedAt: ['modified_at'],
  redact: personalData('user'),
  byIdOnly: [['app'], ['user']],
  proof: {kind: 'twice'},
});

export const collaborations = declareStream({
  name: 'collaborations',
  doc: 'Apps of others that are shared with the user.',
  scope: 'user',
  isDefault: false,
  path: '/v2/users/{user_id}/collaborations',
  responseField: 'collaborations',
  key: [fromRecord('owner_user_id', 'app', 'user_id'), fromRecord('owner_app_id', 'app', 'id')],
  columns: [
    createdAt,
    text('app_name', ['app', 'name'], 'Name of the app, as of _sync_changed_at.'),
    texts('scopes', ['scopes'], 'What the user may do there.'),
    texts('endpoints', ['endpoints'], 'Calls that the user may make there.'),
  ],
  redact: personalData('app_owner'),
  byIdOnly: [['app'], ['app_owner']],
  proof: {kind: 'twice'},
});
