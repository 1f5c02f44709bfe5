import {createdAt, metadata, modifiedAt, starsAt, text, visibility} from './columns.ts';
import type {Stream} from './stream.ts';

const PATH = '/v2/users/{user_id}/apps';

export const apps: Stream = {
  name: 'apps',
  doc: "Apps of a user. A stream of the user, so its rows' app_id is empty and the app's own id is in id.",
  scope: 'user',
  strategy: 'list',
  lists: [{path: PATH}],
  pages: 'numbered',
  responseField: 'apps',
  shape: {
    key: [{name: 'id', from: 'record', path: ['id']}],
    columns: [
      createdAt,
      modifiedAt,
      text('name', ['name'], 'Name of the app.'),
      text('description', ['description'], 'Text set by the user.'),
      text('default_language', ['default_language'], 'Language of the concepts.'),
      visibility,
      metadata,
    ],
    modifiedAt: ['modified_at'],
    volatile: [...starsAt(), ['extra_info'], ['default_workflow'], ['image', 'hosted']],
    redact: [],
    byIdOnly: [],
  },
  proof: {kind: 'id', path: `${PATH}/{id}`},
  marker: false,
  pendingCodes: [],
  isDefault: true,
};
