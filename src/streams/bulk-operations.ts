import {createdAt, json, statusCode, statusDescription, text} from './columns.ts';
import {member, textMember} from './member.ts';
import type {Stream} from './stream.ts';

const PATH = '/v2/users/{user_id}/apps/{app_id}/bulk_operations';

export const bulkOperations: Stream = {
  name: 'bulk_operations',
  doc: 'Operations that change many inputs or annotations at once, and how far they are.',
  scope: 'app',
  strategy: 'list',
  lists: [{path: PATH}],
  pages: 'numbered',
  // Singular in the API, and absent when empty.
  responseField: 'bulk_operation',
  shape: {
    key: [{name: 'id', from: 'record', path: ['id']}],
    columns: [
      createdAt,
      {
        name: 'modified_at',
        type: 'timestamp',
        path: ['last_modified_at'],
        doc: 'When the operation last changed or moved on.',
      },
      statusCode,
      statusDescription,
      text('created_by', ['created_by'], 'User who started it.'),
      json('operation', ['operation'], 'What it does, one member by the kind of operation.'),
      {
        name: 'processed',
        type: 'bigint',
        path: ['progress', 'processed'],
        absent: '0',
        doc: 'Records worked on so far.',
      },
    ],
    modifiedAt: ['last_modified_at'],
    volatile: [],
    redact: [],
    byIdOnly: [],
  },
  proof: {kind: 'id', path: `${PATH}/{id}`},
  marker: false,
  pendingCodes: [25402, 25403],
  namesMembersOf: {
    stream: 'datasets',
    ids: (record) =>
      [
        textMember(record, 'operation', 'add_to_dataset', 'dataset_id'),
        textMember(record, 'operation', 'delete_from_dataset', 'dataset_id'),
        ...splits(record),
      ].filter((id) => id !== undefined),
  },
  isDefault: true,
};

/** Ids of the datasets that a split_into_datasets operation fills. */
function splits(record: unknown): (string | undefined)[] {
  const parts = member(record, 'operation', 'split_into_datasets', 'dataset_splits');
  return Array.isArray(parts) ? parts.map((part) => textMember(part, 'dataset', 'id')) : [];
}
