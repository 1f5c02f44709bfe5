import {createdAt, metadata, modifiedAt, popularityAt, text, visibility} from './columns.ts';
import {member} from './member.ts';
import type {Stream} from './stream.ts';

const PATH = '/v2/users/{user_id}/apps/{app_id}/datasets';

export const datasets: Stream = {
  name: 'datasets',
  doc: 'Named sets of inputs; bookmarked ones of others included.',
  scope: 'app',
  strategy: 'list',
  // A list gives either the bookmarked ones or the others, never both (clarifai-api.md, 3.3).
  lists: [{path: PATH}, {path: PATH, query: {bookmark: 'true'}}],
  pages: 'numbered',
  responseField: 'datasets',
  shape: {
    key: [{name: 'id', from: 'record', path: ['id']}],
    columns: [
      createdAt,
      modifiedAt,
      text('description', ['description'], 'Text set by the user.'),
      visibility,
      metadata,
    ],
    modifiedAt: ['modified_at'],
    volatile: [...popularityAt(), ['version'], ['image', 'hosted']],
    redact: [],
    byIdOnly: [],
  },
  proof: {kind: 'id', path: `${PATH}/{id}`},
  marker: false,
  pendingCodes: [],
  // The embedded newest version is no part of the record (it has a table), but tells that versions have changed.
  sign: (record) => {
    const version = member(record, 'version');
    const parts = [member(version, 'id'), member(version, 'status', 'code'), member(version, 'modified_at')];
    return version === undefined ? '' : JSON.stringify(parts);
  },
  isDefault: true,
};
