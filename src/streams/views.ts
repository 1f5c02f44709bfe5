import {RECORD_STATES} from './record-states.ts';

/** A flat companion of a stream: a view beside the tables, over living rows alone. */
export interface View {
  readonly name: string;
  /** Stream whose records it lays out. */
  readonly of: string;
  readonly doc: string;
  readonly columns: readonly ViewColumn[];
  /** What is joined to `t`, the table of the stream; left out for a row each. */
  readonly joins?: string;
  /** Which rows count. */
  readonly where?: string;
  /** A query that shows what it is for; `{schema}` stands for the schema. */
  readonly example: string;
}

export interface ViewColumn {
  readonly name: string;
  readonly type: 'text' | 'bigint' | 'numeric' | 'boolean' | 'jsonb' | 'timestamptz' | 'integer';
  readonly sql: string;
  readonly doc: string;
}

const column =
  (type: ViewColumn['type']) =>
  (name: string, sql: string, doc: string): ViewColumn => ({name, type, sql, doc});
const text = column('text');
const json = column('jsonb');
const stamp = column('timestamptz');
const yes = column('boolean');

/** Text of a JSON value, without quotes. */
const plain = (value: string): string => `(${value} #>> '{}')`;

/**
 * A number, exact, whatever the record holds there: what is no number is null. Never an error, which would make the whole
 * view useless for one bad record. 64-bit integers come as strings.
 */
const numberOf = (value: string): string =>
  `(case when jsonb_typeof(${value}) = 'number' or (jsonb_typeof(${value}) = 'string' and ${plain(value)} ~ '^-?[0-9]{1,20}$') ` +
  `then ${plain(value)}::numeric end)`;

const number = (name: string, value: string, doc: string): ViewColumn => column('numeric')(name, numberOf(value), doc);

/** A whole number of 64 bits; null for what is none. The API leaves a zero out: `absent` is what stands for that. */
const whole = (name: string, value: string, doc: string, absent: '0' | 'null' = 'null'): ViewColumn =>
  column('bigint')(
    name,
    `(case when ${value} is null then ${absent} when ${numberOf(value)} between -9223372036854775808 and 9223372036854775807 ` +
      `then trunc(${numberOf(value)}) end)::bigint`,
    doc,
  );

const owner: readonly ViewColumn[] = [
  text('user_id', 't.user_id', 'User who owns the app.'),
  text('app_id', 't.app_id', 'The app.'),
];

/** A box side of zero is shown; one that is absent in a box is none. */
const boxOf = (region: string): readonly ViewColumn[] =>
  ['top_row', 'left_col', 'bottom_row', 'right_col'].map((side) =>
    number(
      side,
      `${region} -> 'region_info' -> 'bounding_box' -> '${side}'`,
      `Side of the box, a fraction of the ${side.endsWith('row') ? 'height' : 'width'}.`,
    ),
  );

/**
 * Everything in an annotation that can carry concepts: the annotation itself, its regions, its frames, the regions in
 * those, and stretches of time. Lax JSON paths: what is absent or of another kind gives no row.
 */
const PLACES = `cross join lateral (
  select 'input'::text as place, null::jsonb as region, null::jsonb as frame, t.raw -> 'data' as data
  union all select 'region', r, null, r -> 'data' from jsonb_path_query(t.raw, '$.data.regions[*]') r
  union all select 'frame', null, f, f -> 'data' from jsonb_path_query(t.raw, '$.data.frames[*]') f
  union all select 'region', r, f, r -> 'data' from jsonb_path_query(t.raw, '$.data.frames[*]') f,
    jsonb_path_query(f, '$.data.regions[*]') r
  union all select 'time_segment', null, s, s -> 'data' from jsonb_path_query(t.raw, '$.data.time_segments[*]') s
) p`;

const inAnnotation: readonly ViewColumn[] = [
  ...owner,
  text('input_id', 't.input_id', 'The input.'),
  text('annotation_id', 't.id', 'The annotation, unique in its input.'),
];

const inFrame: readonly ViewColumn[] = [
  whole('frame_number', `p.frame -> 'frame_info' -> 'number'`, 'Frame of a video.'),
  whole('frame_time_ms', `p.frame -> 'frame_info' -> 'time'`, 'Where the frame is in the video, ms.'),
];

const worker: readonly ViewColumn[] = [
  text('worker_user_id', 't.worker_user_id', 'The person who made the annotation.'),
  text('worker_model_id', 't.worker_model_id', 'The model that made it.'),
  text('worker_model_version_id', 't.worker_model_version_id', 'The version of that model.'),
  yes('trusted', 't.trusted', 'Counts as true.'),
  column('integer')('status_code', 't.status_code', 'Status of the annotation.'),
  stamp('created_at', 't.created_at', 'When the annotation was created.'),
  stamp('modified_at', 't.modified_at', 'When the annotation was last changed.'),
];

