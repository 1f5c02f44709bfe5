import {createdAt, metadata, text, visibility} from './columns.ts';
import type {Stream} from './stream.ts';

const PATH = '/v2/users/{user_id}/apps/{app_id}/concepts';

export const concepts: Stream = {
  name: 'concepts',
  doc: 'Words that inputs and regions can be labelled with.',
  scope: 'app',
  strategy: 'list',
  lists: [{path: PATH}],
  pages: 'numbered',
  responseField: 'concepts',
  shape: {
    key: [{name: 'id', from: 'record', path: ['id']}],
    columns: [
      createdAt,
      text('name', ['name'], 'Name in the default language.'),
      text('language', ['language'], 'Language of the name.'),
      text('definition', ['definition'], 'Text set by the user.'),
      text('owner_user_id', ['user_id'], 'User who owns the concept.'),
      text('owner_app_id', ['app_id'], 'App that owns the concept.'),
      visibility,
      metadata,
    ],
    // Only created_at: a rename shows nowhere, so what was asked for later counts.
    modifiedAt: null,
    volatile: [['image', 'hosted']],
    redact: [],
    byIdOnly: [],
  },
  proof: {kind: 'id', path: `${PATH}/{id}`},
  marker: false,
  pendingCodes: [],
  isDefault: true,
};
