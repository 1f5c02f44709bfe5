import type {Path} from '../core/shape.ts';
import {
  count,
  createdAt,
  description,
  flag,
  hostedAt,
  integer,
  metadata,
  modifiedAt,
  personalData,
  starsAt,
  statusCode,
  statusDescription,
  text,
  timestamp,
  visibility,
  workerKey,
} from './columns.ts';
import {declareStream, fromParent, fromRecord, type Declaration} from './declare.ts';
import {RECORD_STATES} from './record-states.ts';

const APP = '/v2/users/{user_id}/apps/{app_id}';
const TASKS = `${APP}/tasks`;

/** People appear in a task as workers and as reviewers, in the old members and in the new. */
const people: readonly Path[] = [
  ['worker', 'users', '*'],
  ['worker', 'workers', '*', 'user'],
  ['review', 'users', '*'],
];

export const tasks = declareStream({
  name: 'tasks',
  doc: 'Labelling tasks, those of label orders included.',
  // Without it the tasks of label orders are left out.
  lists: [{path: TASKS, query: {including_label_order_tasks: 'true'}}],
  responseField: 'tasks',
  columns: [
    createdAt,
    modifiedAt,
    statusCode,
    statusDescription,
    text('name', ['name'], 'Name of the task.'),
    description,
    integer('type', ['type'], '1 classification by concepts, 2 boxes, 3 polygons.'),
    integer('priority', ['priority'], '1 low, 2 medium, 3 high.'),
    integer('worker_strategy', ['worker', 'strategy'], 'How work is shared: 2 partitioned, 3 full, 4 dynamic.'),
    integer('worker_type', ['worker', 'type'], '1 people, 2 automatic.'),
    integer('review_strategy', ['review', 'strategy'], '1 none, 2 manual, 3 consensus.'),
    integer('input_source_type', ['input_source', 'type'], '1 all inputs, 2 saved search, 3 dataset.'),
    text('input_source_id', ['input_source', 'id'], 'Id of that search or dataset.'),
    text('label_order_id', ['label_order_id'], 'Label order that it belongs to.'),
    visibility,
    metadata,
  ],
  modifiedAt: ['modified_at'],
  volatile: [['metrics'], ...people.flatMap((path) => [...starsAt(...path), [...path, 'image']])],
  redact: people.flatMap((path) => personalData(...path)),
  proof: {kind: 'id', path: `${TASKS}/{id}`},
  pendingCodes: RECORD_STATES.task.pending,
});

export const labelOrders = declareStream({
  name: 'label_orders',
  doc: 'Orders of labelling work; the task of each is in tasks.',
  path: `${APP}/label_orders`,
  responseField: 'label_orders',
  columns: [
    createdAt,
    modifiedAt,
    statusCode,
    statusDescription,
    text('name', ['name'], 'Name of the order.'),
    text('task_id', ['task', 'id'], 'Its task.'),
    flag('auto_release', ['auto_release'], 'Results are released without being looked at.'),
    flag('allow_empty_tag', ['allow_empty_tag'], 'An input may be left without a concept.'),
    timestamp('desired_fulfill_time', ['desired_fulfill_time'], 'When it is wanted.'),
    timestamp('estimate_fulfill_time', ['estimate_fulfill_time'], 'When it is expected.'),
  ],
  modifiedAt: ['modified_at'],
  redact: people.flatMap((path) => personalData('task', ...path)),
  byIdOnly: [['task']],
  proof: {kind: 'id', path: `${APP}/label_orders/{id}`},
  pendingCodes: RECORD_STATES.labelOrder.pending,
});

export const taskInputSamples = declareStream({
  name: 'task_input_samples',
  doc: 'A sample of the inputs of each task, with an annotation of each.',
  isDefault: false,
  strategy: 'children',
  under: {stream: 'tasks', keys: {id: 'task_id'}},
  path: `${TASKS}/{task_id}/inputs/samples`,
  pages: 'single',
  responseField: 'hits',
  key: [
    fromParent('task_id'),
    fromRecord('input_id', 'input', 'id'),
    {name: 'annotation_id', from: 'record', path: ['annotation', 'id'], absent: ''},
  ],
  columns: [{name: 'score', type: 'double', path: ['score'], doc: 'Score of the hit.'}],
  volatile: [...hostedAt('input', 'data'), ...hostedAt('annotation', 'data')],
  redact: personalData('annotation', 'worker', 'user'),
  byIdOnly: [['input'], ['annotation']],
  proof: {kind: 'twice'},
});

/** Per worker and state. Counts move while a task is worked on, and nothing tells: such tasks are read in every run. */
const taskCounts = (what: 'annotations' | 'inputs', name: string, doc: string): Declaration => ({
  name,
  doc,
  isDefault: false,
  strategy: 'children',
  under: {stream: 'tasks', keys: {id: 'task_id'}, live: RECORD_STATES.task.pending},
  path: `${TASKS}/{task_id}/${what}/count`,
  pages: 'single',
  responseField: 'counts',
  key: [fromParent('task_id'), ...workerKey(['worker'], [{name: 'user', path: ['user_id']}])],
  columns: [
    count('pending', ['pending'], 'To be worked on.'),
    count('awaiting_review', ['awaiting_review'], 'To be reviewed.'),
    count('success', ['success'], 'Done.'),
    count('review_denied', ['review_denied'], 'Turned down in review.'),
    count('awaiting_consensus_review', ['awaiting_consensus_review'], 'To be reviewed against others’ work.'),
  ],
  redact: personalData('worker', 'user'),
  proof: {kind: 'twice'},
});

export const taskAnnotationCounts = declareStream(
  taskCounts('annotations', 'task_annotation_counts', 'How many annotations of a task are in which state, by worker.'),
);
export const taskInputCounts = declareStream(
  taskCounts('inputs', 'task_input_counts', 'How many inputs of a task are in which state, by worker.'),
);
