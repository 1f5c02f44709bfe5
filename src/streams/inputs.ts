import {createdAt, json, modifiedAt, statusCode, statusDescription, text} from './columns.ts';
import type {Stream} from './stream.ts';

export const inputs: Stream = {
  name: 'inputs',
  doc: 'Images, videos, texts and audio files of the app, one per record.',
  scope: 'app',
  strategy: 'tail',
  lists: [{path: '/v2/users/{user_id}/apps/{app_id}/inputs/stream'}],
  pages: 'last_id',
  responseField: 'inputs',
  shape: {
    key: [{name: 'id', from: 'record', path: ['id']}],
    columns: [
      createdAt,
      modifiedAt,
      statusCode,
      statusDescription,
      text('image_url', ['data', 'image', 'url'], 'Address that the image was uploaded from; may be dead.'),
      text('video_url', ['data', 'video', 'url'], 'Address that the video was uploaded from; may be dead.'),
      text('text_url', ['data', 'text', 'url'], 'Address that the text was uploaded from; may be dead.'),
      text('text_raw', ['data', 'text', 'raw'], 'The text itself, where the API gives it.'),
      text('audio_url', ['data', 'audio', 'url'], 'Address that the sound was uploaded from; may be dead.'),
      json('metadata', ['data', 'metadata'], 'Free JSON set by the user.'),
    ],
    modifiedAt: ['modified_at'],
    volatile: [
      ['data', 'image', 'hosted'],
      ['data', 'video', 'hosted'],
      ['data', 'video', 'hosted_thumbnail'],
      ['data', 'text', 'hosted'],
      ['data', 'audio', 'hosted'],
    ],
    redact: [],
    byIdOnly: [],
  },
  proof: {
    kind: 'id',
    path: '/v2/users/{user_id}/apps/{app_id}/inputs/{id}',
    batch: {path: '/v2/users/{user_id}/apps/{app_id}/inputs', params: {id: 'ids'}, size: 128},
  },
  marker: true,
  pendingCodes: [30001, 30003],
  isDefault: true,
};