const annotationConcepts: View = {
  name: 'annotation_concepts',
  of: 'annotations',
  doc: 'A row for each annotation, region or frame in it, and concept there.',
  columns: [
    ...inAnnotation,
    text('place', 'p.place', 'What carries the concept: input, region, frame or time_segment.'),
    text('region_id', `p.region ->> 'id'`, 'The region.'),
    text('track_id', `p.region ->> 'track_id'`, 'Track of a video that the region belongs to.'),
    ...inFrame,
    text('concept_id', `c ->> 'id'`, 'The concept.'),
    text('concept_name', `c ->> 'name'`, 'Its name at the time.'),
    number('value', `c -> 'value'`, '1 it is there, 0 it is not, in between for what a model said.'),
    ...boxOf('p.region'),
    ...worker,
  ],
  joins: `${PLACES} cross join lateral jsonb_path_query(p.data, '$.concepts[*]') c`,
  example: `select concept_id, count(*) as boxes, round(avg((bottom_row - top_row) * (right_col - left_col)), 4) as mean_area
from {schema}.annotation_concepts
where trusted and value = 1 and top_row is not null
group by concept_id order by boxes desc, concept_id`,
};

const info = (name: string): string => `p.region -> 'region_info' -> '${name}'`;

const annotationRegions: View = {
  name: 'annotation_regions',
  of: 'annotations',
  doc: 'A row for each region of an annotation: box, polygon, point, span of text or mask, with its track and time.',
  columns: [
    ...inAnnotation,
    text('region_id', `p.region ->> 'id'`, 'The region, unique in its annotation.'),
    text(
      'kind',
      `case when ${info('bounding_box')} is not null then 'box' when ${info('polygon')} is not null then 'polygon' ` +
        `when ${info('mask')} is not null then 'mask' when ${info('point')} is not null then 'point' ` +
        `when ${info('span')} is not null then 'span' when ${info('token')} is not null then 'token' ` +
        `when ${info('keypoint_locations')} is not null then 'keypoints' else 'whole' end`,
      'box, polygon, mask, point, span, token, keypoints, or whole for a region without a shape.',
    ),
    ...boxOf('p.region'),
    json(
      'polygon',
      `(select jsonb_agg(jsonb_build_array(coalesce(q -> 'row', '0'), coalesce(q -> 'col', '0')) order by n)
        from jsonb_path_query(p.region, '$.region_info.polygon.points[*]') with ordinality x(q, n) where jsonb_typeof(q) = 'object')`,
      'Corners of the polygon as [row, column], fractions of height and width.',
    ),
    number('point_row', `${info('point')} -> 'row'`, 'Row of a point, a fraction of the height.'),
    number('point_col', `${info('point')} -> 'col'`, 'Column of a point, a fraction of the width.'),
    whole('char_start', `coalesce(${info('span')}, ${info('token')}) -> 'char_start'`, 'Where a span of text begins.'),
    whole('char_end', `coalesce(${info('span')}, ${info('token')}) -> 'char_end'`, 'Where it ends.'),
    text('raw_text', `coalesce(${info('span')}, ${info('token')}) ->> 'raw_text'`, 'The text itself.'),
    text(
      'mask_url',
      `coalesce(${info('mask')} -> 'image' ->> 'url', ${hostedUrl(`${info('mask')} -> 'image'`, 'orig')})`,
      'Where the mask is, as of _sync_changed_at of the annotation.',
    ),
    number('value', `p.region -> 'value'`, 'How sure a model was of the region.'),
    text('track_id', `p.region ->> 'track_id'`, 'Track of a video that it belongs to.'),
    ...inFrame,
    json(
      'concepts',
      `p.region -> 'data' -> 'concepts'`,
      'Concepts of the region; annotation_concepts has a row for each.',
    ),
    ...worker,
  ],
  joins: PLACES,
  where: `p.place = 'region'`,
  example: `select kind, count(*) as regions, count(track_id) as in_tracks
from {schema}.annotation_regions group by kind order by regions desc, kind`,
};

/** Address of hosted media in one size; null where it is not kept in that size. */
function hostedUrl(media: string, size: string): string {
  const hosted = `${media} -> 'hosted'`;
  return `(case when ${hosted} -> 'sizes' ? '${size}' then (${hosted} ->> 'prefix') || '/${size}/' || (${hosted} ->> 'suffix') end)`;
}

