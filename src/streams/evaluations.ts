import type {Column, Path} from '../core/shape.ts';
import {
  double,
  hostedAt,
  json,
  modelPopularityAt,
  popularityAt,
  statusCode,
  statusDescription,
  text,
} from './columns.ts';
import {declareStream, fromParent} from './declare.ts';
import {RECORD_STATES} from './record-states.ts';

const EVALUATIONS = '/v2/users/{user_id}/apps/{app_id}/evaluations';

const figure = (name: string, doc: string): Column => double(name, ['summary', name], doc);

/** What an evaluation embeds has tables of its own; here it says what was evaluated, and with what. */
const embedded: readonly Path[] = [
  ...modelPopularityAt('model'),
  ['model', 'modified_at'],
  ['model', 'model_version', 'metrics'],
  ['model', 'image'],
  ...['ground_truth_dataset', 'predictions_dataset'].flatMap((name) => [
    ...popularityAt(name),
    [name, 'modified_at'],
    [name, 'image'],
    [name, 'version', 'metrics'],
    [name, 'version', 'export_info'],
    [name, 'version', 'modified_at'],
  ]),
];

export const evaluations = declareStream({
  name: 'evaluations',
  doc: 'Evaluations of model versions, failed ones included.',
  // Without it the API hides those that failed.
  lists: [{path: EVALUATIONS, query: {show_failed_metrics: 'true'}}],
  responseField: 'eval_metrics',
  columns: [
    statusCode,
    statusDescription,
    text('model_id', ['model', 'id'], 'Model that was evaluated.'),
    text('model_version_id', ['model', 'model_version', 'id'], 'Version of that model.'),
    text('ground_truth_dataset_id', ['ground_truth_dataset', 'id'], 'Dataset that it was evaluated with.'),
    text('ground_truth_dataset_version_id', ['ground_truth_dataset', 'version', 'id'], 'Version of that dataset.'),
    text('predictions_dataset_id', ['predictions_dataset', 'id'], 'Dataset of what was predicted.'),
    text('predictions_dataset_version_id', ['predictions_dataset', 'version', 'id'], 'Version of that dataset.'),
    figure('macro_avg_roc_auc', 'Area under the ROC curve, mean over the concepts.'),
    figure('macro_avg_f1_score', 'F1 score, mean over the concepts.'),
    figure('macro_avg_precision', 'Precision, mean over the concepts.'),
    figure('macro_avg_recall', 'Recall, mean over the concepts.'),
    figure('mean_avg_precision_iou_50', 'Mean average precision of boxes at an overlap of 0.5.'),
    figure('mean_avg_precision_iou_range', 'Mean average precision of boxes over overlaps of 0.5 to 0.95.'),
    json('params', ['eval_info', 'params'], 'Parameters of the evaluation.'),
  ],
  volatile: embedded,
  proof: {kind: 'id', path: `${EVALUATIONS}/{id}`},
  pendingCodes: RECORD_STATES.evaluation.pending,
});

export const evaluationDetails = declareStream({
  name: 'evaluation_details',
  doc: 'Confusion matrix, label counts and metrics by class of each evaluation that succeeded, in one large record.',
  isDefault: false,
  strategy: 'fixed',
  under: {stream: 'evaluations', keys: {id: 'evaluation_id'}, ready: RECORD_STATES.evaluation.good},
  lists: [
    {
      path: `${EVALUATIONS}/{evaluation_id}`,
      query: {
        'fields.confusion_matrix': 'true',
        'fields.label_counts': 'true',
        'fields.binary_metrics': 'true',
        'fields.metrics_by_area': 'true',
        'fields.metrics_by_class': 'true',
      },
    },
  ],
  pages: 'single',
  responseField: 'eval_metrics',
  key: [fromParent('evaluation_id')],
  columns: [
    statusCode,
    json('confusion_matrix', ['confusion_matrix'], 'How often each concept was taken for each other one.'),
    json('label_counts', ['label_counts'], 'How often each concept is in the ground truth.'),
    json('binary_metrics', ['binary_metrics'], 'Metrics of each concept against all others.'),
    json('metrics_by_area', ['metrics_by_area'], 'Metrics by the size of boxes.'),
    json('metrics_by_class', ['metrics_by_class'], 'Metrics of each concept.'),
  ],
  volatile: [...embedded, ...hostedAt('test_set', '*', 'input', 'data')],
  proof: {kind: 'id', path: `${EVALUATIONS}/{evaluation_id}`},
});