const inputMedia: View = {
  name: 'input_media',
  of: 'inputs',
  doc: 'A row for each input: what kind of media it is, how large and how long, and where it can be downloaded.',
  columns: [
    ...owner,
    text('input_id', 't.id', 'The input.'),
    text('kind', 'm.kind', 'image, video, text or audio.'),
    text('url', `m.media ->> 'url'`, 'Address that it was uploaded from; may be dead.'),
    whole('width', "m.info -> 'width'", 'Width, pixels.'),
    whole('height', "m.info -> 'height'", 'Height, pixels.'),
    text(
      'format',
      `coalesce(m.info ->> 'format', m.info ->> 'video_format', m.info ->> 'audio_format')`,
      'Format of the file.',
    ),
    number('duration_seconds', `m.info -> 'duration_seconds'`, 'How long it is, seconds.'),
    number('fps', `m.info -> 'fps'`, 'Frames per second.'),
    whole('frame_count', `m.info -> 'frame_count'`, 'Frames of a video.'),
    whole('bit_rate', `m.info -> 'bit_rate'`, 'Bits per second.'),
    whole('sample_rate', `m.info -> 'sample_rate'`, 'Samples of sound per second.'),
    whole('char_count', `m.info -> 'char_count'`, 'Characters of a text.'),
    ...['orig', 'large', 'small', 'tiny', 'thumbnail'].map((size) =>
      text(
        `${size}_url`,
        hostedUrl('m.media', size),
        `Hosted by Clarifai, size ${size}: needs the token; as of _sync_changed_at.`,
      ),
    ),
    column('integer')('status_code', 't.status_code', 'Status of the input.'),
    stamp('created_at', 't.created_at', 'When the input was added.'),
  ],
  joins: `cross join lateral (
  select k.kind, t.raw -> 'data' -> k.kind as media, t.raw -> 'data' -> k.kind -> (k.kind || '_info') as info
  from (values ('image'), ('video'), ('text'), ('audio')) k(kind) where t.raw -> 'data' ? k.kind
) m`,
  example: `select kind, format, count(*) as inputs, max(width) as widest, round(sum(duration_seconds)) as seconds
from {schema}.input_media group by kind, format order by inputs desc, kind, format`,
};

const DATASET_COUNTS = [
  'inputs_count',
  'unlabeled_inputs_count',
  'inputs_with_metadata_count',
  'inputs_with_geo_count',
  'regions_count',
  'bounding_boxes_count',
  'polygons_count',
  'points_count',
  'masks_count',
  'region_inputs_count',
  'region_frames_count',
  'frames_count',
  'frame_inputs_count',
  'embeddings_count',
  'positive_input_tags_count',
  'positive_region_tags_count',
  'positive_frame_tags_count',
];

const datasetVersionMetrics: View = {
  name: 'dataset_version_metrics',
  of: 'dataset_versions',
  doc: 'A row for each dataset version and group of its metrics; the group / is the whole version.',
  columns: [
    ...owner,
    text('dataset_id', 't.dataset_id', 'The dataset.'),
    text('dataset_version_id', 't.id', 'Its version.'),
    text('path', 'm.key', 'The group, such as /INPUT_TYPE:image.'),
    ...DATASET_COUNTS.map((name) => whole(name, `m.value -> '${name}'`, `${words(name)} in the group.`)),
    column('integer')('status_code', 't.status_code', 'Status of the version.'),
    stamp('created_at', 't.created_at', 'When the version was created.'),
  ],
  joins: `cross join lateral jsonb_each(case when jsonb_typeof(t.raw -> 'metrics') = 'object' then t.raw -> 'metrics' else '{}' end) m`,
  example: `select dataset_id, dataset_version_id, inputs_count, unlabeled_inputs_count, regions_count
from {schema}.dataset_version_metrics where path = '/' order by dataset_id, created_at`,
};

const FIGURES = [
  'macro_avg_roc_auc',
  'macro_std_roc_auc',
  'macro_avg_f1_score',
  'macro_std_f1_score',
  'macro_avg_precision',
  'macro_avg_recall',
  'mean_avg_precision_iou_50',
  'mean_avg_precision_iou_range',
];

const figures = (summary: string): ViewColumn[] =>
  FIGURES.map((name) => number(name, `${summary} -> '${name}'`, `${words(name)}.`));

const modelVersionMetrics: View = {
  name: 'model_version_metrics',
  of: 'model_versions',
  doc: 'A row for each version of a model that has metrics.',
  columns: [
    ...owner,
    text('model_id', 't.model_id', 'The model.'),
    text('model_version_id', 't.id', 'Its version.'),
    whole('evaluation_status_code', `t.raw -> 'metrics' -> 'status' -> 'code'`, 'Status of the evaluation.'),
    ...figures(`t.raw -> 'metrics' -> 'summary'`),
    column('integer')('total_input_count', 't.total_input_count', 'Inputs that it was trained with.'),
    text('train_dataset_id', 't.train_dataset_id', 'Dataset that it was trained with.'),
    stamp('completed_at', 't.completed_at', 'When training ended.'),
  ],
  where: `jsonb_typeof(t.raw -> 'metrics') = 'object'`,
  example: `select model_id, model_version_id, macro_avg_f1_score, macro_avg_roc_auc, completed_at
from {schema}.model_version_metrics order by macro_avg_f1_score desc nulls last limit 10`,
};

const taskWorkers: View = {
  name: 'task_workers',
  of: 'tasks',
  doc: 'A row for each task and who works on it or reviews it: a person, a version of a model or of a workflow.',
  columns: [
    ...owner,
    text('task_id', 't.id', 'The task.'),
    text('role', 'w.role', 'worker or reviewer.'),
    text('worker_kind', 'w.kind', 'user, model or workflow.'),
    text('worker_id', 'w.id', 'The person, or the version of the model or workflow.'),
    text('task_name', 't.name', 'Name of the task.'),
    column('integer')('task_status_code', 't.status_code', 'Status of the task.'),
  ],
  joins: `cross join lateral (
  select 'worker' as role, 'user' as kind, x ->> 'id' as id from jsonb_path_query(t.raw, '$.worker.workers[*].user') x
  union select 'worker', 'model', x ->> 'id' from jsonb_path_query(t.raw, '$.worker.workers[*].model.model_version') x
  union select 'worker', 'workflow', x ->> 'id' from jsonb_path_query(t.raw, '$.worker.workers[*].workflow.version') x
  union select 'worker', 'user', x ->> 'id' from jsonb_path_query(t.raw, '$.worker.users[*]') x
  union select 'worker', 'user', x #>> '{}' from jsonb_path_query(t.raw, '$.worker.user_ids[*]') x
  union select 'reviewer', 'user', x ->> 'id' from jsonb_path_query(t.raw, '$.review.users[*]') x
  union select 'reviewer', 'user', x #>> '{}' from jsonb_path_query(t.raw, '$.review.user_ids[*]') x
) w`,
  where: 'w.id is not null',
  example: `select worker_id, count(*) filter (where role = 'worker') as works_on, count(*) filter (where role = 'reviewer') as reviews
from {schema}.task_workers where worker_kind = 'user' group by worker_id order by worker_id`,
};

const stateOf = (code: string, {pending, good, bad}: (typeof RECORD_STATES)['evaluation']): string =>
  `case when ${code} in (${pending.join(', ')}) then 'pending' when ${code} in (${good.join(', ')}) then 'succeeded' ` +
  `when ${code} in (${bad.join(', ')}) then 'failed' else 'other' end`;

const evaluationSummary: View = {
  name: 'evaluation_summary',
  of: 'evaluations',
  doc: 'A row for each evaluation: what was evaluated, with which dataset version, and how well it did.',
  columns: [
    ...owner,
    text('evaluation_id', 't.id', 'The evaluation.'),
    text('state', stateOf('t.status_code', RECORD_STATES.evaluation), 'pending, succeeded, failed or other.'),
    column('integer')('status_code', 't.status_code', 'Its status by number.'),
    text('model_id', 't.model_id', 'Model that was evaluated.'),
    text('model_version_id', 't.model_version_id', 'Version of that model.'),
    text('ground_truth_dataset_id', 't.ground_truth_dataset_id', 'Dataset that it was evaluated with.'),
    text('ground_truth_dataset_version_id', 't.ground_truth_dataset_version_id', 'Version of that dataset.'),
    ...figures(`t.raw -> 'summary'`),
  ],
  example: `select e.model_id, m.model_type_id, e.model_version_id, e.macro_avg_f1_score
from {schema}.evaluation_summary e
left join {schema}.models_current m on m.user_id = e.user_id and m.app_id = e.app_id and m.id = e.model_id
where e.state = 'succeeded' order by e.macro_avg_f1_score desc`,
};

/** Every flat companion, made beside the tables of the store. */
export const VIEWS: readonly View[] = [
  annotationConcepts,
  annotationRegions,
  inputMedia,
  datasetVersionMetrics,
  modelVersionMetrics,
  taskWorkers,
  evaluationSummary,
];

function words(name: string): string {
  const spaced = name.replaceAll('_', ' ').replace(/ count$/, '');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
